"""A disk that fills up under the service: 507 with cause and remedy, nothing lost, and on with space again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from deskmind.api import create_app
from deskmind.app import Deskmind

pytestmark = pytest.mark.chaos

Serve = Callable[[FastAPI], AbstractAsyncContextManager[str]]


@pytest.fixture
async def client(disk: Path, serving: Serve) -> AsyncIterator[httpx.AsyncClient]:
    """A user's client of a service whose home is on the small disk, with one document."""
    async with Deskmind.open(
        home=disk / "home",
        knowledge={"embedder": "hashing"},
        answer={"threshold": 0.05},
        database={"pool_timeout": 5},
    ) as app:
        await app.tenants.create("acme")
        desk = await app.desk(tenant="acme")
        await desk.principals.add_user("ann")
        key = await desk.keys.create("ann")
        async with (
            serving(create_app(app=app)) as address,
            httpx.AsyncClient(
                base_url=address, headers={"Authorization": f"Bearer {key.secret}"}, timeout=60
            ) as client,
        ):
            kept = {"name": "kept.md", "text": "# Scanner\n\nThe scanner stands in room 14.\n"}
            assert (await client.post("/v1/documents", json=kept)).status_code == 201
            yield client


def _large(number: int) -> dict[str, str]:
    """Some 400 kB of words that do not repeat."""
    words = random.Random(number)
    paragraphs = (" ".join(f"w{words.randrange(1 << 24):06x}" for _ in range(80)) for _ in range(600))
    return {"name": f"{number}.md", "text": f"# Document {number}\n\n" + "\n\n".join(paragraphs)}


async def _soon(request: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """The first answer that is not "temporarily unavailable": the database may have to be started again."""
    async with asyncio.timeout(120):
        while (answer := await request()).status_code == 503:
            await asyncio.sleep(0.1)
    return answer


async def test_uploads_say_that_the_disk_is_full_and_go_on_with_space(
    client: httpx.AsyncClient, disk: Path, leave: Callable[[int], None]
) -> None:
    leave(6_000)
    number = 0
    while (refused := await client.post("/v1/documents", json=_large(number))).status_code == 201:
        number += 1
    assert refused.status_code == 507, refused.text
    assert refused.headers["content-type"] == "application/problem+json"
    problem = refused.json()
    assert problem["type"] == "urn:deskmind:problem:storage-full"
    assert problem["detail"]
    assert problem["remedy"].startswith("Free ")
    (disk / "ballast").unlink()
    assert (await _soon(lambda: client.get("/readyz"))).status_code == 200
    question = {"question": "Where does the scanner stand?"}
    assert "room 14" in (await _soon(lambda: client.post("/v1/ask", json=question))).json()["text"]
    again = await _soon(lambda: client.post("/v1/documents", json=_large(number)))
    assert again.status_code == 201, again.text
    listed = (await client.get("/v1/documents")).json()["documents"]
    assert {"kept.md", f"{number}.md"} <= {document["uri"] for document in listed}
