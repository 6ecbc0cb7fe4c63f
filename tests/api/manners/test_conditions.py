"""Nothing is sent twice, and nobody's change is overwritten unseen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from tests.api.conftest import Serve

from deskmind.api import create_app
from deskmind.api.application import _OURS as UNWATCHED
from deskmind.api.manners.conditions import Conditions
from deskmind.app import Deskmind
from deskmind.desk import Desk


async def _conversation(caller: Any) -> str:
    made = await caller.client.post("/v1/conversations", json={"title": "Printer", "turns": []})
    return f"/v1/conversations/{made.json()['conversation_id']}"


async def test_what_is_known_is_not_sent_again(caller: Any) -> None:
    path = await _conversation(caller)
    first = await caller.client.get(path)
    again = await caller.client.get(path, headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["etag"] == first.headers["etag"]
    await caller.client.patch(path, json={"title": "Scanner"})
    changed = await caller.client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200
    assert changed.headers["etag"] != first.headers["etag"]


async def test_the_tag_is_of_what_the_caller_may_see(caller: Any, operator: Any) -> None:
    await operator.principals.add_user("req2")
    other = await operator.keys.create("req2")
    await caller.desk.knowledge.add("mine.md", b"# Mine\n\nOnly mine.", groups=["hr"])
    mine = await caller.client.get("/v1/documents")
    theirs = await caller.client.get(
        "/v1/documents",
        headers={"Authorization": f"Bearer {other.secret}", "If-None-Match": mine.headers["etag"]},
    )
    assert theirs.status_code == 200
    assert theirs.json()["documents"] == []


async def test_a_change_is_made_only_to_what_was_read(caller: Any) -> None:
    path = await _conversation(caller)
    read = (await caller.client.get(path)).headers["etag"]
    mine = await caller.client.patch(path, json={"title": "Mine"}, headers={"If-Match": read})
    theirs = await caller.client.patch(path, json={"title": "Theirs"}, headers={"If-Match": read})
    assert mine.status_code == 200
    assert theirs.status_code == 412
    assert theirs.json()["type"] == "urn:deskmind:problem:precondition-failed"
    assert (await caller.client.get(path)).json()["title"] == "Mine"


async def test_of_changes_at_once_one_is_made(caller: Any) -> None:
    path = await _conversation(caller)
    read = (await caller.client.get(path)).headers["etag"]
    answers = await asyncio.gather(
        *(
            caller.client.patch(path, json={"title": f"Title {number}"}, headers={"If-Match": read})
            for number in range(8)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7
    made = next(answer for answer in answers if answer.status_code == 200)
    assert (await caller.client.get(path)).json()["title"] == made.json()["title"]


async def test_what_is_gone_is_not_what_was_read(caller: Any) -> None:
    path = await _conversation(caller)
    read = (await caller.client.get(path)).headers["etag"]
    assert (await caller.client.delete(path, headers={"If-Match": "*"})).status_code == 204
    gone = await caller.client.patch(path, json={"title": "Late"}, headers={"If-Match": read})
    assert gone.status_code == 412


async def test_a_condition_that_cannot_be_checked_is_refused(caller: Any) -> None:
    refused = await caller.client.put(
        "/v1/experiments/none/weights", json={"weights": {"a": 1}}, headers={"If-Match": '"1"'}
    )
    assert refused.status_code == 422
    assert "If-Match" in refused.json()["detail"]


async def _narrow(
    caller: Any,
    home: Path,
    serving: Serve,
    most: int,
    requests: Callable[[httpx.AsyncClient], Awaitable[Any]],
) -> Any:
    """What requests give of a service with so many connections."""
    narrow = Deskmind.open(
        home=home,
        knowledge={"embedder": "hashing"},
        database={"pool_min": 1, "pool_max": most},
        api={"embedded_worker": False},
    )
    async with (
        narrow as app,
        serving(create_app(app=app)) as address,
        httpx.AsyncClient(base_url=address, headers={"Authorization": f"Bearer {caller.key}"}) as client,
    ):
        return await requests(client)


async def test_changes_of_many_resources_at_once_leave_room_for_themselves(
    caller: Any, desk_home: Path, serving: Serve
) -> None:
    paths = [await _conversation(caller) for _ in range(6)]

    async def change(client: httpx.AsyncClient) -> list[httpx.Response]:
        return await asyncio.gather(
            *(client.patch(path, json={"title": "Mine"}, headers={"If-Match": "*"}) for path in paths)
        )

    answers = await _narrow(caller, desk_home, serving, 2, change)
    assert [answer.status_code for answer in answers] == [200] * 6


async def test_with_one_connection_nothing_is_conditional(
    caller: Any, desk_home: Path, serving: Serve
) -> None:
    path = await _conversation(caller)

    async def change(client: httpx.AsyncClient) -> httpx.Response:
        return await client.patch(path, json={"title": "Mine"}, headers={"If-Match": "*"})

    refused = await _narrow(caller, desk_home, serving, 1, change)
    assert refused.status_code == 422
    assert "database.pool_max" in refused.json()["remedy"]
    assert (await caller.client.get(path)).json()["title"] == "Printer"


@pytest.mark.parametrize("path", ["/v1/audit/export", "/v1/audit/export?form=readable"])
async def test_what_is_streamed_cannot_be_conditional(
    caller: Any, operator: Desk, base_url: str, path: str
) -> None:
    await operator.principals.add_user("boss", role="operator")
    key = (await operator.keys.create("boss")).secret
    await caller.desk.conversations.create("Something to export")
    async with httpx.AsyncClient(base_url=base_url, headers={"Authorization": f"Bearer {key}"}) as boss:
        assert (await boss.get(path)).status_code == 200
        refused = await boss.delete(path, headers={"If-Match": "*"})
    assert refused.status_code == 422
    assert "If-Match" in refused.json()["detail"]
    assert (await caller.client.get("/v1/conversations")).status_code == 200, "the process serves on"


@pytest.mark.parametrize("kind", ["x-ndjson", "json"])
async def test_an_endless_stream_holds_nobody_up(serving: Serve, kind: str) -> None:
    service = FastAPI(telemetry=UNWATCHED)
    changed: list[str] = []

    @service.get("/v1/stream")
    async def stream(request: Request) -> StreamingResponse:
        assert not await request.is_disconnected()

        async def pieces() -> AsyncIterator[bytes]:
            while True:
                yield b"[]"
                await asyncio.sleep(0)

        return StreamingResponse(pieces(), media_type=f"application/{kind}")

    @service.delete("/v1/stream")
    async def delete() -> None:
        changed.append(kind)

    service.add_middleware(Conditions)
    async with serving(service) as address, httpx.AsyncClient(base_url=address) as client:
        refused = await client.delete("/v1/stream", headers={"If-Match": "*"})
    assert refused.status_code == 422
    assert changed == []
