"""Who the server runs as. PostgreSQL refuses root, so root hands it to an account without rights."""

from __future__ import annotations

import os
import pwd
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deskmind.errors import EmbeddedServerError

__all__ = ["Account", "bootstrap_account", "reaches_by_descriptor", "service_account"]

# systemd lists 60706 to 61183 as used by nobody, and Debian gives out none of them. A number of our own,
# rather than "nobody", keeps the data from every other program that was told to run as nobody.
_OWN_RANGE = range(60731, 61184)


@dataclass(frozen=True, slots=True)
class Account:
    """A user and group id without further groups."""

    uid: int
    gid: int

    @property
    def options(self) -> dict[str, Any]:
        """Keyword arguments of ``subprocess`` that run a child as this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def service_account(data: Path) -> Account | None:
    """The account of a home's server; None to run it as ourselves.

    For root: the owner of an existing data directory, else the account ``deskmind`` if the system has one,
    else an id of our own without an entry in the account database.

    Raises:
        EmbeddedServerError: no id is free, or the data belongs to another user.
    """
    owner = _owner(data)
    if os.geteuid() != 0:
        if owner is not None and owner.uid != os.geteuid():
            raise EmbeddedServerError(
                f"The embedded database under {data} cannot be used.",
                why=f"It belongs to the user with id {owner.uid}.",
                remedy="Run Deskmind as the user who created it, or give another --home.",
            )
        return None
    if owner is not None and owner.uid != 0:
        return owner
    return _named("deskmind") or _unclaimed()


def bootstrap_account(account: Account) -> Account:
    """Who runs ``initdb``, which insists on an entry in the account database; ``account`` gets the result.

    Raises:
        EmbeddedServerError: there is no ordinary account at all.
    """
    if _has_entry(account.uid):
        return account
    for name in ("nobody", "daemon", "bin"):
        if found := _named(name):
            return found
    for entry in pwd.getpwall():
        if entry.pw_uid != 0:
            return Account(entry.pw_uid, entry.pw_gid)
    raise EmbeddedServerError(
        "The embedded database cannot be created by root.",
        why="PostgreSQL refuses to run as root, and the system has no other account.",
        remedy="Add one (for example: useradd --system deskmind), or run Deskmind as an ordinary user.",
    )


def reaches_by_descriptor() -> bool:
    """Whether a process can name its working directory without access to the folders above it."""
    return sys.platform == "linux" and Path("/proc/self/cwd").exists()


def _owner(data: Path) -> Account | None:
    try:
        found = data.stat()
    except FileNotFoundError:
        return None
    return Account(found.st_uid, found.st_gid)


def _named(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(entry.pw_uid, entry.pw_gid) if entry.pw_uid != 0 else None


def _has_entry(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _unclaimed() -> Account:
    for uid in _OWN_RANGE:
        if not _has_entry(uid):
            return Account(uid, uid)
    raise EmbeddedServerError(
        "The embedded database cannot be run by root.",
        why=f"PostgreSQL refuses to run as root; the ids {_OWN_RANGE[0]} to {_OWN_RANGE[-1]} are taken.",
        remedy="Add an account for it: useradd --system deskmind",
    )
