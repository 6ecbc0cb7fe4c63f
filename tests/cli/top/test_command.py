"""``deskmind top`` where no service runs, and where what answers is none."""

from __future__ import annotations

import http.server
import json
import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deskmind.app import Deskmind


def _top(*words: str, home: Path, typed: str = "") -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": "/usr/bin:/bin",
        "DESKMIND_HOME": str(home),
        "DESKMIND_KNOWLEDGE_EMBEDDER": "hashing",
        "DESKMIND_TELEMETRY_METRICS_PORT": "0",
    }
    return subprocess.run(
        [sys.executable, "-m", "deskmind.cli", "top", "--once", "--interval", "0.5", *words],
        env=environment,
        input=typed,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def guarded() -> Iterator[tuple[str, list[str]]]:
    """A service whose metrics want a key."""
    keys: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            keys.append(self.headers.get("Authorization", ""))
            if self.path.startswith("/moved"):
                self.send_response(302)
                self.send_header("Location", "/metrics")
                self.end_headers()
                return
            if keys[-1] != "Bearer right":
                self.send_error(401)
                return
            body = b'deskmind_processes 3\ndeskmind_build_info{deskmind_version="9.9"} 1\n'
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", keys
    server.shutdown()
    thread.join()
    server.server_close()


def test_without_a_service_the_home_itself_is_shown(app: Deskmind, desk_home: Path, tmp_path: Path) -> None:
    assert app.settings.home == desk_home
    picture = tmp_path / "top.svg"
    shown = _top("--svg", str(picture), home=desk_home)
    assert shown.returncode == 0, shown.stderr
    assert "no service shows its metrics" in shown.stdout
    assert "connections" in shown.stdout
    assert picture.read_text("utf-8").startswith("<svg")
    assert "url(" not in picture.read_text("utf-8").replace("url(#", ""), "it fetches nothing"
    glance = json.loads(_top("--json", home=desk_home).stdout)
    assert glance["processes"] == 1
    assert glance["pool"]["most"] == 10


def test_a_service_elsewhere_is_shown_to_the_right_key(
    guarded: tuple[str, list[str]], tmp_path: Path
) -> None:
    address, keys = guarded
    glance = json.loads(
        _top("--json", "--server", address, "--key", "-", home=tmp_path, typed="right\n").stdout
    )
    assert (glance["processes"], glance["release"]) == (3, "9.9")
    assert set(keys) == {"Bearer right"}
    refused = _top("--server", address, "--key", "wrong", home=tmp_path)
    assert refused.returncode == 77
    assert "operator's key" in refused.stderr
    assert "wrong" not in refused.stderr


def test_a_key_does_not_follow_a_redirect(guarded: tuple[str, list[str]], tmp_path: Path) -> None:
    address, keys = guarded
    refused = _top("--server", f"{address}/moved", "--key", "right", home=tmp_path)
    assert refused.returncode == 69
    assert "302" in refused.stderr
    assert len(keys) == 1


@contextmanager
def _interruptible() -> Iterator[None]:
    """A shell that puts these tests into the background has them ignore Ctrl-C, and programs inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def test_on_a_terminal_it_goes_on_until_it_is_interrupted(
    guarded: tuple[str, list[str]], tmp_path: Path
) -> None:
    address, keys = guarded
    master, slave = pty.openpty()
    with _interruptible():
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "deskmind.cli", "top", "--interval", "0.2"),
                *("--server", address, "--key", "right", "--home", str(tmp_path)),
            ],
            env={"PATH": "/usr/bin:/bin", "TERM": "xterm-256color"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
    os.close(slave)
    shown = b""
    while shown.count(b"3 processes") < 2:
        shown += os.read(master, 65536)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    os.close(master)
    assert b"\x1b[?1049h" in shown, "it has a screen of its own"
    assert len(keys) >= 3


def test_where_nobody_answers_it_says_so(tmp_path: Path) -> None:
    silent = _top("--server", "http://127.0.0.1:9", home=tmp_path)
    assert silent.returncode == 69
    assert "deskmind serve" in silent.stderr
