"""Experiments and conversations of answers over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from deskmind.api import create_app
from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.sandbox.models import ModelSandbox

_VARIANTS = [{"name": "control", "version": 0, "weight": 1}, {"name": "brief", "version": 1, "weight": 1}]
_START = {"name": "brief-answers", "prompt": "answer", "variants": _VARIANTS}
_SAID = "The parking fee is 40 euros [1]."


@pytest.fixture
async def address(modelled: Deskmind, serving: Any) -> AsyncIterator[str]:
    async with serving(create_app(app=modelled)) as found:
        yield found


@pytest.fixture
async def clients(operator: Desk, address: str) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    """Clients of an operator and of members."""
    made: dict[str, httpx.AsyncClient] = {}
    for name, role in (("boss", "operator"), ("ann", "member"), ("ben", "member")):
        await operator.principals.add_user(name, role=role)
        key = await operator.keys.create(name)
        headers = {"Authorization": f"Bearer {key.secret}"}
        made[name] = httpx.AsyncClient(base_url=address, headers=headers)
    shared = await operator.prompts.get("answer")
    file = await operator.prompts.export("answer", version=shared.version)
    await operator.prompts.import_(file.replace("Be brief and concrete.", "Be very brief."))
    await operator.knowledge.add("parking.md", b"# Parking\n\nThe parking fee is 40 euros.")
    yield made
    for client in made.values():
        await client.aclose()


async def test_an_experiment_from_start_to_stop(
    clients: dict[str, httpx.AsyncClient], operator: Desk, sandbox: ModelSandbox
) -> None:
    boss = clients["boss"]
    started = await boss.post("/v1/experiments", json=_START)
    assert (started.status_code, started.json()["running"]) == (201, True)
    weighed = await boss.put("/v1/experiments/brief-answers/weights", json={"weights": {"control": 0}})
    assert [item["weight"] for item in weighed.json()["variants"]] == [0, 1]
    sandbox.script([_SAID] * 4)
    for name in ("ann", "ben"):
        answer = (await clients[name].post("/v1/ask", json={"question": f"Parking fee for {name}?"})).json()
        assert answer["prompt"] == {
            "name": "answer",
            "version": 1,
            "experiment": "brief-answers",
            "variant": "brief",
        }
        assert answer["window"]["kept"]["passages"] == 1
        assert answer["cache"] == "miss"
        for rating in ("down", "up"):
            judged = {"request_id": answer["request_id"], "rating": rating}
            assert (await clients[name].post("/v1/feedback", json=judged)).json()["variant"] == "brief"
    report = (await boss.get("/v1/experiments/brief-answers", params={"confidence": 0.9})).json()
    assert (report["confidence"], report["running"]) == (0.9, True)
    metrics = {item["metric"]: item["variants"]["brief"] for item in report["metrics"]}
    assert set(metrics) == {"cost", "feedback", "latency"}
    assert metrics["feedback"]["users"] == metrics["feedback"]["observations"] == 2
    assert metrics["feedback"]["value"]["estimate"] == 1
    assert metrics["latency"]["value"]["low"] < metrics["latency"]["value"]["high"]
    stopped = await boss.post("/v1/experiments/brief-answers/stop")
    assert not stopped.json()["running"]
    assert (await boss.post("/v1/experiments/brief-answers/stop")).status_code == 409
    (listed,) = (await boss.get("/v1/experiments")).json()["experiments"]
    assert (listed["name"], listed["stopped_at"] is not None) == ("brief-answers", True)
    acts = [event for event in await operator.audit() if event.action == "experiments.write"]
    assert [(event.principal, event.details["act"]) for event in acts] == [
        ("boss", "stop"),
        ("boss", "weigh"),
        ("boss", "start"),
    ]


async def test_refusals_are_problems(clients: dict[str, httpx.AsyncClient]) -> None:
    boss, member = clients["boss"], clients["ann"]
    await boss.post("/v1/experiments", json=_START)
    for response, status in (
        (await member.post("/v1/experiments", json=_START), 403),
        (await member.get("/v1/experiments"), 403),
        (await member.get("/v1/experiments/brief-answers"), 403),
        (await member.post("/v1/experiments/brief-answers/stop"), 403),
        (await boss.post("/v1/experiments", json=_START), 409),
        (await boss.post("/v1/experiments", json={**_START, "name": "A b"}), 422),
        (await boss.post("/v1/experiments", json={**_START, "variants": _VARIANTS[:1]}), 422),
        (await boss.post("/v1/experiments", json={**_START, "name": "x", "prompt": "none"}), 404),
        (await boss.post("/v1/experiments", json={**_START, "name": "x", "prompt": "\x00"}), 422),
        (await boss.get("/v1/experiments/none"), 404),
        (await boss.get("/v1/experiments/%00"), 404),
        (await boss.get("/v1/experiments/brief-answers?confidence=95"), 422),
        (await boss.put("/v1/experiments/brief-answers/weights", json={"weights": {"no": 1}}), 404),
        (await member.post("/v1/feedback", json={"request_id": "\x00", "rating": "up"}), 404),
        (await member.post("/v1/feedback", json={"request_id": "r", "rating": "up"}), 404),
    ):
        assert (response.status_code, response.headers["content-type"]) == (
            status,
            "application/problem+json",
        ), response.text


async def test_a_conversation_is_continued_and_is_ones_own(
    clients: dict[str, httpx.AsyncClient], sandbox: ModelSandbox
) -> None:
    ann = clients["ann"]
    sandbox.script([_SAID, "What is the parking fee?", _SAID])
    first = (await ann.post("/v1/ask", json={"question": "Parking fee?", "conversation": "new"})).json()
    following = {"question": "And for how long?", "conversation": first["conversation"]}
    async with ann.stream(
        "POST", "/v1/ask", json=following, headers={"Accept": "text/event-stream"}
    ) as reply:
        text = (await reply.aread()).decode()
    assert '"searched": "What is the parking fee?"' in text
    kept = (await ann.get(f"/v1/conversations/{first['conversation']}")).json()
    assert [turn["role"] for turn in kept["turns"]] == ["user", "assistant"] * 2
    for client, conversation, status in (
        (clients["ben"], first["conversation"], 404),
        (ann, "latest", 422),
        (ann, "\x00", 422),
    ):
        asked = {"question": "And?", "conversation": conversation}
        assert (await client.post("/v1/ask", json=asked)).status_code == status
