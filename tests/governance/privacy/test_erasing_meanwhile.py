"""Somebody is erased while files are on their way in: what is stored afterwards does not name them either."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from tests.governance.privacy.conftest import FULL_NAME, MAIL, NAME, NOTE, PHONE
from tests.knowledge.ingest.held import Held

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.knowledge.ingest import StagedFile
from deskmind.knowledge.ingest.locking import lock_to_write


@pytest.fixture(scope="module")
def embedder() -> Held:
    return Held()


@pytest.fixture(scope="module")
async def app(running_home: Path, embedder: Held) -> AsyncIterator[Deskmind]:
    async with Deskmind.open(home=running_home, embedder=embedder) as started:
        yield started


@pytest.fixture
async def desk(app: Deskmind, new_tenant: Callable[[], Awaitable[str]]) -> Desk:
    desk = await app.desk(tenant=await new_tenant())
    await desk.principals.add_user(NAME, display_name=FULL_NAME)
    await desk.principals.add_user("ben")
    return desk


async def _shown(desk: Desk) -> list[str]:
    """All that is said of the documents, in small letters; texts of chunks and of files that were taken in, too."""
    found = [
        json.dumps((await desk.knowledge.document(item.document_id)).as_dict(), default=str)
        for item in await desk.knowledge.documents(limit=200)
    ]
    async with desk.database.transaction(desk.scope) as connection:
        cursor = await connection.execute(
            "SELECT array_to_string(headings, ' ') || ' ' || body FROM chunks"
            " UNION ALL SELECT external_id FROM documents"
            " UNION ALL SELECT concat_ws(' ', external_id, uri, name, metadata, problem) FROM ingest_files"
        )
        found += [row[0] for row in await cursor.fetchall()]
    return [text.lower() for text in found]


def _naming(texts: list[str]) -> list[str]:
    return [text for text in texts if any(word in text for word in ("quorn", "zilpha", "555 0173"))]


@pytest.mark.parametrize("user", [None, "ben"], ids=["operator", "member"])
async def test_a_file_that_waits_for_the_embedder(
    app: Deskmind, desk: Desk, embedder: Held, user: str | None
) -> None:
    asker = desk if user is None else await app.desk(tenant=desk.scope.tenant, user=user)
    embedder.hold("VPN token")
    added = asyncio.create_task(asker.knowledge.add("zilpha.quorn.md", NOTE))
    await embedder.begun.wait()
    erasure = await desk.privacy.erase(NAME, also=[MAIL, PHONE])
    assert erasure.state == "done"
    embedder.let_go.set()
    assert (await added).count("stored") == 1
    shown = await _shown(desk)
    assert _naming(shown) == []
    assert any("ninety days" in text for text in shown)
    assert len(await asker.knowledge.search("ninety days")) >= 1


async def test_others_in_the_batch_are_stored_once(desk: Desk, embedder: Held) -> None:
    files = [
        StagedFile(f"{number}.md", f"{number}.md", f"{number}.md", f"# N{number}\n\nPrinter WAITS".encode())
        for number in range(3)
    ]
    embedder.hold("WAITS")
    added = asyncio.create_task(desk.knowledge.add_files(files))
    await embedder.begun.wait()
    await desk.privacy.erase(NAME)
    embedder.let_go.set()
    report = await added
    assert (report.count("stored"), report.documents) == (3, 3)
    assert {item.version for item in await desk.knowledge.documents()} == {1}


async def test_what_stands_beside_an_older_state_of_a_file(desk: Desk, embedder: Held) -> None:
    """Its name mentions the person: the document is one, under a name that does not."""
    await desk.knowledge.add("zilpha.quorn.md", b"# Notes\n\nNothing of note.")
    embedder.hold("VPN token")
    added = asyncio.create_task(desk.knowledge.add("zilpha.quorn.md", NOTE))
    await embedder.begun.wait()
    await desk.privacy.erase(NAME, also=[MAIL, PHONE])
    embedder.let_go.set()
    await added
    assert len(await desk.knowledge.documents()) == 1
    assert _naming(await _shown(desk)) == []


async def test_files_that_are_still_being_sent(desk: Desk) -> None:
    erased, reached = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def files() -> Iterator[StagedFile]:
        for number in range(200):
            yield StagedFile(f"{number}.md", f"{number}.md", f"{number}.md", b"# N\n\nPrinter")
        loop.call_soon_threadsafe(reached.set)
        assert erased.wait(60)
        yield StagedFile("zilpha.quorn/a.md", "zilpha.quorn/a.md", "zilpha.quorn.md", NOTE)

    added = asyncio.create_task(desk.knowledge.add_files(files()))
    await reached.wait()
    await desk.privacy.erase(NAME, also=[MAIL, PHONE])
    erased.set()
    assert (await added).count("stored") == 201
    assert _naming(await _shown(desk)) == []


async def test_a_member_writes_in_the_members_scope(app: Deskmind, desk: Desk) -> None:
    """Who was erased is an operator's to ask; what follows in the transaction sees and may no more than the member."""
    await desk.knowledge.add("pay.md", b"# Pay\n\nSeverance.", groups=["hr"])
    await desk.privacy.erase(NAME)
    ben = await app.desk(tenant=desk.scope.tenant, user="ben")
    async with app.suppression(ben.scope).writing(ben.scope) as (connection, version):
        cursor = await connection.execute(
            "SELECT scope_principal(), scope_act(), (SELECT count(*) FROM documents), (SELECT count(*) FROM privacy_marks)"
        )
        assert await cursor.fetchone() == (ben.scope.principal_id, "desk", 0, 0)
    assert version == (await app.suppression(ben.scope).marked())[0]
    assert int(version.split()[0]) > 0


async def test_an_erasure_waits_for_who_is_writing(desk: Desk) -> None:
    """Whoever asked who was erased before it was stored, stores before documents are looked at."""
    await desk.knowledge.add("a.md", b"# Printers\n\nAsk somebody for toner, whoever is there.")
    blocked = (
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
    )
    async with desk.database.transaction(desk.scope) as writing:
        await lock_to_write(writing)
        await writing.execute("UPDATE documents SET body = 'Ask Zilpha de Quornbeck for toner, daily.'")
        erasing = asyncio.create_task(desk.privacy.erase(NAME, also=[MAIL, PHONE]))
        async with asyncio.timeout(60):
            while not erasing.done() and await (await writing.execute(blocked)).fetchone() == (0,):
                await asyncio.sleep(0.01)
    assert (await erasing).counts["knowledge"]["masked"] == 1
    (document,) = await desk.knowledge.documents()
    assert (await desk.knowledge.document(document.document_id)).text == "Ask (erased) for toner, daily."
