"""Users, groups, keys and the audit log over HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import httpx
import pytest

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.governance.audit import Proof


@pytest.fixture
async def boss(operator: Desk, base_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client with an owner's key."""
    await operator.principals.add_user("boss", role="operator")
    key = await operator.keys.create("boss")
    headers = {"Authorization": f"Bearer {key.secret}"}
    async with httpx.AsyncClient(base_url=base_url, headers=headers) as client:
        yield client


async def test_a_user_is_added_gets_a_key_and_loses_it(boss: httpx.AsyncClient, base_url: str) -> None:
    assert (await boss.put("/v1/groups/hr")).status_code == 204
    new = {"name": "cleo", "display_name": "Cleo Park", "groups": ["hr"]}
    added = await boss.post("/v1/users", json=new)
    assert (added.status_code, added.json()["role"], added.json()["groups"]) == (201, "member", ["hr"])
    assert (await boss.post("/v1/users", json=new)).status_code == 409
    moved = await boss.put("/v1/users/cleo/groups", json={"groups": ["it"]})
    assert moved.json()["groups"] == ["it"]
    assert (await boss.put("/v1/users/nobody/groups", json={"groups": []})).status_code == 404
    groups = {one["name"]: one["members"] for one in (await boss.get("/v1/groups")).json()["groups"]}
    assert groups == {"hr": 0, "it": 1}
    assert {one["name"] for one in (await boss.get("/v1/users")).json()["users"]} == {"boss", "cleo"}

    made = await boss.post(
        "/v1/keys", json={"user": "cleo", "name": "chat", "expires_at": "2100-01-01T00:00:00Z"}
    )
    secret = made.json()["secret"]
    assert (made.status_code, secret.startswith("dk_")) == (201, True)
    async with httpx.AsyncClient(base_url=base_url, headers={"Authorization": f"Bearer {secret}"}) as cleo:
        assert (await cleo.get("/v1/documents")).status_code == 200
        assert (await cleo.get("/v1/keys")).status_code == 403
        listed = await boss.get("/v1/keys")
        assert secret not in listed.text
        (mine,) = (one for one in listed.json()["keys"] if one["name"] == "chat")
        assert mine["last_used_at"]
        assert (await boss.delete(f"/v1/keys/{mine['key_id']}")).status_code == 204
        assert (await cleo.get("/v1/documents")).status_code == 401
    assert (await boss.delete(f"/v1/keys/{mine['key_id']}")).status_code == 404


async def test_the_log_is_searched_proven_verified_and_carried_away(
    boss: httpx.AsyncClient, app: Deskmind, operator: Desk
) -> None:
    assert (await boss.get("/v1/audit/checkpoint")).status_code == 404
    await boss.put("/v1/groups/hr")
    asked = {"action": "principals.", "principal": "boss"}
    (event,) = (await boss.get("/v1/audit/events", params=asked)).json()["events"]
    assert (event["action"], event["resource"], event["outcome"]) == ("principals.write", "hr", "done")
    assert (await boss.get(f"/v1/audit/events/{event['event_id']}/proof")).status_code == 404
    await app.sealing.seal()
    keys = await app.sealing.public_keys()
    proof = (await boss.get(f"/v1/audit/events/{event['event_id']}/proof")).json()
    assert Proof.parse(proof["proof"]).holds(keys)
    checkpoint = (await boss.get("/v1/audit/checkpoint")).json()
    told = {"keys": [str(key) for key in keys], "checkpoints": [checkpoint["note"]]}
    report = (await boss.post("/v1/audit/verify", json=told)).json()
    assert (report["holds"], report["findings"]) == (True, [])
    for wrong in ({"keys": ["/etc/passwd"]}, {"checkpoints": ["x"]}):
        assert (await boss.post("/v1/audit/verify", json=wrong)).status_code == 422
    bundle = await boss.get("/v1/audit/export")
    assert bundle.headers["content-type"] == "application/x-ndjson"
    readable = (await boss.get("/v1/audit/export", params={"form": "readable"})).text.splitlines()
    assert event["event_id"] in {json.loads(line)["event_id"] for line in readable}
    exported = await operator.audit_log.search()
    assert {"bundle", "readable"} <= {one.details.get("form") for one in exported}


async def test_an_upload_is_followed(boss: httpx.AsyncClient) -> None:
    added = (await boss.post("/v1/documents", json={"name": "a.md", "text": "# A\n\ntoner"})).json()
    assert (await boss.get(f"/v1/ingests/{added['ingest_id']}")).json()["state"] == "done"
