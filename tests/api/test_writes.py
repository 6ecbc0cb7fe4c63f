"""Writing to a connected system over HTTP, a file among it."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest

from deskmind.desk import Desk
from deskmind.sandbox.servicenow import ServiceNowSandbox


@pytest.fixture
async def boss(operator: Desk, base_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the key of somebody who oversees a tenant that is connected."""
    await operator.principals.add_user("boss", role="operator")
    key = await operator.keys.create("boss")
    headers = {"Authorization": f"Bearer {key.secret}"}
    async with (
        ServiceNowSandbox(size="tiny") as box,
        httpx.AsyncClient(base_url=base_url, headers=headers, timeout=60) as client,
    ):
        await operator.connections.add("now", box.vendor, box.url, box.credentials, every_seconds=0)
        yield client


async def test_a_write_is_proposed_shown_sent_and_settled(boss: httpx.AsyncClient) -> None:
    new = {"act": "create", "values": {"title": "Printer on fire"}}
    made = (await boss.post("/v1/connectors/now/writes", json=new)).raise_for_status().json()
    assert (made["state"], made["connection"]) == ("proposed", "now")
    assert {"field": "short_description", "before": None, "after": "Printer on fire"} in made["changes"]
    done = (await boss.post(f"/v1/writes/{made['write_id']}/send")).raise_for_status().json()
    assert (done["state"], done["differing"]) == ("applied", [])
    again = await boss.post(f"/v1/writes/{made['write_id']}/send")
    assert (again.status_code, again.json()["type"]) == (409, "urn:deskmind:problem:conflict")

    content = b"some bytes" * 1000
    facts = {"name": "a.bin", "size": len(content), "digest": hashlib.sha256(content).hexdigest()}
    attach = {"act": "attach", "target": done["written_id"], "values": facts}
    file = (await boss.post("/v1/connectors/now/writes", json=attach)).raise_for_status().json()
    wrong = await boss.post(f"/v1/writes/{file['write_id']}/send", content=content[1:])
    assert wrong.status_code == 422
    sent = await boss.post(f"/v1/writes/{file['write_id']}/send", content=content)
    assert sent.raise_for_status().json()["state"] == "applied"

    comment = {"act": "comment", "target": done["written_id"], "values": {"text": "No."}}
    said = (await boss.post("/v1/connectors/now/writes", json=comment)).raise_for_status().json()
    assert (await boss.post(f"/v1/writes/{said['write_id']}/reconcile")).json()["state"] == "proposed"
    settled = await boss.post(f"/v1/writes/{said['write_id']}/resolve", json={"written": True})
    assert settled.status_code == 409
    assert (await boss.post(f"/v1/writes/{said['write_id']}/reject")).json()["state"] == "rejected"
    listed = (await boss.get("/v1/writes", params={"state": ["rejected", "applied"]})).json()["writes"]
    assert [one["act"] for one in listed] == ["comment", "attach", "create"]
    assert (await boss.get(f"/v1/writes/{said['write_id']}")).json() == listed[0]


async def test_what_is_not_there_or_not_allowed(
    boss: httpx.AsyncClient, operator: Desk, base_url: str
) -> None:
    assert (await boss.get(f"/v1/writes/{uuid4()}")).status_code == 404
    nowhere = await boss.post(
        "/v1/connectors/nowhere/writes", json={"act": "create", "values": {"title": "x"}}
    )
    assert nowhere.status_code == 404
    assert (await boss.post("/v1/connectors/now/writes", json={"act": "explode"})).status_code == 422
    await operator.principals.add_user("member")
    key = await operator.keys.create("member")
    headers = {"Authorization": f"Bearer {key.secret}"}
    async with httpx.AsyncClient(base_url=base_url, headers=headers) as member:
        assert (await member.get("/v1/writes")).status_code == 403
