"""Webhooks over HTTP, with the manners of the other resources."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest

from deskmind.desk import Desk

_URL = "https://hooks.invalid/x"


@pytest.fixture
async def boss(operator: Desk, base_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the key of somebody who oversees a tenant."""
    await operator.principals.add_user("boss", role="operator")
    key = await operator.keys.create("boss")
    headers = {"Authorization": f"Bearer {key.secret}"}
    async with httpx.AsyncClient(base_url=base_url, headers=headers) as client:
        yield client
    for one in await operator.webhooks.all():
        await operator.webhooks.remove(one.webhook_id)


async def test_a_webhook_is_added_changed_rotated_tested_and_deleted(boss: httpx.AsyncClient) -> None:
    once = {"Idempotency-Key": str(uuid4())}
    new = {"url": _URL, "types": ["run.*"], "description": "On call"}
    made = (await boss.post("/v1/webhooks", json=new, headers=once)).raise_for_status().json()
    assert made["secret"].startswith("whsec_")
    again = await boss.post("/v1/webhooks", json=new, headers=once)
    assert (again.status_code, again.json()) == (201, made)
    place = f"/v1/webhooks/{made['webhook_id']}"
    found = await boss.get(place)
    assert {**found.json(), "secret": made["secret"]} == made
    assert (await boss.get("/v1/webhooks")).json() == {"webhooks": [found.json()]}

    match = {"If-Match": found.headers["etag"]}
    changed = await boss.patch(place, json={"types": ["*"]}, headers=match)
    assert (changed.status_code, changed.json()["types"], changed.json()["url"]) == (200, ["*"], _URL)
    assert (await boss.patch(place, json={"types": ["run.*"]}, headers=match)).status_code == 412
    rotated = (await boss.post(f"{place}/rotate", json={"overlap_hours": 2})).raise_for_status().json()
    assert rotated["secret"] != made["secret"]
    assert rotated["old_secret_until"] is not None

    begun = await boss.post(f"{place}/test")
    assert (begun.status_code, begun.json()["type"]) == (202, "webhook.test")
    delivery = f"/v1/deliveries/{begun.json()['delivery_id']}"
    assert (await boss.get(delivery)).json()["event_id"] == begun.json()["event_id"]
    assert (await boss.post(f"{delivery}/replay")).status_code == 202
    assert (await boss.post(f"{place}/disable")).json()["disabled_because"] == "person"
    for path in (f"{place}/test", f"{delivery}/replay"):
        assert (await boss.post(path)).status_code == 409
    assert (await boss.post(f"{place}/enable")).json()["active"] is True
    dead = await boss.post(f"{place}/replay", json={"since": "2026-01-01T00:00:00Z"})
    assert (dead.status_code, dead.json()) == (202, {"replayed": 0})
    assert (await boss.delete(place)).status_code == 204
    assert (await boss.get(place)).status_code == 404


async def test_deliveries_are_given_page_by_page(boss: httpx.AsyncClient) -> None:
    made = (await boss.post("/v1/webhooks", json={"url": _URL})).raise_for_status().json()
    place = f"/v1/webhooks/{made['webhook_id']}"
    begun = [(await boss.post(f"{place}/test")).json()["delivery_id"] for _ in range(5)]
    seen, before = list[str](), None
    while True:
        params = {"limit": 2, **({"before": before} if before else {})}
        page = (await boss.get(f"{place}/deliveries", params=params)).raise_for_status().json()
        seen += [one["delivery_id"] for one in page["deliveries"]]
        before = page["next"]
        if before is None:
            break
    assert seen == begun[::-1]


async def test_the_types_are_listed(boss: httpx.AsyncClient) -> None:
    types = (await boss.get("/v1/webhooks/types")).raise_for_status().json()["types"]
    assert "approval.requested" in {one["type"] for one in types}


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"url": "https://10.0.0.5/x"}, "forbidden-address"),
        ({"url": "http://hooks.invalid/x"}, "forbidden-address"),
        ({"url": "no address"}, "invalid-request"),
        ({"url": _URL, "types": ["runs.*"]}, "invalid-request"),
        ({"url": _URL, "types": []}, "invalid-request"),
        ({"url": _URL, "secret": "mine"}, "invalid-request"),
    ],
)
async def test_what_cannot_be_is_refused(
    boss: httpx.AsyncClient, body: dict[str, object], problem: str
) -> None:
    refused = await boss.post("/v1/webhooks", json=body)
    assert (refused.status_code, refused.json()["type"]) == (422, f"urn:deskmind:problem:{problem}")


async def test_members_are_refused_and_others_webhooks_are_not_there(
    boss: httpx.AsyncClient, operator: Desk, base_url: str
) -> None:
    await operator.principals.add_user("member")
    key = await operator.keys.create("member")
    headers = {"Authorization": f"Bearer {key.secret}"}
    async with httpx.AsyncClient(base_url=base_url, headers=headers) as member:
        assert (await member.get("/v1/webhooks")).status_code == 403
        assert (await member.post("/v1/webhooks", json={"url": _URL})).status_code == 403
    for path in (
        f"/v1/webhooks/{uuid4()}",
        f"/v1/webhooks/{uuid4()}/deliveries",
        f"/v1/deliveries/{uuid4()}",
    ):
        assert (await boss.get(path)).status_code == 404
