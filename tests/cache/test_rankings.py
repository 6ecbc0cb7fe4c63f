"""Rankings are remembered, and never older than the transaction that uses them: other processes' changes included."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.knowledge.embedding import HashingEmbedder
from deskmind.knowledge.ingest.staging import intern_acl
from deskmind.knowledge.models import Passage
from deskmind.knowledge.ranking import analyse
from deskmind.knowledge.retrieval.remembered import RankedChunk
from deskmind.knowledge.retrieval.search import Retriever

_QUESTION = "How do I reset the printer?"


class _CountingEmbedder(HashingEmbedder):
    """Counts the questions it embeds."""

    def __init__(self) -> None:
        super().__init__()
        self.questions: list[str] = []

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        self.questions.append(text)
        return await super().embed_query(text)


@pytest.fixture
async def two(desk_home: Path, app: Deskmind, valkey: Any) -> AsyncIterator[list[Deskmind]]:
    """Two applications that share database and Valkey, as two replicas do."""
    given: dict[str, Any] = {"home": desk_home, "answer": {"threshold": 0.0}, "redis": {"url": valkey.url}}
    async with (
        Deskmind.open(**given, embedder=_CountingEmbedder()) as first,
        Deskmind.open(**given, embedder=_CountingEmbedder()) as second,
    ):
        yield [first, second]


@pytest.fixture
async def filled(operator: Desk) -> Desk:
    """A tenant with a user in a group, and documents for everyone and for the group."""
    await operator.principals.add_user("ann", groups=["staff"])
    await _add(operator, "open", "Reset the printer with the small button.")
    await _add(operator, "closed", "Reset the printer in the safe: code on the card.", groups=["staff"])
    return operator


async def _add(desk: Desk, name: str, text: str, groups: list[str] | None = None) -> None:
    report = await desk.knowledge.add(f"{name}.md", f"# {name}\n\n{text}".encode(), groups=groups or [])
    assert not report.failures


async def _ann(app: Deskmind, desk: Desk) -> Desk:
    return await app.desk(tenant=desk.scope.tenant, user="ann")


async def _titles(desk: Desk) -> list[str]:
    return sorted(passage.title for passage in await desk.knowledge.search(_QUESTION))


def _uses(app: Deskmind) -> tuple[int, int]:
    """Rankings found in the cache and not found."""
    use = app.cache.stats().uses["rankings"]
    return use.memory_hits + use.remote_hits, use.misses


async def test_a_ranking_found_again_is_the_same_and_shared(
    two: list[Deskmind], filled: Desk, valkey: Any
) -> None:
    found: list[list[Passage]] = []
    for app in (two[0], two[0], two[1]):
        desk = await _ann(app, filled)
        found.append(await desk.knowledge.search(_QUESTION))
        await _written(valkey)
    assert {passage.title for passage in found[0]} == {"open", "closed"}
    assert found[0] == found[1] == found[2]
    assert _uses(two[0]) == (1, 1)  # each search asks once
    assert _uses(two[1]) == (1, 0)  # through Valkey
    shorter = await (await _ann(two[1], filled)).knowledge.search(_QUESTION, limit=1)
    assert shorter == found[0][:1]
    events = [event for event in await filled.audit() if event.action == "knowledge.search"]
    assert len(events) == 4  # remembered or not, each search is recorded


async def _written(valkey: Any) -> None:
    """Wait until a ranking is in the shared tier."""
    with valkey.client as client:
        async with asyncio.timeout(60):
            while not any(b"rankings:v" in name for name in client.scan_iter()):
                await asyncio.sleep(0.005)


async def test_what_another_process_changes_shows_in_the_next_search(
    two: list[Deskmind], filled: Desk
) -> None:
    here, there = await _ann(two[0], filled), await two[1].desk(tenant=filled.scope.tenant)
    assert await _titles(here) == ["closed", "open"]
    await _add(there, "new", "Reset the printer from the menu.")
    assert await _titles(here) == ["closed", "new", "open"]
    assert await _titles(here) == ["closed", "new", "open"]
    await _add(there, "new", "Reset the printer by its web page.")
    assert "Reset the printer by its web page." in {
        passage.text.splitlines()[-1] for passage in await here.knowledge.search(_QUESTION)
    }
    listed = {item.title: item.document_id for item in await there.knowledge.documents()}
    await there.knowledge.delete(listed["open"])
    assert await _titles(here) == ["closed", "new"]


async def test_an_access_list_changed_elsewhere_counts_at_once(two: list[Deskmind], filled: Desk) -> None:
    here, there = await _ann(two[0], filled), await two[1].desk(tenant=filled.scope.tenant)
    assert await _titles(here) == ["closed", "open"]
    await there.principals.add_group("board")
    board = {group.name: group.principal_id for group in await there.principals.groups()}["board"]
    async with there.database.transaction(there.scope) as connection:
        acl = await intern_acl(connection, [[board]])
        await connection.execute(
            "UPDATE documents SET acl_id = %s WHERE tenant_id = %s AND title = 'closed'",
            (acl, there.scope.tenant_id),
        )
    assert await _titles(here) == ["open"]
    assert await _titles(there) == ["closed", "open"]


async def test_who_leaves_a_group_finds_nothing_of_its_rankings(two: list[Deskmind], filled: Desk) -> None:
    assert await _titles(await _ann(two[0], filled)) == ["closed", "open"]
    await filled.principals.set_groups("ann", [])
    assert await _titles(await _ann(two[0], filled)) == ["open"]
    await filled.principals.add_user("ben", groups=["staff"])
    ben = await two[0].desk(tenant=filled.scope.tenant, user="ben")
    hits = _uses(two[0])[0]
    assert await _titles(ben) == ["closed", "open"]
    assert _uses(two[0])[0] == hits + 1  # who sees the same shares rankings


async def test_a_change_that_is_taken_back_changes_nothing(two: list[Deskmind], filled: Desk) -> None:
    here = await _ann(two[0], filled)
    before = await here.knowledge.search(_QUESTION)

    async def delete_and_fail() -> None:
        async with filled.database.transaction(filled.scope) as connection:
            await connection.execute("DELETE FROM documents WHERE tenant_id = %s", (filled.scope.tenant_id,))
            assert await here.knowledge.search(_QUESTION) == before
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await delete_and_fail()
    assert await here.knowledge.search(_QUESTION) == before


async def test_a_forged_ranking_shows_nothing_that_is_hidden(two: list[Deskmind], filled: Desk) -> None:
    await filled.principals.set_groups("ann", [])
    here = await _ann(two[0], filled)
    honest = await here.knowledge.search(_QUESTION)
    engine = await two[0].engine()
    rankings = here.knowledge._finder._rankings(engine)
    async with filled.database.transaction(filled.scope) as connection:
        cursor = await connection.execute(
            "SELECT chunk_id FROM chunks c JOIN documents d USING (tenant_id, document_id)"
            " WHERE c.tenant_id = %s AND d.title = 'closed'",
            (filled.scope.tenant_id,),
        )
        row = await cursor.fetchone()
    assert row is not None
    async with here.database.transaction(here.scope) as connection:
        key = await rankings._key(connection, analyse(_QUESTION), 30, None)
    assert key is not None
    assert rankings._rankings is not None
    await rankings._rankings.set(key, [RankedChunk(str(row[0]), 1.0, 1.0, 1.0, ())])
    assert await here.knowledge.search(_QUESTION) == honest


async def test_a_question_is_embedded_once_for_a_tenant(
    desk_home: Path, filled: Desk, new_tenant: Callable[[], Awaitable[str]]
) -> None:
    embedder = _CountingEmbedder()
    async with Deskmind.open(home=desk_home, answer={"threshold": 0.0}, embedder=embedder) as app:
        here = await _ann(app, filled)
        for _ in range(2):
            await here.knowledge.search(_QUESTION, limit=50)
            await here.ask(_QUESTION)
        assert len(embedder.questions) == 1
        await (await app.desk(tenant=await new_tenant())).knowledge.search(_QUESTION)
        assert len(embedder.questions) == 2


async def test_the_vector_remembered_is_the_vector(two: list[Deskmind], filled: Desk) -> None:
    app = two[0]
    engine = await app.engine()
    here = await _ann(app, filled)
    remembered = here.knowledge._finder.embedder(engine)
    plain = Retriever(engine.embedder)
    for _ in range(2):
        mine = await Retriever(remembered).embed(analyse(_QUESTION))
        theirs = await plain.embed(analyse(_QUESTION))
        assert mine is not None
        assert theirs is not None
        np.testing.assert_array_equal(mine.to_numpy(), theirs.to_numpy())
