"""A request that is sent again under its key is done once, and answered the same."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI, HTTPException, Request
from tests.api.conftest import Serve

from deskmind.api import problems
from deskmind.api.application import _OURS as UNWATCHED
from deskmind.api.manners.claiming import Claims, Stored
from deskmind.api.manners.idempotency import Idempotency
from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import ClaimLostError, ResultLostError
from deskmind.governance.audit.claims import Claim, acting_under
from deskmind.scope import Scope

_MADE: dict[str, Any] = {"title": "Printer on the third floor", "turns": []}


def _key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid4())}


async def _count(caller: Any) -> int:
    return len((await caller.client.get("/v1/conversations")).json()["conversations"])


async def test_a_repeated_request_is_done_once(caller: Any) -> None:
    key = _key()
    first = await caller.client.post("/v1/conversations", json=_MADE, headers=key)
    again = await caller.client.post("/v1/conversations", json=_MADE, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["content-type"] == first.headers["content-type"]
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert await _count(caller) == 1


async def test_what_was_wrong_is_answered_the_same_too(caller: Any) -> None:
    key = _key()
    first = await caller.client.post("/v1/conversations", json={"turns": "none"}, headers=key)
    again = await caller.client.post("/v1/conversations", json={"turns": "none"}, headers=key)
    assert (first.status_code, again.status_code) == (422, 422)
    assert again.headers["idempotency-replayed"] == "true"


async def test_requests_at_once_are_done_once(caller: Any) -> None:
    key = _key()
    answers = await asyncio.gather(
        *(caller.client.post("/v1/conversations", json=_MADE, headers=key) for _ in range(12))
    )
    assert {answer.status_code for answer in answers} <= {201, 409}
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json()["type"] == "urn:deskmind:problem:request-in-progress"
            assert int(answer.headers["retry-after"]) >= 1
    assert await _count(caller) == 1


async def test_a_key_stands_for_one_request(caller: Any) -> None:
    key = _key()
    await caller.client.post("/v1/conversations", json=_MADE, headers=key)
    others: list[tuple[str, dict[str, Any]]] = [
        ("/v1/conversations", {"title": "Other", "turns": []}),
        ("/v1/search", {"query": "x"}),
    ]
    for path, body in others:
        other = await caller.client.post(path, json=body, headers=key)
        assert other.status_code == 422
        assert other.json()["type"] == "urn:deskmind:problem:idempotency-key-reused"
    assert await _count(caller) == 1


async def test_everybody_has_keys_of_their_own(caller: Any, operator: Desk) -> None:
    await operator.principals.add_user("req2")
    other = await operator.keys.create("req2")
    key = _key()
    await caller.client.post("/v1/conversations", json=_MADE, headers=key)
    theirs = await caller.client.post(
        "/v1/conversations",
        json={"title": "Theirs", "turns": []},
        headers={**key, "Authorization": f"Bearer {other.secret}"},
    )
    assert theirs.status_code == 201
    assert theirs.json()["title"] == "Theirs"


async def test_a_refusal_is_not_the_answer_for_good(caller: Any, operator: Desk) -> None:
    key = _key()
    prompt = {"prompt": {"name": "greeting", "messages": [{"role": "user", "content": "hello"}]}}
    refused = await caller.client.post("/v1/prompts", json=prompt, headers=key)
    assert refused.status_code == 403
    await operator.access.grant("admin", user="req1")
    allowed = await caller.client.post("/v1/prompts", json=prompt, headers=key)
    assert allowed.status_code == 201


@pytest.mark.parametrize("status", [408, 429])
@pytest.mark.parametrize("acts", [True, False])
async def test_what_was_stopped_in_the_middle_is_not_done_twice(
    caller: Any, app: Deskmind, operator: Desk, serving: Serve, status: int, acts: bool
) -> None:
    service = FastAPI(telemetry=UNWATCHED)
    attempts: list[bool] = []

    @service.post("/v1/act")
    async def act() -> None:
        attempts.append(acts)
        if acts:
            await caller.desk.conversations.create(title="done")
        raise HTTPException(status)

    async def asking(request: Request) -> tuple[Scope, Claims]:
        del request
        return caller.desk.scope, Claims(app.database, app.keyring, 3600)

    service.add_middleware(Idempotency, asking=asking)
    problems.install(service)
    key = _key()
    async with serving(service) as address, httpx.AsyncClient(base_url=address) as client:
        first = await client.post("/v1/act", headers=key)
        async with app.database.transaction(operator.scope) as connection:
            await connection.execute(
                "UPDATE request_keys SET lease_until = now() WHERE tenant_id = %s",
                (operator.scope.tenant_id,),
            )
        again = await client.post("/v1/act", headers=key)
    assert first.status_code == status
    if acts:
        assert again.status_code == 409
        assert again.json()["type"] == "urn:deskmind:problem:result-lost"
        assert await _count(caller) == 1
    else:
        assert again.status_code == status
        assert len(attempts) == 2


async def test_a_file_sent_again_is_the_same_whatever_parts_it_from_the_rest(caller: Any) -> None:
    key = _key()
    content = b"# Token\n\n" + b"A token is replaced in the portal.\n" * 3_000
    first = await caller.client.post(
        "/v1/documents/upload", files={"file": ("token.md", content, "text/markdown")}, headers=key
    )
    again = await caller.client.post(
        "/v1/documents/upload", files={"file": ("token.md", content, "text/markdown")}, headers=key
    )
    assert first.status_code == 201
    assert first.request.headers["content-type"] != again.request.headers["content-type"]
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == first.json()


@pytest.mark.parametrize("key", ["x" * 256, "a\tb"])
async def test_a_key_that_cannot_be_used_is_refused(caller: Any, key: str) -> None:
    refused = await caller.client.post("/v1/conversations", json=_MADE, headers={"Idempotency-Key": key})
    assert refused.status_code == 422
    assert "Idempotency-Key" in refused.json()["detail"]


async def test_a_stream_has_no_key(caller: Any) -> None:
    refused = await caller.client.post(
        "/v1/ask", json={"question": "How?"}, headers={**_key(), "Accept": "text/event-stream"}
    )
    assert refused.status_code == 422


@pytest.fixture
def claims(app: Deskmind) -> Claims:
    return Claims(app.database, app.keyring, 3600)


async def _taken(claims: Claims, desk: Desk, digest: bytes) -> Claim:
    taken = await claims.take(desk.scope, digest, bytes(32))
    assert isinstance(taken, Claim)
    return taken


async def test_an_attempt_that_was_overtaken_changes_nothing(caller: Any, claims: Claims) -> None:
    claims.lease_seconds = 0.0
    digest = uuid4().bytes * 2
    slow = await _taken(claims, caller.desk, digest)
    quick = await _taken(claims, caller.desk, digest)
    with acting_under(quick):
        await caller.desk.conversations.create(title="quick")
    with acting_under(slow), pytest.raises(ClaimLostError):
        await caller.desk.conversations.create(title="slow")
    assert [one.title for one in await caller.desk.conversations.list()] == ["quick"]


async def test_what_was_done_is_not_done_again_though_its_answer_is_lost(caller: Any, claims: Claims) -> None:
    claims.lease_seconds = 0.0
    digest = uuid4().bytes * 2
    died = await _taken(claims, caller.desk, digest)
    with acting_under(died):
        await caller.desk.conversations.create(title="done")
    with pytest.raises(ResultLostError):
        await claims.take(caller.desk.scope, digest, bytes(32))


async def test_answers_are_sealed_and_expire(
    caller: Any, operator: Desk, app: Deskmind, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = Claims(app.database, app.keyring, 0)
    digest = uuid4().bytes * 2
    taken = await _taken(claims, caller.desk, digest)
    await claims.keep(caller.desk.scope, taken, Stored(201, [], b"the printer of Annabeth"))
    select = "SELECT response FROM request_keys WHERE tenant_id = %s"
    async with app.database.transaction(operator.scope) as connection:
        (row,) = await (await connection.execute(select, (operator.scope.tenant_id,))).fetchall()
        assert b"Annabeth" not in bytes(row[0])
    await operator.privacy.retain()
    async with app.database.transaction(operator.scope) as connection:
        assert await (await connection.execute(select, (operator.scope.tenant_id,))).fetchall() == []


async def test_the_answers_of_who_is_erased_go_with_them(caller: Any, operator: Desk, app: Deskmind) -> None:
    await caller.client.post("/v1/conversations", json=_MADE, headers=_key())
    erasure = await operator.privacy.erase("req1")
    assert erasure.state == "done"
    async with app.database.transaction(operator.scope) as connection:
        cursor = await connection.execute(
            "SELECT count(*) FROM request_keys WHERE tenant_id = %s", (operator.scope.tenant_id,)
        )
        assert await cursor.fetchone() == (0,)
