"""Connected systems over HTTP: what operators see and start, and a vendor's own calls."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from deskmind.api import create_app
from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.sandbox.servicenow import ServiceNowSandbox


@pytest.fixture
async def box() -> AsyncIterator[ServiceNowSandbox]:
    async with ServiceNowSandbox(size="tiny") as started:
        yield started


@pytest.fixture
async def clients(app: Deskmind, operator: Desk, serving: Any) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    """Clients of an operator, of a member, and of somebody without a key."""
    made: dict[str, httpx.AsyncClient] = {}
    async with serving(create_app(app=app)) as address:
        made["vendor"] = httpx.AsyncClient(base_url=address)
        for name, role in (("boss", "operator"), ("ann", "member")):
            await operator.principals.add_user(name, role=role)
            key = await operator.keys.create(name)
            headers = {"Authorization": f"Bearer {key.secret}"}
            made[name] = httpx.AsyncClient(base_url=address, headers=headers)
        yield made
        for client in made.values():
            await client.aclose()


async def until_complete(client: httpx.AsyncClient) -> dict[str, Any]:
    while True:
        (found,) = (await client.get("/v1/connectors")).json()["connectors"]
        if found["complete"] or found["error"]:
            return found


async def test_operators_start_a_run_and_see_how_far_it_is(
    operator: Desk, box: ServiceNowSandbox, clients: dict[str, httpx.AsyncClient]
) -> None:
    assert (await clients["boss"].get("/v1/connectors")).json() == {"connectors": []}
    await operator.connections.add(
        "now", "servicenow", box.url, box.credentials, kinds=["ticket", "group"], every_seconds=0
    )
    (before,) = (await clients["boss"].get("/v1/connectors")).json()["connectors"]
    assert (before["complete"], before["lag_seconds"], before["kinds"]) == (False, None, [])
    assert "password" not in json.dumps(before)
    asked = await clients["boss"].post("/v1/connectors/now/sync")
    assert (asked.status_code, asked.json()["name"]) == (202, "now")
    found = await until_complete(clients["boss"])
    assert {one["kind"]: one["records"] for one in found["kinds"]} == {"ticket": 40, "group": 33} or found[
        "kinds"
    ]
    assert found["lag_seconds"] >= 0
    assert (await clients["boss"].post("/v1/connectors/now/sync", params={"full": True})).status_code == 202


async def test_members_and_strangers_see_nothing(
    operator: Desk, box: ServiceNowSandbox, clients: dict[str, httpx.AsyncClient]
) -> None:
    await operator.connections.add("now", "servicenow", box.url, box.credentials, every_seconds=0)
    assert (await clients["ann"].get("/v1/connectors")).status_code == 403
    assert (await clients["ann"].post("/v1/connectors/now/sync")).status_code == 403
    assert (await clients["vendor"].get("/v1/connectors")).status_code == 401
    unknown = await clients["boss"].post("/v1/connectors/nowhere/sync")
    assert (unknown.status_code, unknown.json()["title"]) == (404, "Not found")


async def test_a_vendors_call_is_taken_when_it_is_signed(
    operator: Desk, box: ServiceNowSandbox, clients: dict[str, httpx.AsyncClient]
) -> None:
    made = await operator.connections.add(
        "now", "servicenow", box.url, box.credentials, kinds=["ticket"], every_seconds=0
    )
    store = box.instance.store
    ticket = store.read("incident", store.ordered("incident", ())[0], "sys_id")
    secret = await operator.connections.webhook_secret("now")
    body = json.dumps({"kind": "ticket", "id": ticket}).encode()
    path = f"/v1/connectors/{made.connection_id}/webhook"
    for wrong in ({}, {"X-Deskmind-Signature": signed("guessed", body)}):
        assert (await clients["vendor"].post(path, content=body, headers=wrong)).status_code == 401
    headers = {"X-Deskmind-Signature": signed(secret, body)}
    nowhere = path.replace(str(made.connection_id), "00000000-0000-0000-0000-000000000000")
    assert (await clients["vendor"].post(nowhere, content=body, headers=headers)).status_code == 401
    assert (await clients["vendor"].post(path, content=body, headers=headers)).status_code == 202
    while not (found := await operator.sync.records("now", "ticket")):
        pass
    assert [one["id"] for one in found] == [ticket]


def signed(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


async def test_a_connection_that_is_added_over_http_reaches_public_addresses(
    operator: Desk, clients: dict[str, httpx.AsyncClient]
) -> None:
    boss, given = clients["boss"], {"username": "deskmind", "password": "hidden-4711"}
    asked = {"name": "far", "vendor": "servicenow", "url": "https://10.0.0.8", "credentials": given}
    refused = await clients["ann"].post("/v1/connectors", json={**asked, "networks": "any"})
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:deskmind:problem:permission-denied")
    for said in (asked, {**asked, "url": "https://example.com", "networks": "any"}):
        refused = await boss.post("/v1/connectors", json=said)
        assert refused.status_code == 422, refused.text
        assert "api.private_connections" in refused.json()["remedy"]
    asked["url"] = "https://localhost:1"  # a name is looked at when it is resolved
    added = await boss.post("/v1/connectors", json=asked)
    assert (added.status_code, added.json().get("networks")) == (201, "public"), added.text
    assert added.headers["location"] == "/v1/connectors/far"
    assert "hidden-4711" not in added.text
    tried = (await boss.post("/v1/connectors/far/test")).json()
    assert (tried["health"]["ok"], tried["rights"]) == (False, [])
    assert (await boss.post("/v1/connectors", json=asked)).status_code == 409
    assert (await clients["ann"].delete("/v1/connectors/far")).status_code == 403
    assert (await boss.delete("/v1/connectors/far")).status_code == 204
    assert await operator.connections.all() == []
