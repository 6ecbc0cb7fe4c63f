"""The life of a server: started, shared, stopped, and never outliving its users."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from deskmind.database.embedded import EmbeddedServer, EmbeddedStatus, status

_FORKER = """
import os, sys, time
from pathlib import Path
from deskmind.database.embedded import EmbeddedServer
server = EmbeddedServer.start(Path(sys.argv[1]))
child = os.fork()
if child == 0:
    server.stop()
    time.sleep(60)
    os._exit(0)
print(child, flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def server(made_home: Path):
    with EmbeddedServer.start(made_home) as server:
        yield server


def test_status_of_a_home_without_anything(tmp_path: Path):
    assert status(tmp_path / "none") == EmbeddedStatus(
        initialised=False,
        running=False,
        pid=None,
        port=None,
        users=(),
        version="",
        data_directory=tmp_path / "none" / "embedded" / "data",
    )
    assert not (tmp_path / "none").exists()


def test_first_start_makes_a_database_and_stop_leaves_no_process(empty_home: Path, ask, left_over):
    server = EmbeddedServer.start(empty_home / "new" / "home")
    found = status(server.home)
    assert (found.initialised, found.running, found.port) == (True, True, server.port)
    assert found.users == (os.getpid(),)
    assert found.pid in left_over(server.home)
    assert found.version == server.version
    assert ask(server, "SELECT version()").startswith(f"PostgreSQL {server.version} ")
    assert server.alive
    server.stop()
    server.stop()
    assert not server.alive
    assert left_over(server.home) == []
    found = status(server.home)
    assert (found.running, found.pid, found.port, found.users) == (False, None, None, ())
    assert found.version == server.version.split(".")[0]


def test_data_survives_a_restart(home: Path, ask):
    with EmbeddedServer.start(home) as server:
        ask(server, "CREATE TABLE kept AS SELECT 42 AS value")
    with EmbeddedServer.start(home) as server:
        assert ask(server, "SELECT value FROM kept") == 42


def test_two_uses_in_one_process_are_two_users(home: Path, ask, left_over):
    first, second = EmbeddedServer.start(home), EmbeddedServer.start(home)
    assert first.port == second.port
    first.stop()
    assert not first.alive
    assert ask(second, "SELECT 1") == 1
    second.stop()
    assert left_over(home) == []


def test_many_that_start_at_once_share_one_server(empty_home: Path, left_over):
    with ThreadPoolExecutor(4) as pool:
        servers = list(pool.map(lambda _: EmbeddedServer.start(empty_home), range(4)))
    assert len({server.port for server in servers}) == 1
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(EmbeddedServer.stop, servers))
    assert left_over(empty_home) == []


def test_processes_share_a_server_until_the_last_leaves(home: Path, processes, ask, eventually, left_over):
    first, told = processes.use()
    second, told_too = processes.use()
    assert told == told_too
    assert set(status(home).users) == {first.pid, second.pid}
    first.communicate()
    assert status(home).users == (second.pid,)
    with psycopg.connect(told["conninfo"]) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    second.communicate()
    assert second.returncode == 0
    assert left_over(home) == []


def test_killed_users_take_the_server_with_them(home: Path, processes, eventually, left_over):
    first, _ = processes.use()
    second, _ = processes.use()
    assert left_over(home)
    first.kill()
    eventually(lambda: status(home).users == (second.pid,))
    assert status(home).running
    second.kill()
    eventually(lambda: not left_over(home))
    assert not status(home).running


def test_a_forked_child_does_not_keep_the_server(home: Path, eventually, left_over):
    parent = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", _FORKER, str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    try:
        assert status(home).users == (parent.pid,)
        assert status(home).running
        parent.kill()
        eventually(lambda: not left_over(home))
        os.kill(child, 0)
    finally:
        os.kill(child, signal.SIGKILL)
        parent.communicate()


def test_what_is_meant_for_the_caller_does_not_stop_the_server(home: Path, ask):
    with EmbeddedServer.start(home) as server:
        supervisor = server._state.supervisor.pid
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(supervisor, number)
        assert os.getsid(supervisor) != os.getsid(0)
        assert ask(server, "SELECT 1") == 1
        assert server.alive


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("jit", "off"),
        ("max_connections", "100"),
        ("listen_addresses", "127.0.0.1"),
        ("unix_socket_directories", ""),
        ("shared_preload_libraries", "pg_stat_statements"),
        ("password_encryption", "scram-sha-256"),
        ("server_encoding", "UTF8"),
        ("data_checksums", "on"),
        ("logging_collector", "on"),
        ("log_min_error_statement", "panic"),
        ("TimeZone", "UTC"),
    ],
)
def test_settings(server: EmbeddedServer, ask, setting: str, value: str):
    assert ask(server, f"SHOW {setting}") == value


def test_buffers_fit_the_machine(server: EmbeddedServer, ask):
    pages = int(ask(server, "SELECT setting FROM pg_settings WHERE name = 'shared_buffers'"))
    assert 128 * 2**20 <= pages * 8192 <= 2**30


def test_an_administrator_may_change_settings(server: EmbeddedServer, ask):
    ask(server, "ALTER SYSTEM SET work_mem = '9MB'")
    ask(server, "SELECT pg_reload_conf()")
    try:
        with psycopg.connect(server.conninfo()) as connection:
            assert connection.execute("SHOW work_mem").fetchone() == ("9MB",)
    finally:
        ask(server, "ALTER SYSTEM RESET work_mem")


def test_letters_beyond_ascii_have_their_case(server: EmbeddedServer, ask):
    assert ask(server, "SELECT upper('störung')") == "STÖRUNG"


@pytest.mark.parametrize("name", ["vector", "pg_trgm", "btree_gin", "unaccent", "pg_stat_statements"])
def test_extensions_are_there(server: EmbeddedServer, ask, name: str):
    assert ask(server, f"SELECT count(*) FROM pg_available_extensions WHERE name = '{name}'") == 1


def test_failed_statements_leave_no_values_in_the_log(server: EmbeddedServer, ask, eventually):
    def logged(text: str) -> bool:
        logs = (server.data_directory / "log").glob("postgresql-*.log")
        return any(text in log.read_text() for log in logs)

    with pytest.raises(psycopg.Error):
        ask(server, "SELECT 'kept-out-of-logs'::int FROM nowhere_at_all")
    eventually(lambda: logged("nowhere_at_all"))  # written by a process of its own
    assert not logged("kept-out-of-logs")


def test_a_login_needs_the_password(server: EmbeddedServer):
    for address in (
        server.conninfo(user="deskmind_superuser"),
        server.conninfo(user="deskmind_superuser", password="wrong"),
    ):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(address)


def test_the_password_is_for_the_owner_of_the_home_alone(server: EmbeddedServer):
    folder = server.home / "embedded"
    password = folder / "password"
    assert password.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert server.data_directory.stat().st_mode & 0o777 == 0o700
    assert len(password.read_text()) >= 32
    assert password.stat().st_uid == os.geteuid()


def test_the_password_is_in_no_command_line(server: EmbeddedServer):
    password = (server.home / "embedded" / "password").read_text()
    assert password not in subprocess.run(["ps", "axww"], capture_output=True, text=True, check=True).stdout


_names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)


@given(dbname=_names, user=_names, password=_names)
def test_addresses_carry_any_name(server: EmbeddedServer, dbname: str, user: str, password: str):
    parsed = conninfo_to_dict(server.conninfo(dbname=dbname, user=user, password=password))
    assert (parsed["dbname"], parsed["user"], parsed["password"]) == (dbname, user, password)
    assert (parsed["host"], parsed["port"]) == ("127.0.0.1", str(server.port))
    assert parsed["require_auth"] == "scram-sha-256"
