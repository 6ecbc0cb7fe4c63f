"""The scope key is rotated while the application runs: nobody is refused, and what was retired is worthless."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from deskmind.app import Deskmind
from deskmind.database import ScopeSigner
from deskmind.desk import Desk
from deskmind.keyring import Keyring


@pytest.fixture
async def own(tmp_path: Path) -> Any:
    async with Deskmind.open(home=tmp_path, knowledge={"embedder": "hashing"}) as app:
        await app.tenants.create("acme")
        yield app


async def test_a_running_application_goes_on_with_the_new_key(own: Deskmind) -> None:
    desk = await own.desk(tenant="acme")
    await desk.knowledge.add("note.md", b"# Note\n\nThe code is 4711.")
    assert own.provisioner is not None
    before = own.keyring.current("scope-token")

    async def read() -> list[str]:
        return [item.title for item in await desk.knowledge.documents()]

    reads = [asyncio.create_task(read()) for _ in range(20)]
    key = await own.provisioner.rotate_scope_key()
    reads += [asyncio.create_task(read()) for _ in range(20)]
    assert all(found == ["Note"] for found in await asyncio.gather(*reads))
    assert key.version == before.version + 1

    own.keyring.retire("scope-token", before.version)
    await own.provisioner.publish_scope_keys()
    assert await read() == ["Note"]
    async with await psycopg.AsyncConnection.connect(own.database.endpoints.app) as connection:
        token = ScopeSigner(before).sign(desk.scope, connection.info.backend_pid)
        await connection.execute(
            "SELECT set_config('search_path', %s, true)", (own.database.endpoints.schema,)
        )
        await connection.execute("SELECT set_config('deskmind.scope', %s, true)", (token,))
        cursor = await connection.execute("SELECT count(*) FROM documents")
        assert await cursor.fetchone() == (0,)


def test_a_key_that_cannot_be_announced_is_not_made(tmp_path: Path) -> None:
    ring = Keyring.open(tmp_path / "keyring.json")
    first = ring.current("scope-token")

    def refuse(key: object) -> None:
        raise ConnectionError(key)

    with pytest.raises(ConnectionError):
        ring.rotate("scope-token", announce=refuse)
    assert ring.versions("scope-token") == (first.version,)
    assert Keyring.open(tmp_path / "keyring.json").current("scope-token") == first


async def test_a_large_ingest_refreshes_the_planners_statistics(
    app: Deskmind, new_tenant: Callable[[], Any]
) -> None:
    desk = await app.desk(tenant=await new_tenant())
    words = " ".join(f"term{number:05}" for number in range(3_000))
    await desk.knowledge.add("words.md", f"# Words\n\n{words}".encode())
    async with asyncio.timeout(60):
        while await _known_rows(desk) < 3_000:
            await asyncio.sleep(0)
    async with desk.database.transaction(desk.scope) as connection:
        cursor = await connection.execute("SELECT refresh_statistics()")
        assert await cursor.fetchone() == (0,)


async def _known_rows(desk: Desk) -> float:
    """The planner's idea of a table, after asking for a refresh: counters of other sessions arrive with a delay."""
    async with desk.database.transaction(desk.scope) as connection:
        cursor = await connection.execute(
            "SELECT refresh_statistics(),"
            " (SELECT c.reltuples FROM pg_class c WHERE c.oid = 'lexical_statistics'::regclass)"
        )
        row = await cursor.fetchone()
    assert row is not None
    return float(row[1])
