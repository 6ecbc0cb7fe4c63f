"""Triage over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.triage.tickets import tickets

from deskmind.api import create_app
from deskmind.app import Deskmind
from deskmind.desk import Desk


@pytest.fixture
async def clients(app: Deskmind, operator: Desk, serving: Any) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    """Clients of an operator and of a member."""
    made: dict[str, httpx.AsyncClient] = {}
    async with serving(create_app(app=app)) as address:
        for name, role in (("boss", "operator"), ("ann", "member")):
            await operator.principals.add_user(name, role=role)
            key = await operator.keys.create(name)
            headers = {"Authorization": f"Bearer {key.secret}"}
            made[name] = httpx.AsyncClient(base_url=address, headers=headers)
        yield made
        for client in made.values():
            await client.aclose()


async def test_predictions_with_their_reason(operator: Desk, clients: dict[str, httpx.AsyncClient]) -> None:
    asked = {"texts": ["vpn tunnel drops", "zzz"]}
    untrained = await clients["ann"].post("/v1/triage/predict", json=asked)
    assert (untrained.status_code, untrained.json()["title"]) == (404, "Not found")
    await operator.triage.train(tickets(90), targets=["category"], embed=False)
    said = (await clients["ann"].post("/v1/triage/predict", json=asked)).json()["predictions"]
    guess = said[0]["guesses"]["category"]
    assert (guess["label"], guess["abstained"]) == ("Network", False)
    assert guess["terms"]
    assert said[1]["guesses"]["category"]["abstained"] is True
    assert said[0]["neighbours"] == []
    (model,) = (await clients["ann"].get("/v1/triage/models")).json()["models"]
    assert (model["version"], model["tickets"]) == (1, 90)
    similar = await clients["boss"].post("/v1/triage/similar", json={"text": "vpn tunnel drops", "limit": 2})
    assert len(similar.json()["tickets"]) == 2


async def test_comparing_is_for_operators(clients: dict[str, httpx.AsyncClient]) -> None:
    new = [
        {
            "reference": f"S{n}",
            "text": "outlook: mail server not found",
            "created_at": f"2026-05-04T09:0{n}:00Z",
        }
        for n in range(5)
    ]
    for path, key in (("duplicates", "groups"), ("clusters", "clusters")):
        found = await clients["boss"].post(f"/v1/triage/{path}", json={"tickets": new})
        assert [one["references"] for one in found.json()[key]] == [["S0", "S1", "S2", "S3", "S4"]]
        refused = await clients["ann"].post(f"/v1/triage/{path}", json={"tickets": new})
        assert refused.status_code == 403
    bad = await clients["boss"].post("/v1/triage/clusters", json={"tickets": new, "similarity": 2})
    assert bad.status_code == 422


async def test_a_training_is_taken_for_later(clients: dict[str, httpx.AsyncClient]) -> None:
    asked = await clients["boss"].post("/v1/triage/trainings", json={"embed": False})
    assert asked.status_code == 202
    told = await clients["boss"].get(asked.headers["location"])
    assert told.json()["training_id"] == asked.json()["training_id"]
    listed = (await clients["boss"].get("/v1/triage/trainings")).json()["trainings"]
    assert [one["training_id"] for one in listed] == [asked.json()["training_id"]]
    for answer in (
        await clients["ann"].post("/v1/triage/trainings", json={}),
        await clients["ann"].get("/v1/triage/trainings"),
        await clients["ann"].get(asked.headers["location"]),
    ):
        assert answer.status_code == 403
    unknown = await clients["boss"].get("/v1/triage/trainings/00000000-0000-0000-0000-000000000000")
    assert unknown.status_code == 404
