"""Who is asking: a user with roles and groups, known by password, token or API key."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from deskmind.sandbox.servicenow.errors import Refused, not_authenticated
from deskmind.sandbox.servicenow.oauth import Tokens
from deskmind.sandbox.servicenow.store import Store

__all__ = ["PASSWORD", "Directory", "User"]

PASSWORD = "sandbox-password"  # noqa: S105 - a sandbox's own
"""The password of every account of the sandbox."""
API_KEY = "now_sandbox-api-key"
"""An inbound API key (header `x-sn-apikey`) of the integration user."""


@dataclass(frozen=True, slots=True)
class User:
    """One account with what it may do. `zone` is in which its dates are shown."""

    sys_id: str
    name: str
    display: str
    roles: frozenset[str]
    groups: frozenset[str]
    company: str
    department: str
    location: str
    zone: ZoneInfo

    def has(self, *roles: str) -> bool:
        """Whether it has one of the roles; an administrator has all."""
        return "admin" in self.roles or not self.roles.isdisjoint(roles)

    def shown(self, value: str) -> str:
        """A UTC time as this user sees it."""
        if len(value) != 19:
            return value
        at = datetime.fromisoformat(value).replace(tzinfo=UTC)
        return str(at.astimezone(self.zone))[:19]


class Directory:
    """The accounts of an instance, read from its tables."""

    def __init__(self, store: Store, tokens: Tokens) -> None:
        self._store, self._tokens = store, tokens
        self._version = -1
        self._users: dict[str, User] = {}

    def by_headers(self, headers: Mapping[str, str]) -> User:
        """Who sends these headers. Raises `Refused` (401) for nobody, a wrong password or an expired token."""
        if key := headers.get("x-sn-apikey"):
            return self._known("deskmind.integration" if hmac.compare_digest(key, API_KEY) else "", "Basic")
        scheme, _, value = headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._known(self._tokens.user(value) or "", "BEARER")
        if scheme.lower() != "basic":
            raise not_authenticated()
        name, password = _decoded(value)
        return self._known(name if password == PASSWORD else "", "Basic")

    def named(self, name: str) -> User | None:
        """The active account with this user name."""
        version = sum(self._store.version(table) for table in _TABLES)
        if version != self._version:
            self._version, self._users = version, {}
        user = self._users.get(name)
        if user is None and (made := self._made(name)):
            user = self._users[name] = made
        return user

    def _known(self, name: str, scheme: str) -> User:
        user = self.named(name) if name else None
        if user is None:
            raise not_authenticated(scheme)
        return user

    def _made(self, name: str) -> User | None:
        read = self._store.read
        found = self._store.by("sys_user", "user_name", name)
        if not found:
            return None
        row = found[0]
        if read("sys_user", row, "active") != "true" or read("sys_user", row, "locked_out") == "true":
            return None
        sys_id = read("sys_user", row, "sys_id")
        groups = _linked(self._store, "sys_user_grmember", "user", sys_id, "group")
        roles = _linked(self._store, "sys_user_has_role", "user", sys_id, "role")
        return User(
            sys_id,
            name,
            read("sys_user", row, "name"),
            frozenset(self._store.value("sys_user_role", role, "name") for role in roles),
            groups,
            read("sys_user", row, "company"),
            read("sys_user", row, "department"),
            read("sys_user", row, "location"),
            _zone(read("sys_user", row, "time_zone")),
        )


_TABLES = ("sys_user", "sys_user_grmember", "sys_user_has_role", "sys_user_role")


def _linked(store: Store, table: str, column: str, value: str, wanted: str) -> frozenset[str]:
    return frozenset(store.read(table, row, wanted) for row in store.by(table, column, value))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def _decoded(value: str) -> tuple[str, str]:
    try:
        name, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise not_authenticated() from None
    return name, password


def require(user: User, *roles: str) -> None:
    """Raises `Refused` (403) for a user with none of the roles."""
    if not user.has(*roles):
        raise Refused(403, "User Not Authorized", "Failed API level ACL Validation")
