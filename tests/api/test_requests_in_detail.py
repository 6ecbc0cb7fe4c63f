"""Streams, request ids and keys, in the details a client may rely on."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from deskmind.app import Deskmind
from deskmind.desk import Desk

_VPN = "# VPN token\n\nA lost VPN token is replaced in the portal. The new token arrives within 20 minutes.\n"
_QUESTION = {"question": "When does a new VPN token arrive?"}


@dataclass
class Event:
    number: int
    name: str
    data: Any


async def events_of(client: httpx.AsyncClient, question: dict[str, str], **headers: str) -> list[Event]:
    wanted = {"Accept": "text/event-stream", **headers}
    response = await client.post("/v1/ask", json=question, headers=wanted)
    assert response.status_code == 200
    blocks = [
        dict(line.split(": ", 1) for line in block.splitlines())
        for block in response.text.split("\n\n")
        if block
    ]
    assert len({block["id"].partition(".")[0] for block in blocks}) == 1
    return [
        Event(int(block["id"].partition(".")[2]), block["event"], json.loads(block["data"]))
        for block in blocks
    ]


async def test_the_pieces_of_a_stream_are_numbered_and_make_the_answer(caller: Any) -> None:
    await caller.desk.knowledge.add("vpn.md", _VPN.encode())
    events = await events_of(caller.client, _QUESTION)
    whole = (await caller.client.post("/v1/ask", json=_QUESTION)).json()

    assert [event.number for event in events] == list(range(1, len(events) + 1))
    assert [event.name for event in events] == ["delta"] * (len(events) - 1) + ["answer"]
    assert "".join(event.data["text"] for event in events[:-1]) == whole["text"]
    assert {**events[-1].data, "request_id": ""} == {**whole, "request_id": ""}


async def test_a_stream_leaves_no_error_in_the_log(caller: Any, caplog: pytest.LogCaptureFixture) -> None:
    await caller.desk.knowledge.add("vpn.md", _VPN.encode())
    gc.collect()  # what earlier tests left is complained of now, and not in this log
    caplog.clear()
    with caplog.at_level(logging.INFO):
        await events_of(caller.client, _QUESTION, **{"X-Request-ID": "quiet"})
        async with asyncio.timeout(60):
            while "http.request" not in {line["event"] for line in _lines_of("quiet", caplog)}:
                await asyncio.sleep(0.01)
        gc.collect()
    assert [line["event"] for line in _lines_of("quiet", caplog) if line["level"] != "info"] == []
    others = [record for record in caplog.records if record.name.startswith(("uvicorn", "asyncio"))]
    assert [record.getMessage() for record in others if record.levelno >= logging.WARNING] == []


def _lines_of(request: str, caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """What the service logged of a request; it logs its other work too, for other tenants."""
    lines = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    return [line for line in lines if line.get("correlation_id") == request]


async def test_a_stream_says_that_nothing_was_found(caller: Any) -> None:
    events = await events_of(caller.client, {"question": "How do I feed the office cat?"})
    assert events[-1].name == "answer"
    assert not events[-1].data["found"]
    assert events[-1].data["citations"] == []


async def test_a_stream_is_not_kept_by_caches(caller: Any) -> None:
    response = await caller.client.post("/v1/ask", json=_QUESTION, headers={"Accept": "text/event-stream"})
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-accel-buffering"] == "no"


async def test_a_client_that_leaves_a_stream_leaves_the_service_well(caller: Any) -> None:
    await caller.desk.knowledge.add("vpn.md", _VPN.encode())
    async with caller.client.stream(
        "POST", "/v1/ask", json=_QUESTION, headers={"Accept": "text/event-stream"}
    ) as response:
        async for _ in response.aiter_bytes():
            break
    assert (await caller.client.post("/v1/ask", json=_QUESTION)).json()["found"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("INC0010023", True),
        ("a" * 128, True),
        ("A.b_c-9", True),
        ("a" * 129, False),
        ("", False),
        ("two words", False),
        ("a/b", False),
        ("<script>", False),
    ],
)
async def test_which_request_ids_are_taken(caller: Any, given: str, kept: bool) -> None:
    response = await caller.client.post("/v1/ask", json={"question": ""}, headers={"X-Request-ID": given})
    returned = response.headers["x-request-id"]
    assert response.json()["request_id"] == returned
    assert (returned == given) is kept
    assert kept or returned.startswith("req_")


async def test_requests_at_the_same_time_keep_their_ids_apart(caller: Any, operator: Desk) -> None:
    ids = [f"parallel-{number}" for number in range(8)]
    responses = await asyncio.gather(
        *(caller.client.post("/v1/ask", json=_QUESTION, headers={"X-Request-ID": item}) for item in ids)
    )
    assert [response.json()["request_id"] for response in responses] == ids
    assert set(ids) <= {event.correlation_id for event in await operator.audit(limit=100)}


async def test_what_was_asked_is_in_the_audit_log_with_who_and_not_what(caller: Any, operator: Desk) -> None:
    await caller.client.post("/v1/ask", json=_QUESTION, headers={"X-Request-ID": "who-asked"})
    (event,) = [item for item in await operator.audit(limit=100) if item.correlation_id == "who-asked"]
    assert event.principal == "req1"
    assert event.action == "knowledge.ask"
    assert _QUESTION["question"] not in str(event)


async def test_a_key_of_absurd_length_is_refused(caller: Any) -> None:
    response = await caller.client.get("/v1/documents", headers={"Authorization": "Bearer dk_" + "x" * 5000})
    assert response.status_code == 422
    assert "too long" in response.json()["detail"]


async def test_a_revoked_key_ends_at_once(caller: Any, operator: Desk, base_url: str) -> None:
    key = await operator.keys.create("req1")
    async with httpx.AsyncClient(
        base_url=base_url, headers={"Authorization": f"Bearer {key.secret}"}
    ) as client:
        assert (await client.get("/v1/documents")).status_code == 200
        await operator.keys.revoke(key.key_id)
        assert (await client.get("/v1/documents")).status_code == 401


async def test_the_key_of_one_tenant_sees_nothing_of_another(
    caller: Any, app: Deskmind, new_tenant: Any
) -> None:
    other = await app.desk(tenant=await new_tenant())
    await other.knowledge.add("vpn.md", _VPN.encode())
    document_id = str((await other.knowledge.documents())[0].document_id)
    only = {"query": "VPN token", "filter": {"document_ids": [document_id]}}

    assert (await caller.client.post("/v1/search", json=only)).json() == {"passages": []}
    assert not (await caller.client.post("/v1/ask", json=_QUESTION)).json()["found"]
    listed = await caller.client.get(
        "/v1/documents", params={"after": "00000000-0000-0000-0000-000000000000"}
    )
    assert listed.json() == {"documents": [], "next": None}


async def test_pages_meet_without_gap_or_overlap(caller: Any) -> None:
    for number in range(5):
        await caller.desk.knowledge.add(f"n{number}.md", f"# Note {number}\n\ntext".encode())
    seen: list[str] = []
    after: str | None = None
    while True:
        params = {"limit": "2", **({"after": after} if after else {})}
        page = (await caller.client.get("/v1/documents", params=params)).json()
        seen += [item["title"] for item in page["documents"]]
        after = page["next"]
        if after is None:
            break
    assert sorted(seen) == [f"Note {number}" for number in range(5)]


async def test_a_deleted_document_is_gone_from_every_view(caller: Any) -> None:
    await caller.desk.knowledge.add("vpn.md", _VPN.encode())
    document_id = (await caller.client.get("/v1/documents")).json()["documents"][0]["document_id"]
    assert (await caller.client.delete(f"/v1/documents/{document_id}")).status_code == 204
    assert (await caller.client.delete(f"/v1/documents/{document_id}")).status_code == 404
    assert (await caller.client.get("/v1/documents")).json()["documents"] == []
    assert not (await caller.client.post("/v1/ask", json=_QUESTION)).json()["found"]
