"""Refresh tokens that the vendor replaces with each use: the new one is kept before it is needed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

from deskmind.database import Database
from deskmind.keyring import Keyring
from deskmind.scope import Scope
from deskmind.sync.credentials import open_credentials, seal_credentials

__all__ = ["keeping_tokens"]


def keeping_tokens(
    database: Database, scope: Scope, keyring: Keyring, connection_id: UUID
) -> Callable[[str], Awaitable[None]]:
    """What takes a connection's new refresh token, in its tenant's operator's scope."""

    async def keep(token: str) -> None:
        key = (scope.tenant_id, connection_id)
        async with database.transaction(scope) as connection:
            cursor = await connection.execute(
                "SELECT sealed FROM connections WHERE tenant_id = %s AND connection_id = %s FOR UPDATE", key
            )
            row = await cursor.fetchone()
            if row is None:  # it was disconnected meanwhile
                return
            values = open_credentials(keyring, *key, bytes(row[0]))
            sealed = seal_credentials(keyring, *key, {**values, "refresh_token": token})
            await connection.execute(
                "UPDATE connections SET sealed = %s WHERE tenant_id = %s AND connection_id = %s",
                (sealed, *key),
            )

    return keep
