"""An ingest that is killed loses nothing and doubles nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.jobs.retrying import ATTEMPTS
from deskmind.readiness import checks

pytestmark = pytest.mark.chaos

_FILES = 80

_VICTIM = """
import asyncio, sys
from deskmind import Deskmind
from deskmind.knowledge.embedding import HashingEmbedder

class Stalling(HashingEmbedder):
    calls = 0
    async def embed_documents(self, texts):
        type(self).calls += 1
        if self.calls == 5:  # the queues are short: the first batch is in the database by now
            print("stalled", flush=True)
            await asyncio.Event().wait()
        return await super().embed_documents(texts)

async def main():
    async with Deskmind.open(home=sys.argv[1], embedder=Stalling(), jobs={"stalled_after": 2.0}) as app:
        await app.tenants.create("acme")
        desk = await app.desk(tenant="acme")
        await desk.knowledge.ingest(sys.argv[2])

asyncio.run(main())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    section = "\n\n".join(f"## Part {part}\n\n" + f"word{part} " * 40 for part in range(20))
    for number in range(_FILES):
        (folder / f"n{number:02}.md").write_text(f"# Note {number}\n\n{section}\n")
    return folder


@pytest.fixture
def killed_home(prepared_home: Path, tmp_path: Path, folder: Path) -> Path:
    """A home whose ingest was ended by SIGKILL between two batches."""
    home = tmp_path / "home"
    subprocess.run(["cp", "-a", str(prepared_home), str(home)], check=True)  # with the server's owner
    for parent in (tmp_path, *tmp_path.parents):
        if not parent.stat().st_mode & 0o001:
            parent.chmod(0o755)
    with subprocess.Popen(
        [sys.executable, "-c", _VICTIM, home, folder], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "stalled\n"
        process.kill()
    return home


async def _stored(desk: Desk) -> list[str]:
    return sorted(item.title for item in await desk.knowledge.documents(limit=200))


async def _counts(desk: Desk) -> tuple[int, int, int]:
    """Chunks, lexical rows, and chunks that the documents say they have."""
    async with desk.database.transaction(desk.scope) as connection:
        cursor = await connection.execute(
            "SELECT (SELECT count(*) FROM chunks), (SELECT count(*) FROM lexical), (SELECT sum(chunk_count) FROM documents)"
        )
        row = await cursor.fetchone()
    assert row is not None
    return row[0], row[1], row[2]


def _open(home: Path) -> Deskmind:
    return Deskmind.open(home=home, knowledge={"embedder": "hashing"}, jobs={"stalled_after": 2.0})


async def test_taking_in_again_finishes_it(killed_home: Path, folder: Path) -> None:
    async with _open(killed_home) as app:
        desk = await app.desk(tenant="acme")
        before = await _stored(desk)
        assert 0 < len(before) < _FILES
        report = await desk.knowledge.ingest(folder)
        assert report.count("unchanged") == len(before)
        assert await _stored(desk) == sorted(f"Note {number}" for number in range(_FILES))
        chunks, lexical, announced = await _counts(desk)
        assert chunks == lexical == announced == _FILES * 20


async def test_a_worker_takes_it_over(killed_home: Path) -> None:
    async with _open(killed_home) as app:
        desk = await app.desk(tenant="acme")
        while len(await _stored(desk)) < _FILES:
            await app.jobs.drain()
        chunks, lexical, announced = await _counts(desk)
        assert chunks == lexical == announced == _FILES * 20
        async with desk.database.transaction(desk.scope) as connection:
            cursor = await connection.execute("SELECT state FROM ingests")
            assert await cursor.fetchall() == [("done",)]


async def test_what_kills_its_workers_is_given_up_and_its_files_say_so(killed_home: Path) -> None:
    """It was the last of many: what was stored stays, and nobody waits for the rest."""
    async with _open(killed_home) as app:
        desk = await app.desk(tenant="acme")
        stored = len(await _stored(desk))
        async with await psycopg.AsyncConnection.connect(app.database.endpoints.jobs) as connection:
            await connection.execute("UPDATE procrastinate_jobs SET attempts = %s", (ATTEMPTS,))
        while (await app.jobs.depth())["doing"]:
            await app.jobs.drain()
        async with desk.database.transaction(desk.scope) as connection:
            cursor = await connection.execute("SELECT ingest_id, state FROM ingests")
            ((ingest_id, state),) = await cursor.fetchall()
        report = await desk.knowledge.ingest_report(ingest_id)
        assert report is not None
        assert (state, report.count("stored"), report.count("failed")) == ("done", stored, _FILES - stored)
        problem = next(file.problem for file in report.files if file.state == "failed")
        assert problem is not None
        assert (problem["type"], "died" in problem["why"]) == ("urn:deskmind:problem:worker-died", True)
        assert (await checks.jobs(app)).state == "red"
