"""Homes that are left without processes, and other processes that use a server."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from deskmind.database.embedded import EmbeddedServer
from deskmind.database.embedded._layout import Layout
from deskmind.database.embedded._processes import end_server, is_running, server_processes

_USER = """
import json, sys
from pathlib import Path
from deskmind.database.embedded import EmbeddedServer
server = EmbeddedServer.start(Path(sys.argv[1]))
print(json.dumps({"port": server.port, "conninfo": server.conninfo()}), flush=True)
sys.stdin.read()
server.stop()
"""


def _eventually(condition: Callable[[], Any], *, seconds: float = 60.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {condition}"
        time.sleep(0.01)
    return result


def _quick_disk() -> Path | None:
    """Where a cluster of 1,000 files is copied in no time; None for the usual place."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2**30
    return memory if roomy else None


@dataclass
class Processes:
    """Other processes that use the server of a home."""

    home: Path
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    def use(self) -> tuple[subprocess.Popen[str], dict[str, Any]]:
        """One that has started or joined the server."""
        process = subprocess.Popen(
            [sys.executable, "-c", _USER, str(self.home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.running.append(process)
        assert process.stdout is not None
        return process, json.loads(process.stdout.readline())

    def end(self) -> None:
        for process in self.running:
            process.kill()
            process.communicate()


@pytest.fixture(scope="session")
def eventually() -> Callable[..., Any]:
    """Gives the first true result of a condition, or fails after a deadline."""
    return _eventually


@pytest.fixture(scope="session")
def left_over() -> Callable[[Path], list[int]]:
    """The server processes that run in a home's data directory."""

    def find(home: Path) -> list[int]:
        layout = Layout.of(home)
        return server_processes(layout.data, layout.title)

    return find


@pytest.fixture(scope="session")
def ask() -> Callable[[EmbeddedServer, str], Any]:
    """The first value of a query, asked by the superuser."""

    def ask(server: EmbeddedServer, query: str) -> Any:
        with psycopg.connect(server.conninfo(), autocommit=True) as connection:
            cursor = connection.execute(query)  # type: ignore[call-overload]
            row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None

    return ask


@pytest.fixture(scope="package")
def made_home() -> Iterator[Path]:
    """A home whose cluster was made, not running; to be copied."""
    home = Path(tempfile.mkdtemp(prefix="deskmind-made-", dir=_quick_disk()))
    EmbeddedServer.start(home).stop()
    yield home
    shutil.rmtree(home)


@pytest.fixture
def empty_home() -> Iterator[Path]:
    """A home without anything, and without processes afterwards."""
    home = Path(tempfile.mkdtemp(prefix="deskmind-home-", dir=_quick_disk()))
    yield home
    _leave(home)


@pytest.fixture
def home(made_home: Path, empty_home: Path) -> Path:
    """A home with a cluster that does not run."""
    shutil.copytree(made_home, empty_home, dirs_exist_ok=True)
    return empty_home


@pytest.fixture
def processes(home: Path) -> Iterator[Processes]:
    """Other users of ``home``."""
    others = Processes(home)
    yield others
    others.end()


def _leave(home: Path) -> None:
    layout = Layout.of(home)
    state = layout.read_state()
    if state is not None and state.supervisor.pid != os.getpid() and is_running(state.supervisor):
        os.kill(state.supervisor.pid, signal.SIGKILL)
    end_server(layout.data, layout.title)

    def removed() -> bool:
        """A supervisor that is just ending may still write its lock."""
        shutil.rmtree(home, ignore_errors=True)
        return not home.exists()

    _eventually(removed)
