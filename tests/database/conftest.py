"""Servers that stand beside the session's own: a pooler in front of it, databases of their own in it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from deskmind.app import Deskmind
from deskmind.database.embedded._account import service_account

_PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")
_PATIENCE = 60.0
_AUTH_QUERY = "SELECT usename, passwd FROM pg_shadow WHERE usename = $1"


@dataclass(frozen=True)
class Pooler:
    """A PgBouncer in transaction mode, and the way around it.

    Attributes:
        address: of the database through PgBouncer, as the administrator.
        direct: the same without PgBouncer.
    """

    address: str
    direct: str

    def show(self, what: str) -> list[dict[str, Any]]:
        """Rows of a ``SHOW`` command of PgBouncer's console."""
        console = make_conninfo(self.address, dbname="pgbouncer")
        with psycopg.connect(console, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
            cursor = connection.execute(f"SHOW {what}".encode())
            names = [column.name for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@pytest.fixture(scope="package")
def new_database(app: Deskmind) -> Callable[[], str]:
    """Makes an empty database in the session's server; gives the administrator's address."""
    admin = app.database.endpoints.admin
    assert admin is not None

    def make() -> str:
        name = f"d{uuid.uuid4().hex[:12]}"
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return make_conninfo(admin, dbname=name)

    return make


@pytest.fixture(scope="package")
def pooled() -> Callable[..., Any]:
    """Runs PgBouncer in front of a database; skips where there is none."""
    if _PROGRAM is None:
        pytest.skip("PgBouncer is not installed (Debian: apt-get install pgbouncer)")
    return _pooler


@contextmanager
def _pooler(direct: str, *, server_connections: int) -> Iterator[Pooler]:
    assert _PROGRAM is not None
    folder = Path(tempfile.mkdtemp(prefix="deskmind-pooler-"))
    server = {key: str(value) for key, value in conninfo_to_dict(direct).items()}
    port = _free_port()
    (folder / "users.txt").write_text(f'"{server["user"]}" "{server["password"]}"\n')
    (folder / "pgbouncer.ini").write_text(
        f"""[databases]
{server["dbname"]} = host={server["host"]} port={server["port"]} auth_user={server["user"]}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder / "users.txt"}
auth_query = {_AUTH_QUERY}
admin_users = {server["user"]}
pool_mode = transaction
default_pool_size = {server_connections}
max_client_conn = 200
server_tls_sslmode = disable
server_login_retry = 1
"""
    )
    account = service_account(folder / "nothing")
    if account is not None:
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, account.uid, account.gid)
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        [_PROGRAM, str(folder / "pgbouncer.ini")],
        stdout=log,
        stderr=log,
        **(account.options if account is not None else {}),
    )
    try:
        _await_port(port, process, folder / "log")
        yield Pooler(make_conninfo(direct, host="127.0.0.1", port=port), direct)
    finally:
        process.terminate()
        process.wait(timeout=_PATIENCE)
        log.close()
        shutil.rmtree(folder)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.01)
    raise AssertionError(log.read_text())
