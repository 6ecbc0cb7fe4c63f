"""What is said last about a document counts, whatever still waits to be stored."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from tests.knowledge.ingest.held import Held

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import UnreadableDocumentError
from deskmind.knowledge.ingest import StagedFile
from deskmind.knowledge.ingest.store import fail_file, supersede


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
    await desk.principals.add_user("insider", groups=["hr"])
    await desk.principals.add_user("outsider")
    return desk


async def _seen(desk: Desk) -> dict[str, tuple[int, str]]:
    """Version and text of each document, by its address."""
    return {
        item.uri: (item.version, (await desk.knowledge.document(item.document_id)).text)
        for item in await desk.knowledge.documents()
    }


@pytest.mark.parametrize("fails", [False, True], ids=["slow", "tried-again"])
async def test_an_older_upload_is_left_out(desk: Desk, embedder: Held, fails: bool) -> None:
    embedder.hold("OLDER", fails=fails)
    older = asyncio.create_task(desk.knowledge.add("a.md", b"# A\n\nOLDER"))
    await embedder.begun.wait()
    newer = await desk.knowledge.add("a.md", b"# A\n\nnewer")
    assert newer.count("stored") == 1
    embedder.let_go.set()
    report = await older
    assert (report.state, report.count("stored"), report.count("unchanged")) == ("done", 0, 1)
    assert await _seen(desk) == {"a.md": (1, "newer")}


async def test_a_narrower_audience_stays(app: Deskmind, desk: Desk, embedder: Held) -> None:
    outsider = await app.desk(tenant=desk.scope.tenant, user="outsider")
    embedder.hold("SEVERANCE")
    everyones = asyncio.create_task(desk.knowledge.add("pay.md", b"# Pay\n\nSEVERANCE is nine weeks."))
    await embedder.begun.wait()
    await desk.knowledge.add("pay.md", b"# Pay\n\nSEVERANCE is nine weeks.", groups=["hr"])
    embedder.let_go.set()
    await everyones
    assert await outsider.knowledge.search("severance") == []
    assert await _seen(outsider) == {}
    assert len(await _seen(desk)) == 1


async def test_what_was_uploaded_again_counts_though_it_is_what_is_stored(desk: Desk, embedder: Held) -> None:
    await desk.knowledge.add("a.md", b"# A\n\nfirst")
    embedder.hold("SECOND")
    second = asyncio.create_task(desk.knowledge.add("a.md", b"# A\n\nSECOND"))
    await embedder.begun.wait()
    assert (await desk.knowledge.add("a.md", b"# A\n\nfirst")).count("unchanged") == 1
    embedder.let_go.set()
    await second
    assert await _seen(desk) == {"a.md": (1, "first")}


async def test_a_deleted_document_stays_away(desk: Desk, embedder: Held) -> None:
    await desk.knowledge.add("b.md", b"# B\n\nfirst")
    embedder.hold("SECOND")
    second = asyncio.create_task(desk.knowledge.add("b.md", b"# B\n\nSECOND"))
    await embedder.begun.wait()
    (document,) = await desk.knowledge.documents()
    await desk.knowledge.delete(document.document_id)
    embedder.let_go.set()
    assert (await second).state == "done"
    assert await _seen(desk) == {}


async def test_a_deleted_record_is_not_brought_back_by_its_file(desk: Desk, embedder: Held) -> None:
    await desk.knowledge.add("t.csv", b"subject,description\nA,alpha\nB,beta\n")
    embedder.hold("ALPHA")
    second = asyncio.create_task(desk.knowledge.add("t.csv", b"subject,description\nA,ALPHA\nB,beta\n"))
    await embedder.begun.wait()
    first = {item.title: item.document_id for item in await desk.knowledge.documents()}
    await desk.knowledge.delete(first["A"])
    embedder.let_go.set()
    await second
    assert {item.title for item in await desk.knowledge.documents()} == {"B"}


async def test_other_files_other_sources_and_what_cannot_be_read_supersede_nothing(
    desk: Desk, embedder: Held, tmp_path: Path
) -> None:
    file = tmp_path / "a.md"
    file.write_text("# A\n\nWAITING")
    embedder.hold("WAITING")
    waiting = asyncio.create_task(desk.knowledge.ingest(file))
    await embedder.begun.wait()
    await desk.knowledge.add("b.md", b"# B\n\nother file", source="files")
    await desk.knowledge.add("a.md", b"# A\n\nother source", uri=str(file))
    unreadable = StagedFile.unreadable(str(file), "a.md", UnreadableDocumentError("a.md cannot be read."))
    report = await desk.knowledge.add_files([unreadable], source="files")
    assert report.count("failed") == 1
    embedder.let_go.set()
    assert (await waiting).count("stored") == 1
    assert len(await desk.knowledge.documents()) == 3


async def test_a_file_that_was_left_out_meanwhile_has_not_failed(desk: Desk, embedder: Held) -> None:
    embedder.hold("WAITING")
    waiting = asyncio.create_task(desk.knowledge.add("a.md", b"# A\n\nWAITING"))
    await embedder.begun.wait()
    async with desk.database.transaction(desk.scope) as connection:
        cursor = await connection.execute("SELECT ingest_id, source_id FROM ingests")
        ((ingest_id, source_id),) = await cursor.fetchall()
        await supersede(connection, desk.scope, source_id, ["a.md"])
        await fail_file(connection, desk.scope, ingest_id, 0, {"title": "unreadable"})
    embedder.let_go.set()
    report = await waiting
    assert (report.count("unchanged"), report.failures) == (1, ())


async def test_of_many_uploads_at_once_one_is_stored_whole(desk: Desk) -> None:
    """They wait for each other and not in a circle."""
    texts = [[f"# {name}\n\nround {number}".encode() for name in "abc"] for number in range(6)]
    await asyncio.gather(
        *(
            desk.knowledge.add(f"{name}.md", text)
            for round_ in texts
            for name, text in zip("abc", round_, strict=True)
        )
    )
    seen = await _seen(desk)
    assert set(seen) == {"a.md", "b.md", "c.md"}
    assert all(text.startswith("round ") for _, text in seen.values())
    async with desk.database.transaction(desk.scope) as connection:
        cursor = await connection.execute("SELECT DISTINCT state FROM ingests")
        assert await cursor.fetchall() == [("done",)]
