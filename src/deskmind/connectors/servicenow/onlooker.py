"""What anybody with a role sees, by the eyes of one who has nothing else.

An instance's access rules are scripts, which nobody outside can evaluate, and the platform tells only the asker's own
sight. So a plain user is asked: the *onlooker* holds one of the reader roles, is in no group and has no attribute that a rule
could favour. What it is shown, everybody with the role is shown, as long as rules give by group, role or attribute and do not
take away. What it is not shown is mirrored to those named in it and to its assignment group alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from deskmind.connectors.core.auth import Auth
from deskmind.connectors.core.client import Client
from deskmind.connectors.servicenow.fields import value
from deskmind.connectors.servicenow.tables import Table
from deskmind.errors import NotFoundError, SourcePermissionError

__all__ = ["Onlooker", "shown_to", "unfit"]

_OF_EVERYBODY = frozenset({"snc_internal"})
_FAVOURED = ("company", "department", "location")
_AT_ONCE = 80


@dataclass(frozen=True, slots=True)
class Onlooker:
    """A user who is asked what everybody with a reader role sees."""

    login: str
    auth: Auth = field(repr=False)


async def unfit(client: Client, login: str, roles: Sequence[str]) -> tuple[str, str]:
    """The onlooker's id, and why its sight cannot stand for others; empty where it can."""
    try:
        users = await Table(client, "sys_user", shown=False).some(f"user_name={login.partition('^')[0]}")
        if len(users) != 1:
            return "", "There is no such user."
        identity = value(users[0].get("sys_id"))
        if any(value(users[0].get(name)) for name in _FAVOURED):
            return identity, f"It has a {', '.join(_FAVOURED[:-1])} or {_FAVOURED[-1]}."
        if await Table(client, "sys_user_grmember", shown=False).some(f"user={identity}"):
            return identity, "It is in a group."
        held = await _roles(client, identity)
    except (SourcePermissionError, NotFoundError):
        return "", "Its groups and roles cannot be read."
    if not held & set(roles):
        return identity, f"It has none of the roles {', '.join(roles)}."
    extra = sorted(held - set(roles) - _OF_EVERYBODY)
    return identity, f"It has other roles: {', '.join(extra)}." if extra else ""


async def shown_to(client: Client, table: str, ids: Sequence[str]) -> frozenset[str]:
    """Those of some rows that the onlooker's client is shown; none where it may not read the table."""
    light = Table(client, table, fields=("sys_id",), shown=False)
    found: set[str] = set()
    try:
        for at in range(0, len(ids), _AT_ONCE):
            rows = await light.some(f"sys_idIN{','.join(ids[at : at + _AT_ONCE])}")
            found.update(value(row.get("sys_id")) for row in rows)
    except (SourcePermissionError, NotFoundError):
        return frozenset()
    return frozenset(found)


async def _roles(client: Client, identity: str) -> set[str]:
    """Names of the roles it was given, not of those that are contained in them."""
    rows = await Table(client, "sys_user_has_role", shown=False).some(f"user={identity}")
    given = {value(row.get("role")) for row in rows if value(row.get("inherited")) != "true"}
    if not given:
        return set()
    named = await Table(client, "sys_user_role", fields=("sys_id", "name"), shown=False).some(
        f"sys_idIN{','.join(sorted(given))}"
    )
    return {value(row.get("name")) for row in named}
