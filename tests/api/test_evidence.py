"""Evidence over HTTP: a bundle that holds, for those who may."""

from __future__ import annotations

from tests.api.conftest import Caller

from deskmind.desk import Desk
from deskmind.governance.audit import VerifyKey
from deskmind.governance.evidence import verify_bundle


async def test_an_auditor_fetches_a_bundle_that_holds(operator: Desk, caller: Caller) -> None:
    await operator.principals.add_user("olga")
    await operator.access.grant("auditor", user="olga")
    headers = {"Authorization": f"Bearer {(await operator.keys.create('olga')).secret}"}
    wanted = {"about": "soc2", "since": "2026-01-01T00:00:00Z"}
    made = await caller.client.post("/v1/evidence/bundles", json=wanted, headers=headers)
    assert made.status_code == 200
    assert made.headers["content-type"] == "application/zip"
    listed = await caller.client.get("/v1/evidence/keys", headers=headers)
    keys = [VerifyKey.parse(key) for key in listed.json()["keys"]]
    assert verify_bundle(made.content, keys).holds

    future = {**wanted, "until": "2126-01-01T00:00:00Z"}
    assert (await caller.client.post("/v1/evidence/bundles", json=future, headers=headers)).status_code in {
        400,
        422,
    }
    assert (await caller.client.post("/v1/evidence/bundles", json=wanted)).status_code == 403
    assert (await caller.client.get("/v1/evidence/keys")).status_code == 403
