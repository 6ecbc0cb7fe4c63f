"""``desk.connections``: the systems a tenant is connected to, with their credentials, which nobody reads back."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID, uuid4

from deskmind.connectors.model import Kind
from deskmind.connectors.protocol import Health, Right
from deskmind.database import Connection as DatabaseConnection
from deskmind.database import Database
from deskmind.errors import ConflictError, InvalidRequestError, NotFoundError
from deskmind.governance.access import Permission, operation
from deskmind.governance.audit import record
from deskmind.keyring import Keyring
from deskmind.scope import OPERATOR, Scope
from deskmind.sync.credentials import open_credentials, seal_credentials
from deskmind.sync.mirroring import forget_groups
from deskmind.sync.relinking import relink
from deskmind.sync.rotating import keeping_tokens

if TYPE_CHECKING:
    from deskmind.connectors.opening import VendorConnector

__all__ = [
    "Connection",
    "Connections",
    "connector_of",
    "find_connection",
    "gone",
    "source_name",
    "webhook_secret_of",
]

_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,62}")
_SIGNING = "webhook_secret"
_FASTEST = 60
_COLUMNS = "connection_id, name, vendor, url, networks, kinds, every_seconds, created_at"
_INSERT = """
INSERT INTO connections (tenant_id, connection_id, name, vendor, url, networks, kinds, every_seconds, sealed)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_REPLACE = """
UPDATE connections SET url = %s, networks = %s, kinds = %s, every_seconds = %s, sealed = %s
 WHERE tenant_id = %s AND connection_id = %s
"""


@dataclass(frozen=True, slots=True)
class Connection:
    """A connected system, without its credentials.

    Attributes:
        name: unique in the tenant; several instances of a vendor have several names.
        networks: ``public`` where private addresses are refused.
        kinds: the kinds of record that are read; empty for all.
        every_seconds: between runs; 0 for only when asked.
    """

    connection_id: UUID
    name: str
    vendor: str
    url: str
    networks: Literal["any", "public"]
    kinds: tuple[str, ...]
    every_seconds: int
    created_at: datetime

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            **asdict(self),
            "connection_id": str(self.connection_id),
            "created_at": self.created_at.isoformat(),
        }


class Connections:
    """The connected systems of the scope's tenant (operators)."""

    def __init__(self, database: Database, scope: Scope, keyring: Keyring) -> None:
        self._database = database
        self._scope = scope
        self._keyring = keyring

    @property
    def scope(self) -> Scope:
        """Who acts."""
        return self._scope

    @property
    def database(self) -> Database:
        """Where connections are kept."""
        return self._database

    @operation(Permission.CONNECTIONS_WRITE)
    async def add(
        self,
        name: str,
        vendor: str,
        url: str,
        credentials: Mapping[str, str],
        *,
        kinds: Sequence[str] = (),
        every_seconds: int = 900,
        networks: Literal["any", "public"] = "any",
        replace: bool = False,
    ) -> Connection:
        """Connect a system; nothing is read yet.

        Args:
            name: a-z, 0-9 and ``_.-``, unique in the tenant.
            vendor: ``servicenow``, ``jira`` or ``freshservice``.
            url: of the instance.
            credentials: by name; see the vendor's page.
            kinds: to read only these kinds of record.
            every_seconds: between runs, 60 at least; 0 for only when asked.
            networks: ``public`` to refuse private addresses.
            replace: change the connection of this name, and keep what was read; where its address is another one, links to
                what was read lead to the new one at once.

        Raises:
            InvalidRequestError: a value is not right.
            ConflictError: there is a connection of this name, or it is of another vendor.
        """
        from deskmind.connectors.opening import open_connector

        _check(name, kinds, every_seconds)
        await open_connector(vendor, url, credentials, networks=networks).close()
        async with self._database.transaction(self._scope) as connection:
            known = await self._named(connection, name)
            if known is not None and (not replace or known.vendor != vendor):
                raise ConflictError(
                    f"There is a connection '{name}' to {known.vendor} already.",
                    remedy="Choose another name, or change it with --replace.",
                )
            connection_id = known.connection_id if known is not None else uuid4()
            secret = await self._secret(connection, connection_id) if known else secrets.token_urlsafe(32)
            sealed = seal_credentials(
                self._keyring, self._scope.tenant_id, connection_id, {**credentials, _SIGNING: secret}
            )
            tenant = self._scope.tenant_id
            values = (url.rstrip("/"), networks, list(kinds), every_seconds, sealed)
            if known is None:
                await connection.execute(_INSERT, (tenant, connection_id, name, vendor, *values))
            else:
                await connection.execute(_REPLACE, (*values, tenant, connection_id))
                if known.url != values[0]:
                    await relink(
                        connection,
                        self._scope,
                        connection_id,
                        source=source_name(name),
                        old=known.url,
                        new=values[0],
                    )
            await record(
                connection,
                self._scope,
                Permission.CONNECTIONS_WRITE,
                resource=f"connection {name}",
                act="changed" if known else "added",
                vendor=vendor,
            )
            return await find_connection(connection, self._scope, name)

    @operation(Permission.CONNECTIONS_READ)
    async def all(self) -> list[Connection]:
        """Every connection, by name."""
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(
                f"SELECT {_COLUMNS} FROM connections WHERE tenant_id = %s ORDER BY name",
                (self._scope.tenant_id,),
            )
            return [_connection(row) for row in await cursor.fetchall()]

    @operation(Permission.CONNECTIONS_READ)
    async def get(self, name: str) -> Connection:
        """One connection.

        Raises:
            NotFoundError: there is none of this name.
        """
        async with self._database.transaction(self._scope) as connection:
            return await find_connection(connection, self._scope, name)

    @operation(Permission.CONNECTIONS_READ)
    async def test(self, name: str) -> tuple[Health, list[Right]]:
        """Whether the system answers, and each right that the credentials need.

        Raises:
            NotFoundError: there is none of this name.
        """
        async with self._database.transaction(self._scope) as connection:
            found = await find_connection(connection, self._scope, name)
            source = await connector_of(
                connection, self._scope, self._keyring, found, database=self._database
            )
        async with source:
            health: Health = await source.health()
            return health, list(await source.check()) if health.ok else []

    @operation(Permission.CONNECTIONS_WRITE)
    async def webhook_secret(self, name: str) -> str:
        """What the vendor signs its calls with; give it to the vendor and nobody else.

        Raises:
            NotFoundError: there is none of this name.
        """
        async with self._database.transaction(self._scope) as connection:
            found = await find_connection(connection, self._scope, name)
            await record(
                connection,
                self._scope,
                Permission.CONNECTIONS_WRITE,
                resource=f"connection {name}",
                act="secret shown",
            )
            return await self._secret(connection, found.connection_id)

    @operation(Permission.CONNECTIONS_WRITE)
    async def remove(self, name: str) -> None:
        """Disconnect a system and remove all that was read from it: records, documents, groups, names.

        Raises:
            NotFoundError: there is none of this name.
        """
        tenant = self._scope.tenant_id
        async with self._database.transaction(self._scope) as connection:
            found = await find_connection(connection, self._scope, name)
            await connection.execute("SELECT lock_knowledge()")
            await connection.execute(
                "DELETE FROM sources WHERE tenant_id = %s AND owner_id = %s AND name = %s",
                (tenant, OPERATOR, source_name(name)),
            )
            await connection.execute(
                "DELETE FROM directory_entries WHERE tenant_id = %s AND source = %s", (tenant, name)
            )
            await forget_groups(connection, self._scope, found.connection_id)
            await connection.execute(
                "DELETE FROM connections WHERE tenant_id = %s AND connection_id = %s",
                (tenant, found.connection_id),
            )
            await record(
                connection,
                self._scope,
                Permission.CONNECTIONS_WRITE,
                resource=f"connection {name}",
                act="removed",
            )
        if self._database.authority is not None:
            self._database.authority.forget(tenant)

    async def _named(self, connection: DatabaseConnection, name: str) -> Connection | None:
        try:
            return await find_connection(connection, self._scope, name)
        except NotFoundError:
            return None

    async def _secret(self, connection: DatabaseConnection, connection_id: UUID) -> str:
        values = await _opened(connection, self._scope, self._keyring, connection_id)
        return values[_SIGNING]


def source_name(name: str) -> str:
    """The knowledge source that a connection's documents belong to."""
    return f"connection:{name}"


async def find_connection(connection: DatabaseConnection, scope: Scope, name: str | UUID) -> Connection:
    """A connection by name or id, in an operator's transaction.

    Raises:
        NotFoundError: there is none.
    """
    column = b"connection_id" if isinstance(name, UUID) else b"name"
    cursor = await connection.execute(
        b"SELECT " + _COLUMNS.encode() + b" FROM connections WHERE tenant_id = %s AND " + column + b" = %s",
        (scope.tenant_id, name),
    )
    row = await cursor.fetchone()
    if row is None:
        raise NotFoundError(
            f"There is no connection '{str(name)[:80]}'.", remedy="`deskmind connect list` shows them."
        )
    return _connection(row)


async def connector_of(
    connection: DatabaseConnection,
    scope: Scope,
    keyring: Keyring,
    found: Connection,
    *,
    database: Database | None = None,
) -> VendorConnector:
    """The connector of a connection, with its credentials.

    Args:
        connection: an operator's transaction.
        scope: its scope.
        keyring: what opens the credentials.
        found: the connection.
        database: where requests are counted together with other workers', and where a new refresh token is kept.
    """
    from deskmind.connectors.opening import open_connector
    from deskmind.sync.pacing import SharedPace

    values = await _opened(connection, scope, keyring, found.connection_id)
    values.pop(_SIGNING, None)
    if database is None:
        return open_connector(found.vendor, found.url, values, networks=found.networks)
    keep = None
    if "refresh_token" in values:  # others are had anew with the credentials themselves
        keep = keeping_tokens(database, scope, keyring, found.connection_id)

    source = open_connector(found.vendor, found.url, values, networks=found.networks, on_rotated=keep)
    source.client.pace = SharedPace(source.client.pace, database, scope, found.connection_id)
    return source


async def webhook_secret_of(
    connection: DatabaseConnection, scope: Scope, keyring: Keyring, connection_id: UUID
) -> str:
    """What calls of the vendor are signed with."""
    return (await _opened(connection, scope, keyring, connection_id))[_SIGNING]


def gone() -> NotFoundError:
    """A connection was removed while somebody was about to use it."""
    return NotFoundError("The connection is gone.", remedy="`deskmind connect list` shows the others.")


async def _opened(
    connection: DatabaseConnection, scope: Scope, keyring: Keyring, connection_id: UUID
) -> dict[str, str]:
    cursor = await connection.execute(
        "SELECT sealed FROM connections WHERE tenant_id = %s AND connection_id = %s",
        (scope.tenant_id, connection_id),
    )
    row = await cursor.fetchone()
    if row is None:
        raise gone()
    return open_credentials(keyring, scope.tenant_id, connection_id, bytes(row[0]))


def _connection(row: Sequence[Any]) -> Connection:
    return Connection(row[0], row[1], row[2], row[3], row[4], tuple(row[5]), row[6], row[7])


def _check(name: str, kinds: Sequence[str], every_seconds: int) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidRequestError(
            f"'{name[:80]}' cannot name a connection.",
            why="A name has 1 to 63 characters of a-z, 0-9 and '_.-', starting with a letter.",
        )
    unknown = sorted(set(kinds) - {str(kind) for kind in Kind})
    if unknown:
        raise InvalidRequestError(
            f"There is no kind of record '{unknown[0][:80]}'.", remedy=f"Choose among {', '.join(Kind)}."
        )
    if every_seconds and every_seconds < _FASTEST:
        raise InvalidRequestError(
            "The runs would follow one another too fast.", remedy=f"Give 0, or {_FASTEST} seconds at least."
        )
