"""Which chunks a query's words propose: never more than about a thousand, however common the words are."""

from __future__ import annotations

from collections.abc import AsyncIterator

import psycopg
import pytest

from deskmind.app import Deskmind
from deskmind.desk import Desk

_CHUNKS = 10_000
_RARE, _UNUSUAL, _COMMON, _COMMONER, _EVERYWHERE = 1, 2, 3, 4, 5
_FREQUENCIES = {_RARE: 40, _UNUSUAL: 900, _COMMON: 2_000, _COMMONER: 3_000, _EVERYWHERE: _CHUNKS}

Admin = psycopg.AsyncConnection[tuple[object, ...]]


@pytest.fixture
async def admin(app: Deskmind, operator: Desk) -> AsyncIterator[Admin]:
    """The database with a tenant's statistics of ten thousand chunks."""
    address = app.database.endpoints.admin
    assert address is not None
    async with await psycopg.AsyncConnection.connect(address, autocommit=True) as connection:
        await connection.execute("SET search_path = deskmind, public")
        for term, count in {0: _CHUNKS, **_FREQUENCIES}.items():
            await connection.execute(
                "INSERT INTO lexical_statistics VALUES (%s, %s, %s)", (operator.scope.tenant_id, term, count)
            )
        yield connection


@pytest.mark.parametrize(
    ("asked", "finders", "together", "left_over"),
    [
        ([_EVERYWHERE, _RARE], [_RARE], [_RARE], 40),
        ([_UNUSUAL, _RARE, _COMMON], [_RARE, _UNUSUAL], [_RARE], 1),
        ([_COMMONER, _EVERYWHERE, _COMMON], None, [_COMMON, _COMMONER], 600),
        ([_COMMON, _EVERYWHERE], None, [_COMMON, _EVERYWHERE], 2_000),
        ([77], None, None, None),
    ],
)
async def test_rare_words_find_alone_and_common_ones_together(
    admin: Admin,
    operator: Desk,
    asked: list[int],
    finders: list[int] | None,
    together: list[int] | None,
    left_over: int | None,
) -> None:
    cursor = await admin.execute(
        "SELECT finders, together, round(left_over) FROM lexical_query(%s, %s, 1000)",
        (operator.scope.tenant_id, asked),
    )
    assert await cursor.fetchone() == (finders, together, left_over)
