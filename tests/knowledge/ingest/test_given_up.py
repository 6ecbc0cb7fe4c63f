"""An ingest whose job fails for good ends with an error instead of waiting for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from procrastinate import RetryStrategy

from deskmind.app import Deskmind
from deskmind.errors import UnavailableError
from deskmind.jobs import retrying
from deskmind.knowledge.embedding import HashingEmbedder


class Broken(HashingEmbedder):
    """An embedder with a defect."""

    mended = False

    async def embed_documents(self, texts: Any) -> Any:
        if not self.mended:
            raise ZeroDivisionError
        return await super().embed_documents(texts)


async def test_a_job_that_is_given_up(
    app: Deskmind, desk_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del app  # keeps the server running; the database is our own, so that nobody else takes the job
    monkeypatch.setattr(retrying, "_DOUBLING", RetryStrategy(max_attempts=1))
    embedder = Broken()
    async with Deskmind.open(home=desk_home, embedder=embedder, database={"name": "given_up"}) as own:
        await own.tenants.create("given-up")
        desk = await own.desk(tenant="given-up")
        with pytest.raises(UnavailableError, match="1 of 1 files could not be taken in") as refusal:
            await desk.knowledge.add("a.md", b"# A\n\ntext")
        assert "Repeat" in refusal.value.remedy
        embedder.mended = True
        assert (await desk.knowledge.add("a.md", b"# A\n\ntext")).count("stored") == 1
        async with own.database.transaction(desk.scope) as connection:
            cursor = await connection.execute("SELECT count(*) FROM documents")
            assert await cursor.fetchone() == (1,)
