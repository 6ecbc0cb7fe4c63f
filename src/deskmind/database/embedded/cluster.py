"""The database cluster on disk: making it, starting a postmaster on it, telling a stale lock file from a live one."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
from pathlib import Path

from deskmind.database.embedded import processes
from deskmind.database.embedded.places import Places, storage_error
from deskmind.errors import DeskmindError, EmbeddedServerError, StorageFullError

__all__ = ["MAJOR", "SUPERUSER", "free_port", "initialise", "launch", "postmaster", "tail"]

MAJOR = "18"
SUPERUSER = "deskmind_superuser"
_LOG_LIMIT = 16 * 2**20

_CONFIGURATION = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 100
shared_buffers = 128MB
work_mem = 16MB
maintenance_work_mem = 128MB
effective_cache_size = 1GB
jit = off
synchronous_commit = on
wal_level = minimal
max_wal_senders = 0
max_wal_size = 1GB
checkpoint_timeout = 15min
random_page_cost = 1.1
password_encryption = 'scram-sha-256'
shared_preload_libraries = 'pg_stat_statements'
log_timezone = 'UTC'
timezone = 'UTC'
log_statement = 'none'
log_min_duration_statement = -1
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
max_logical_replication_workers = 0
"""


def initialise(places: Places) -> None:
    """Make the cluster unless it is there; an interrupted attempt leaves nothing that looks like one.

    Raises:
        EmbeddedServerError: it belongs to another major version, or cannot be made.
        StorageFullError: no space is left.
    """
    if places.data.exists():
        _check_version(places.data)
        return
    for leftover in places.cluster.glob("data.new*"):
        shutil.rmtree(leftover, ignore_errors=True)
    fresh = places.cluster / f"data.new.{os.getpid()}"
    try:
        fresh.mkdir(mode=0o700)
        places.give(fresh)
        _run_initdb(places, fresh, _password(places))
        (fresh / "postgresql.auto.conf").write_text(_CONFIGURATION, "utf-8")
        (fresh / "pg_hba.conf").write_text("host all all 127.0.0.1/32 scram-sha-256\n", "utf-8")
        fresh.rename(places.data)
    except OSError as error:
        raise storage_error(error, places.cluster) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def launch(places: Places, port: int) -> subprocess.Popen[bytes]:
    """Start a postmaster in a session of its own."""
    _clear_stale_lock(places)
    _rotate(places.log)
    log = places.log.open("ab")
    try:
        places.give(places.log)
        return subprocess.Popen(
            [str(places.binaries / "postgres"), "-D", str(places.data), "-p", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=places.cluster,
            start_new_session=True,
            umask=0o077,
            env=_environment(),
            **_identity(places),
        )
    finally:
        log.close()


def postmaster(data: Path) -> tuple[int, int, str] | None:
    """Pid, port and state of the postmaster that ``postmaster.pid`` names; None when there is none."""
    try:
        lines = (data / "postmaster.pid").read_text("utf-8").splitlines()
        return int(lines[0]), int(lines[3]), lines[7].strip() if len(lines) > 7 else "starting"
    except (OSError, ValueError, IndexError):
        return None


def is_ours(pid: int, data: Path) -> bool:
    """Whether the live process ``pid`` is a postmaster on ``data``, not one that was given a used pid."""
    return processes.exists(pid) and str(data) in processes.command_of(pid) and "postgres" in processes.command_of(pid)


def free_port() -> int:
    """A port on the loopback interface that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def tail(log: Path, lines: int = 5) -> str:
    """The last lines of the server's log."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4096))
            return " | ".join(file.read().decode("utf-8", "replace").strip().splitlines()[-lines:])
    except OSError:
        return ""


def _password(places: Places) -> str:
    if places.password.exists():
        return places.password.read_text("utf-8")
    password = secrets.token_urlsafe(32)
    descriptor = os.open(places.password, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(password)
    return password


def _run_initdb(places: Places, data: Path, password: str) -> None:
    reader, writer = os.pipe()
    if places.account is not None:
        os.fchown(reader, places.account.uid, places.account.gid)
    os.write(writer, password.encode())
    os.close(writer)
    try:
        done = subprocess.run(
            [
                *(str(places.binaries / "initdb"), "-D", str(data), "-U", SUPERUSER, "-E", "UTF8", "--no-sync"),
                *("--locale=C.UTF-8" if os.uname().sysname == "Linux" else "--locale=en_US.UTF-8",),
                *("--auth=scram-sha-256", "--no-instructions", f"--pwfile=/dev/fd/{reader}"),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            cwd=places.cluster,
            pass_fds=(reader,),
            env=_environment(),
            **_identity(places),
        )
    finally:
        os.close(reader)
    if done.returncode != 0:
        raise failure("The embedded database could not be made.", done.stderr.strip().replace("\n", " | "), places)


def failure(what: str, output: str, places: Places) -> DeskmindError:
    """The error for a failed server program, full disks told from the rest."""
    if "No space left on device" in output or "Disk quota exceeded" in output:
        return StorageFullError(
            "There is no space left for the embedded database.",
            why=output[-500:],
            remedy=f"Free space on the volume of {places.cluster}, or choose another folder with --home.",
        )
    return EmbeddedServerError(what, why=output[-1000:], remedy=f"The server's log is {places.log}.")


def _check_version(data: Path) -> None:
    try:
        found = (data / "PG_VERSION").read_text("utf-8").strip()
    except OSError:
        found = "unknown"
    if found != MAJOR:
        raise EmbeddedServerError(
            f"The embedded database in {data} was made by PostgreSQL {found}.",
            why=f"This release brings PostgreSQL {MAJOR}, which cannot read it.",
            remedy="Dump it with the release that made it and load it into a new home, or choose another --home.",
        )


def _clear_stale_lock(places: Places) -> None:
    found = postmaster(places.data)
    if found is not None and not is_ours(found[0], places.data):
        (places.data / "postmaster.pid").unlink(missing_ok=True)


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))


def _identity(places: Places) -> dict[str, int | list[int]]:
    account = places.account
    return {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": []}


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "LC_ALL": "C.UTF-8" if os.uname().sysname == "Linux" else "en_US.UTF-8", "TZ": "UTC"}
