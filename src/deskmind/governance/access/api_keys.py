"""API keys: ``dk_{tenant}_{key}_{secret}``, stored as HMAC-SHA-256, shown once.

The key names its tenant, so that finding it needs no look across tenants.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

from deskmind.database import Database
from deskmind.errors import (
    AuthenticationError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    PrincipalNotFoundError,
)
from deskmind.governance.access.handing_out import check_held, check_oversees, held_by
from deskmind.governance.access.operation import operation
from deskmind.governance.access.permissions import Permission
from deskmind.governance.access.principals import Principals
from deskmind.governance.access.refusals import Concerned, Refusals
from deskmind.governance.audit import Person, record
from deskmind.keyring import Keyring
from deskmind.scope import Scope

__all__ = ["ApiKey", "ApiKeys", "NewApiKey", "authenticate"]

_SELECT = """
SELECT k.key_id, k.name, p.name, k.created_at, k.expires_at, k.revoked_at, k.last_used_at, k.rotated_at, k.previous_until
  FROM api_keys k JOIN principals p ON p.tenant_id = k.tenant_id AND p.principal_id = k.principal_id
 WHERE k.tenant_id = %s ORDER BY k.created_at
"""

_FIND = """
SELECT t.slug, k.principal_id, k.mac, k.mac_version, k.revoked_at IS NOT NULL, coalesce(k.expires_at <= now(), false),
       NOT k.restricted OR EXISTS (SELECT FROM access_grants a WHERE a.tenant_id = k.tenant_id AND a.key_id = k.key_id
           AND a.role IN ('owner', 'admin') AND a.revoked_at IS NULL AND (a.until IS NULL OR a.until > now())),
       k.previous_mac, k.previous_mac_version, coalesce(k.previous_until > now(), false)
  FROM tenants t LEFT JOIN api_keys k ON k.tenant_id = t.tenant_id AND k.key_id = %s
 WHERE t.tenant_id = %s
"""

_TOUCH = """
UPDATE api_keys SET last_used_at = now()
 WHERE tenant_id = %s AND key_id = %s AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
"""

_LIVE = """
SELECT k.principal_id, p.name, k.expires_at
  FROM api_keys k JOIN principals p ON p.tenant_id = k.tenant_id AND p.principal_id = k.principal_id
 WHERE k.tenant_id = %s AND k.key_id = %s AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
"""

_ROTATE = """
UPDATE api_keys SET previous_mac = mac, previous_mac_version = mac_version,
       previous_until = now() + make_interval(secs => %s), mac = %s, mac_version = %s, rotated_at = now()
 WHERE tenant_id = %s AND key_id = %s AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
"""
_LONGEST_OVERLAP_HOURS = 720


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What may be known of a key after it was made.

    Attributes:
        last_used_at: to the minute.
        rotated_at: when it got its secret, where that was not when it was made.
        previous_until: until when the secret before is taken, too.
    """

    key_id: UUID
    name: str
    user: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    rotated_at: datetime | None = None
    previous_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key just made, or with a new secret; ``secret`` is the whole key and is never shown again."""

    key_id: UUID
    user: str
    secret: str = field(repr=False)
    expires_at: datetime | None = None


class ApiKeys:
    """The API keys of the scope's tenant."""

    def __init__(
        self,
        database: Database,
        scope: Scope,
        keyring: Keyring,
        *,
        on_revoked: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._scope = scope
        self._keyring = keyring
        self._revoked = on_revoked

    @property
    def scope(self) -> Scope:
        """Who acts."""
        return self._scope

    @property
    def database(self) -> Database:
        """Where keys are kept."""
        return self._database

    @operation(Permission.KEYS_WRITE)
    async def create(self, user: str, *, name: str = "", expires_at: datetime | None = None) -> NewApiKey:
        """Make a key with which ``user`` acts. Roles granted to it, see ``Access.grant``, bound what it may do.

        Raises:
            PrincipalNotFoundError: there is no such user.
            PermissionDeniedError: the user holds what one does not, or is somebody else and one does not oversee the tenant.
        """
        principal = await Principals(self._database, self._scope).scope_of(name=user)
        await self._check_may_act_as(principal)
        key_id = uuid4()
        secret, version, mac = self._secret(key_id)
        async with self._database.transaction(self._scope) as connection:
            await connection.execute(
                "INSERT INTO api_keys (tenant_id, key_id, principal_id, name, mac, mac_version, expires_at)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s)",
                (self._scope.tenant_id, key_id, principal.principal_id, name, mac, version, expires_at),
            )
            person = Person(user, principal.principal_id)
            await record(connection, self._scope, Permission.KEYS_WRITE, resource=str(key_id), user=person)
        return NewApiKey(key_id, user, secret, expires_at)

    @operation(Permission.KEYS_WRITE)
    async def rotate(self, key_id: UUID, *, overlap_hours: float = 24.0) -> NewApiKey:
        """A new secret for a key, which keeps its id, user, roles and expiry. Until the overlap is over both secrets are taken.

        Args:
            key_id: which.
            overlap_hours: 0 to 720; 0 where the old one has leaked: it ends here at once, on other replicas within a
                second. A secret before the old one ends in any case.

        Raises:
            NotFoundError: the tenant has no such live key.
            PrincipalNotFoundError: its user is gone or disabled.
            InvalidRequestError: the overlap is not possible.
            PermissionDeniedError: as for ``create``: whoever has a secret acts as the user.
        """
        if not 0 <= overlap_hours <= _LONGEST_OVERLAP_HOURS:
            raise InvalidRequestError(
                f"An overlap of {overlap_hours:g} hours is not possible.", remedy="Choose 0 to 720."
            )
        key = (self._scope.tenant_id, key_id)
        async with self._database.transaction(self._scope) as connection:
            row = await (await connection.execute(_LIVE, key)).fetchone()
        if row is None:
            raise _no_live_key(key_id)
        principal_id, user, expires_at = row
        people = Principals(self._database, self._scope)
        await self._check_may_act_as(await people.scope_of(principal_id=principal_id))
        secret, version, mac = self._secret(key_id)
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(_ROTATE, (overlap_hours * 3600, mac, version, *key))
            if cursor.rowcount == 0:
                raise _no_live_key(key_id)
            await record(
                connection,
                self._scope,
                Permission.KEYS_WRITE,
                resource=str(key_id),
                user=Person(user, principal_id),
                rotated=True,
                overlap_hours=overlap_hours,
            )
        self._forget()
        return NewApiKey(key_id, user, secret, expires_at)

    def _secret(self, key_id: UUID) -> tuple[str, int, bytes]:
        """A secret for a key, and what is kept of it."""
        secret = f"dk_{_encode(self._scope.tenant_id)}_{_encode(key_id)}_{secrets.token_hex(24)}"
        version, mac = self._keyring.mac("api-key", secret.encode())
        return secret, version, mac

    async def _check_may_act_as(self, user: Scope) -> None:
        """A key hands out what its user may do and see."""
        held = await held_by(self._database, self._scope)
        wanted = await held_by(self._database, user)
        try:
            for code, end in wanted.items():
                what = f"a key of {user.principal}"
                check_held(self._scope, held, [code], until=end, act=Permission.KEYS_WRITE, what=what)
            if user.principal_id != self._scope.principal_id or self._scope.agent is not None:
                check_oversees(
                    self._scope,
                    held,
                    Permission.KEYS_WRITE,
                    "may make keys of their own only, and by themselves",
                    why="A key lets its holder see what its user may see.",
                )
        except PermissionDeniedError:
            async with self._database.transaction(self._scope) as connection:
                await record(connection, self._scope, Permission.KEYS_WRITE, outcome="denied")
            raise

    @operation(Permission.KEYS_READ)
    async def all(self) -> list[ApiKey]:
        """Every key of the tenant, oldest first."""
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(_SELECT, (self._scope.tenant_id,))
            return [ApiKey(*row) for row in await cursor.fetchall()]

    @operation(Permission.KEYS_WRITE)
    async def revoke(self, key_id: UUID) -> None:
        """End a key: here at once, on other replicas within a second.

        Raises:
            NotFoundError: the tenant has no such live key.
        """
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(
                "UPDATE api_keys SET revoked_at = now() WHERE tenant_id = %s AND key_id = %s AND revoked_at IS NULL",
                (self._scope.tenant_id, key_id),
            )
            if cursor.rowcount == 0:
                raise _no_live_key(key_id)
            await record(connection, self._scope, Permission.KEYS_WRITE, resource=str(key_id), revoked=True)
        self._forget()

    def _forget(self) -> None:
        """Ask the database again who keys stand for."""
        if self._database.authority is not None:
            self._database.authority.forget(self._scope.tenant_id)
        self._revoked()


async def authenticate(
    database: Database, keyring: Keyring, secret: str, refusals: Refusals
) -> tuple[Scope, UUID]:
    """The scope of the user that a key stands for, and the key's id.

    Raises:
        AuthenticationError: the key is malformed, unknown, expired or revoked; which of these is not said.
    """
    named = _parse(secret)
    if named is None:
        await refusals.note(None, "malformed")
        raise _refused()
    tenant_id, key_id = named
    operator = Scope.operator(tenant_id, "", "authentication")
    async with database.transaction(operator) as connection:
        cursor = await connection.execute(_FIND, (key_id, tenant_id))
        row = await cursor.fetchone()
    if row is None:
        await refusals.note(None, "unknown")
        raise _refused()
    slug, principal_id, mac, mac_version, revoked, expired, oversees, *previous = row
    concerned = Concerned(tenant_id, slug)
    if principal_id is None:
        await refusals.note(concerned, "unknown")
        raise _refused()
    if not (
        keyring.verify("api-key", mac_version, secret.encode(), mac)
        or _is_previous(keyring, secret, *previous)
    ):
        await refusals.note(concerned, "secret", str(key_id))
        raise _refused()
    if revoked or expired:
        await refusals.note(concerned, "revoked" if revoked else "expired", str(key_id))
        raise _refused()
    try:
        scope = await Principals(database, Scope.operator(tenant_id, slug, "authentication")).scope_of(
            principal_id=principal_id
        )
    except PrincipalNotFoundError as error:
        await refusals.note(concerned, "user", str(key_id))
        raise AuthenticationError("The API key is not valid.", why="Its user is gone or disabled.") from error
    async with database.transaction(operator) as connection:
        await connection.execute("SET LOCAL synchronous_commit = off")
        await connection.execute(_TOUCH, (tenant_id, key_id))
    if not oversees:
        scope = replace(scope, act="desk", role="member")
    return replace(scope, key_id=key_id), key_id


def _is_previous(keyring: Keyring, secret: str, mac: bytes | None, version: int | None, counts: bool) -> bool:
    """Whether it is the secret before, and the overlap is not over."""
    if mac is None or version is None or not counts:
        return False
    return keyring.verify("api-key", version, secret.encode(), mac)


def _encode(value: UUID) -> str:
    return base64.b32encode(value.bytes).decode().rstrip("=").lower()


def _parse(secret: str) -> tuple[UUID, UUID] | None:
    """The ids of the tenant and the key; None when it has another form."""
    parts = secret.split("_")
    if len(parts) != 4 or parts[0] != "dk" or len(secret) > 200:
        return None
    try:
        tenant, key = (UUID(bytes=base64.b32decode(part.upper() + "======")) for part in parts[1:3])
    except ValueError:
        return None
    return tenant, key


def _no_live_key(key_id: UUID) -> NotFoundError:
    return NotFoundError(
        f"There is no live key {key_id}.", remedy="`deskmind key list` shows the tenant's keys."
    )


def _refused() -> AuthenticationError:
    return AuthenticationError(
        "The API key is not valid.",
        why="It is malformed, unknown, expired or revoked.",
        remedy="Make one with `deskmind key create --user NAME --tenant NAME` and send it as `Authorization: Bearer …`.",
        checked_at=datetime.now(UTC).isoformat(),
    )
