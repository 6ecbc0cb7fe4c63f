"""Privacy over HTTP: operators only, erasure by a worker, holds, receipts."""

from __future__ import annotations

import asyncio

from tests.api.conftest import Caller

from deskmind.app import Deskmind
from deskmind.desk import Desk


async def _operator_headers(operator: Desk) -> dict[str, str]:
    await operator.principals.add_user("officer", role="operator")
    return {"Authorization": f"Bearer {(await operator.keys.create('officer')).secret}"}


async def test_a_person_is_exported_and_erased_by_a_worker(
    app: Deskmind, operator: Desk, caller: Caller
) -> None:
    await operator.principals.add_user("zilpha.quorn", display_name="Zilpha Quornbeck")
    await operator.knowledge.add("keys.md", b"# Keys\n\nZilpha Quornbeck has the key of room 12.\n")
    headers = await _operator_headers(operator)
    who = {"subject": "zilpha.quorn"}
    exported = await caller.client.post("/v1/privacy/export", json=who, headers=headers)
    assert exported.status_code == 200
    assert exported.json()["stores"]["account"][0]["display_name"] == "Zilpha Quornbeck"
    planned = await caller.client.post("/v1/privacy/erasures", json={**who, "dry_run": True}, headers=headers)
    assert planned.json()["stores"]["knowledge"] == {"masked": 1}

    held = await caller.client.post("/v1/privacy/holds", json={**who, "reason": "case 1"}, headers=headers)
    assert held.status_code == 201
    refused = await caller.client.post("/v1/privacy/erasures", json=who, headers=headers)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:deskmind:problem:legal-hold")
    assert "quorn" not in refused.text.lower()
    path = f"/v1/privacy/holds/{held.json()['hold_id']}"
    assert (await caller.client.delete(path, headers=headers)).status_code == 204
    assert (await caller.client.delete(path, headers=headers)).status_code == 409

    accepted = await caller.client.post("/v1/privacy/erasures", json=who, headers=headers)
    assert (accepted.status_code, accepted.json()["state"]) == (202, "waiting")
    await app.jobs.drain()
    while await app.jobs.alive(accepted.json()["erasure_id"]):  # the service's own worker may have taken it
        await asyncio.sleep(0.05)
    done = await caller.client.get(f"/v1/privacy/erasures/{accepted.json()['erasure_id']}", headers=headers)
    assert done.json()["state"] == "done"
    assert done.json()["stores"]["knowledge"] == {"masked": 1}
    assert "quorn" not in done.json()["receipt"].lower()
    listed = await caller.client.get("/v1/privacy/erasures", headers=headers)
    assert [item["state"] for item in listed.json()["erasures"]] == ["done"]
    assert (await caller.client.get("/v1/privacy/map", headers=headers)).json()["stores"]


async def test_members_are_refused(caller: Caller) -> None:
    for method, path in (
        ("GET", "/v1/privacy/map"),
        ("GET", "/v1/privacy/erasures"),
        ("GET", "/v1/privacy/holds"),
    ):
        assert (await caller.client.request(method, path)).status_code == 403
    who = {"subject": "req1", "reason": "case"}
    assert (await caller.client.post("/v1/privacy/holds", json=who)).status_code == 403
    for path in ("/v1/privacy/export", "/v1/privacy/erasures"):
        assert (await caller.client.post(path, json={"subject": "req1"})).status_code == 403
