"""What a check asks the database."""

from __future__ import annotations

from deskmind.app import Deskmind
from deskmind.scope import Scope

__all__ = ["rows_of"]


async def rows_of(app: Deskmind, statement: str, *values: object) -> list[tuple[object, ...]]:
    """All rows of a statement, in the installation's scope."""
    async with app.database.transaction(Scope.directory()) as connection:
        cursor = await connection.execute(statement.encode(), values)
        return await cursor.fetchall()
