"""The HTTP service as a client sees it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI, Request

from deskmind import api
from deskmind.api import problems
from deskmind.api.application import _OURS as UNWATCHED
from deskmind.api.middleware import BodyLimit
from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import AuthenticationError, MissingExtraError

VPN = "# VPN token\n\nA lost VPN token is replaced in the portal. The new token arrives within 20 minutes.\n"


async def add(caller: Any, name: str = "vpn.md", text: str = VPN, **more: Any) -> httpx.Response:
    return await caller.client.post("/v1/documents", json={"name": name, "text": text, **more})


async def test_add_search_ask_read_delete(caller: Any) -> None:
    added = await add(caller, uri="https://kb.example.net/vpn")
    assert (added.status_code, added.json()["stored"]) == (201, 1)

    found = await caller.client.post("/v1/search", json={"query": "VPN token", "limit": 3})
    (passage,) = found.json()["passages"]
    assert (passage["title"], passage["uri"]) == ("VPN token", "https://kb.example.net/vpn")

    answer = (
        await caller.client.post("/v1/ask", json={"question": "When does a new VPN token arrive?"})
    ).json()
    assert answer["found"]
    assert "20 minutes" in answer["text"]
    assert answer["citations"][0]["document_id"] == passage["document_id"]

    document = (await caller.client.get(f"/v1/documents/{passage['document_id']}")).json()
    citation = answer["citations"][0]
    assert document["text"][citation["start"] : citation["end"]] == citation["quote"]

    assert (await caller.client.delete(f"/v1/documents/{passage['document_id']}")).status_code == 204
    gone = await caller.client.get(f"/v1/documents/{passage['document_id']}")
    assert (gone.status_code, gone.headers["content-type"]) == (404, "application/problem+json")
    assert (await caller.client.post("/v1/search", json={"query": "VPN token"})).json() == {"passages": []}


async def test_an_answer_as_events(caller: Any) -> None:
    await add(caller)
    events: list[tuple[str, Any]] = []
    async with caller.client.stream(
        "POST",
        "/v1/ask",
        json={"question": "When does a new VPN token arrive?"},
        headers={"Accept": "text/event-stream"},
    ) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        name = ""
        async for line in response.aiter_lines():
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                events.append((name, json.loads(line[6:])))
    assert [name for name, _ in events][-1] == "answer"
    assert events[0][0] == "delta"
    assert events[-1][1]["found"]
    assert events[-1][1]["request_id"] == response.headers["x-request-id"]


async def test_a_refused_question_as_events_is_a_problem(caller: Any) -> None:
    response = await caller.client.post(
        "/v1/ask", json={"question": " "}, headers={"Accept": "text/event-stream"}
    )
    assert response.status_code == 422


async def test_upload_list_and_page(caller: Any) -> None:
    for number in range(3):
        sent = await caller.client.post(
            "/v1/documents/upload",
            files={"file": (f"n{number}.md", f"# Note {number}\n\ntext {number}".encode())},
        )
        assert sent.status_code == 201
    first = (await caller.client.get("/v1/documents", params={"limit": 2})).json()
    second = (await caller.client.get("/v1/documents", params={"limit": 2, "after": first["next"]})).json()
    titles = {item["title"] for item in first["documents"] + second["documents"]}
    assert titles == {"Note 0", "Note 1", "Note 2"}
    assert second["next"] is None


async def test_a_filter_narrows(caller: Any) -> None:
    await add(caller, name="a.md", text="---\nsite: Hull\n---\n# A\n\nprinter toner")
    await add(caller, name="b.html", text="<h1>B</h1><p>printer toner</p>")
    for condition, title in (
        ({"metadata": {"site": "Hull"}}, "A"),
        ({"media_type": "text/html"}, "B"),
        ({"uri_prefix": "a."}, "A"),
    ):
        found = await caller.client.post("/v1/search", json={"query": "printer toner", "filter": condition})
        assert [item["title"] for item in found.json()["passages"]] == [title]
    past = {"updated_before": "2001-01-01T00:00:00Z"}
    assert (await caller.client.post("/v1/search", json={"query": "printer", "filter": past})).json()[
        "passages"
    ] == []


async def test_group_documents_stay_in_the_group(caller: Any, operator: Desk, base_url: str) -> None:
    assert (await add(caller, groups=["hr"])).status_code == 201
    refused = await add(caller, name="x.md", groups=["finance"])
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:deskmind:problem:permission-denied")
    await operator.principals.add_user("other")
    key = await operator.keys.create("other")
    document_id = (await caller.client.get("/v1/documents")).json()["documents"][0]["document_id"]
    async with httpx.AsyncClient(
        base_url=base_url, headers={"Authorization": f"Bearer {key.secret}"}
    ) as other:
        assert (await other.get("/v1/documents")).json()["documents"] == []
        assert (await other.get(f"/v1/documents/{document_id}")).status_code == 404
        assert (await other.delete(f"/v1/documents/{document_id}")).status_code == 404


async def test_only_the_owner_deletes(caller: Any, operator: Desk, base_url: str) -> None:
    await add(caller)
    await operator.principals.add_user("other")
    key = await operator.keys.create("other")
    document_id = (await caller.client.get("/v1/documents")).json()["documents"][0]["document_id"]
    async with httpx.AsyncClient(
        base_url=base_url, headers={"Authorization": f"Bearer {key.secret}"}
    ) as other:
        assert (await other.delete(f"/v1/documents/{document_id}")).status_code == 403
    assert (await caller.client.get(f"/v1/documents/{document_id}")).status_code == 200


async def test_another_tenants_document_does_not_exist(
    caller: Any, app: Deskmind, new_tenant: Callable[[], Awaitable[str]]
) -> None:
    other = await app.desk(tenant=await new_tenant())
    await other.knowledge.add("vpn.md", VPN.encode())
    document_id = (await other.knowledge.documents())[0].document_id
    assert (await caller.client.get(f"/v1/documents/{document_id}")).status_code == 404
    assert (await caller.client.delete(f"/v1/documents/{document_id}")).status_code == 404


async def test_no_key_no_entry(caller: Any, operator: Desk, base_url: str) -> None:
    expired = await operator.keys.create("req1", expires_at=datetime.now(UTC) - timedelta(seconds=1))
    revoked = await operator.keys.create("req1")
    await operator.keys.revoke(revoked.key_id)
    tampered = caller.key[:-1] + ("0" if caller.key[-1] != "0" else "1")
    for header in (
        None,
        "Bearer",
        "Basic abc",
        "Bearer nonsense",
        "Bearer dk_a_b_c",
        f"Bearer {tampered}",
        f"Bearer {expired.secret}",
        f"Bearer {revoked.secret}",
    ):
        async with httpx.AsyncClient(base_url=base_url) as client:
            response = await client.get("/v1/documents", headers={"Authorization": header} if header else {})
        assert response.status_code == 401, header
        assert response.headers["www-authenticate"] == "Bearer"
        assert response.json()["type"] == "urn:deskmind:problem:authentication"
    states = {key.key_id: key for key in await operator.keys.all()}
    assert states[revoked.key_id].revoked_at is not None


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/ask", {"question": ""}, 422),
        ("/v1/ask", {"question": "x" * 100_000}, 422),
        ("/v1/ask", {"question": "nul \0 byte"}, 422),
        ("/v1/ask", {}, 422),
        ("/v1/ask", {"question": "x", "unknown": 1}, 422),
        ("/v1/search", {"query": "x", "limit": 0}, 422),
        ("/v1/search", {"query": "x", "filter": {"document_ids": ["nope"]}}, 422),
        ("/v1/documents", {"name": "a.xyz", "text": "x"}, 415),
        ("/v1/documents", {"name": "a.md", "text": " "}, 422),
        ("/v1/nowhere", {}, 404),
    ],
)
async def test_bad_requests_say_what_is_wrong(
    caller: Any, path: str, body: dict[str, Any], status: int
) -> None:
    response = await caller.client.post(path, json=body)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert problem["request_id"] == response.headers["x-request-id"]
    assert problem["detail"]


async def test_malformed_json_ids_and_methods(caller: Any) -> None:
    broken = await caller.client.post("/v1/ask", content=b"{", headers={"Content-Type": "application/json"})
    assert broken.status_code == 422
    assert (await caller.client.get("/v1/documents/not-a-uuid")).status_code == 404
    assert (await caller.client.put("/v1/ask", json={})).status_code == 405
    assert (await caller.client.get(f"/v1/documents/{uuid4()}")).status_code == 404


async def test_too_large_a_body_is_refused() -> None:
    service = FastAPI(telemetry=UNWATCHED)
    service.add_middleware(BodyLimit, max_bytes=1000)

    @service.post("/")
    async def read(request: Request) -> int:
        return len(await request.body())

    async def stream(pieces: int) -> AsyncIterator[bytes]:
        for _ in range(pieces):
            yield b"x" * 100

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=service), base_url="http://test"
    ) as client:
        assert (await client.post("/", content=b"x" * 1000)).json() == 1000
        declared = await client.post("/", content=b"x" * 1001)
        streamed = await client.post("/", content=stream(11))
    for refused in (declared, streamed):
        assert (refused.status_code, refused.json()["type"]) == (
            413,
            "urn:deskmind:problem:document-too-large",
        )


async def test_the_request_id_is_taken_or_made_and_in_the_audit_log(caller: Any, operator: Desk) -> None:
    given = await caller.client.post(
        "/v1/search", json={"query": "x"}, headers={"X-Request-ID": "ticket-4711"}
    )
    assert given.headers["x-request-id"] == "ticket-4711"
    assert "ticket-4711" in {event.correlation_id for event in await operator.audit()}
    made = await caller.client.get("/v1/documents", headers={"X-Request-ID": "bad id with spaces"})
    assert made.headers["x-request-id"].startswith("req_")


async def test_health_and_readiness(base_url: str) -> None:
    async with httpx.AsyncClient(base_url=base_url) as client:
        assert (await client.get("/healthz")).json()["status"] == "ok"
        ready = await client.get("/readyz")
    assert (ready.status_code, ready.json()["checks"]["database"]) == (200, "ok")


async def test_readiness_without_a_database(app: Deskmind) -> None:
    service = api.create_app(app=app)
    stopped = Deskmind(app.settings)
    stopped.database = type(app.database)(app.database.endpoints, app.settings.database, app.database._signer)
    service.state.deskmind = stopped
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=service), base_url="http://test"
    ) as client:
        response = await client.get("/readyz")
    assert (response.status_code, response.json()["status"]) == (503, "not ready")


async def test_the_openapi_document_names_every_operation_once(base_url: str) -> None:
    async with httpx.AsyncClient(base_url=base_url) as client:
        document = (await client.get("/openapi.json")).json()
    operations = [
        (path, operation) for path, methods in document["paths"].items() for operation in methods.values()
    ]
    ids = [operation["operationId"] for _, operation in operations]
    assert len(ids) == len(set(ids)) == 187
    open_to_all = {
        operation["operationId"]
        for path, operation in operations
        if path.startswith("/v1/") and not operation.get("security")
    }
    assert open_to_all == {"receiveWebhook"}  # its signature stands in for a key
    assert document["info"]["title"] == "Deskmind"


async def test_the_router_mounts_in_another_application(operator: Desk, app: Deskmind) -> None:
    await operator.principals.add_user("guest")
    await operator.knowledge.add("vpn.md", VPN.encode())

    async def desk_for(request: Request) -> Desk:
        if request.headers.get("x-employee") != "guest":
            raise AuthenticationError("Who are you?")
        return await app.desk(tenant=operator.scope.tenant, user="guest")

    host = FastAPI(telemetry=UNWATCHED)
    host.include_router(api.router(desk_for=desk_for, prefix="/desk"))
    problems.install(host)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=host), base_url="http://test") as client:
        known = await client.post("/desk/search", json={"query": "token"}, headers={"X-Employee": "guest"})
        unknown = await client.post("/desk/search", json={"query": "token"})
    assert len(known.json()["passages"]) == 1
    assert unknown.status_code == 401


def test_unknown_names_of_the_package() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        _ = api.nothing
    assert MissingExtraError("The HTTP service", "api").remedy.endswith('"deskmind[api]"')
