"""A worker is killed in the middle of each ready workflow, twice: another goes on, and each outside effect is there once."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.agents.boxes import Box
from tests.agents.conftest import Brain, wants
from tests.agents.workflows.conftest import decide
from tests.sync.conftest import connect

from deskmind.app import Deskmind
from deskmind.connectors import Act
from deskmind.connectors.opening import open_connector
from deskmind.desk import Desk
from deskmind.sandbox.models import ModelSandbox, Reply
from deskmind.sandbox.servicenow import ServiceNowSandbox
from deskmind.sandbox.web import Call
from deskmind.sandbox.web import Reply as WebReply

pytestmark = pytest.mark.chaos

_WORKER = Path(__file__).with_name("worker.py")
_WRITING = ("POST", "PATCH")
_SAID: tuple[tuple[str, Reply], ...] = (
    ("Which of these labels", wants("final_result", label="Network", reason="")),
    ("Write a reply", Reply(text="Please renew the certificate.")),
    ("May this reply", wants("final_result", good=True)),
    ("one major incident", wants("final_result", title="Mail is down", summary="Nobody reaches it.")),
    ("knowledge article", wants("final_result", title="Badge reader beeps", text="Clean the lens.")),
    ("next shift", Reply(text="All is quiet.")),
)


class Halting(ServiceNowSandbox):
    """An instance that, told so, does what is written and then does not answer."""

    halted = 0
    halting = False
    writes = 0

    async def answer(self, call: Call) -> WebReply:
        """As the instance does."""
        reply = await super().answer(call)
        if call.method in _WRITING:
            self.writes += 1
            if self.halting:
                self.halted += 1
                await asyncio.Event().wait()
        return reply


@pytest.fixture
async def box(admin: Desk) -> AsyncIterator[Box]:
    """An instance that the tenant is connected to."""
    async with Halting(size="tiny") as server:
        await connect(admin, server, kinds=("ticket",))
        async with open_connector(server.vendor, server.url, server.credentials) as source:
            yield Box(server, source)


@pytest.fixture
async def taker(desk_home: Path, modelled: Deskmind, sandbox: ModelSandbox) -> AsyncIterator[Deskmind]:
    """An application that takes over soon."""
    del modelled
    deployment = {
        "model": "echo",
        "base_url": f"{sandbox.base_url}/v1",
        "api_key": "sandbox-key",
        "name": "taker",
    }
    async with Deskmind.open(
        home=desk_home,
        knowledge={"embedder": "hashing"},
        models={"fast": {"deployments": [deployment], "retries": 0}},
        jobs={"stalled_after": 1.5, "concurrency": 8},
        agents={"lease_seconds": 20.0},  # it is not killed, and on a busy machine it stands still for seconds
    ) as app:
        yield app


async def test_killed_workers_runs_go_on_and_each_effect_is_there_once(
    box: Box, taker: Deskmind, admin: Desk, ben: Desk, brain: Brain, sandbox: ModelSandbox, desk_home: Path
) -> None:
    server = box.server
    assert isinstance(server, Halting)
    brain.obeys = lambda request: next(
        reply
        for sign, reply in _SAID
        if sign in "".join(str(one.get("content")) for one in request["messages"])
    )
    tickets, given = await _prepared(box, admin)
    before = server.writes
    runs = {name: await admin.workflows.start(name, values) for name, values in given.items()}

    slow = sandbox.faults.add("slow_headers", seconds=600.0)
    asked = len(sandbox.book)
    async with _worker(desk_home, sandbox):
        await _until(lambda: len(sandbox.book) >= asked + len(runs))  # each is asking a model: killed there
    sandbox.faults.remove(slow)
    states = await _worked(taker, admin, runs)
    assert states == dict.fromkeys(runs, "waiting")
    assert server.writes == before

    assert await decide(ben) == len(runs)
    server.halting = True
    async with _worker(desk_home, sandbox):
        await _until(lambda: server.halted >= len(runs))  # each has written and does not know: killed there
    server.halting = False
    states = await _worked(taker, admin, runs)
    while await decide(ben):
        states = await _worked(taker, admin, runs)
    assert states == dict.fromkeys(runs, "done")

    outputs = {name: (await admin.workflows.show(run)).run.output for name, run in runs.items()}
    assert [outputs["triage"][one] for one in ("routed", "noted")] == ["ok", "ok"]
    assert [outputs[name]["outcome"] for name in ("resolve", "knowledge-gap", "shift-handover")] == ["ok"] * 3
    assert outputs["major-incident"]["told"] == 3
    # the route and its note, the reply, the incident and three notes, the article, the handover
    assert server.writes - before == 9
    assert [len((await box.ticket(one)).comments) for one in tickets] == [1, 1]


async def _prepared(box: Box, admin: Desk) -> tuple[tuple[str, str], dict[str, dict[str, Any]]]:
    """What the workflows are to find; the tickets to triage and to resolve, and the input of each workflow."""
    ticket = await box.create("VPN drops", "The VPN drops every hour.")
    other = await box.create("VPN is slow", "It takes minutes.")
    await admin.knowledge.add("vpn.md", b"# VPN drops\n\nRenew the certificate of the VPN.")
    for number in ("one", "two", "three"):
        await box.create(f"Mail server unreachable {number}", "Outlook cannot reach the mail server.")
        solved = await box.create(f"Badge reader beeps {number}", "The badge reader beeps and is red.")
        values = {
            "to": "6",
            "resolution_code": "Solved (Permanently)",
            "resolution_notes": "Cleaned the lens.",
        }
        await box.source.apply(await box.source.propose(Act.TRANSITION, solved.id, **values))
    await admin.sync.run("now")
    on = {"connection": "now", "model": "fast"}
    new = {"create": {"urgency": "3"}}
    return (ticket.id, other.id), {
        "triage": {**on, "ticket": ticket.id, "routes": {"Network": await box.assignment()}},
        "resolve": {**on, "ticket": other.id},
        "major-incident": {**on, **new, "least": 3},
        "knowledge-gap": {**on, "base": "0" * 32, "days": 0.1},
        "shift-handover": {**on, **new, "hours": 0.5},
    }


@asynccontextmanager
async def _worker(home: Path, sandbox: ModelSandbox) -> AsyncIterator[None]:
    """A worker; killed at the end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(_WORKER), str(home), f"{sandbox.base_url}/v1"),
        env={**os.environ, "PYTHONPATH": str(_WORKER.parents[3])},
    )
    try:
        yield
    finally:
        assert process.returncode is None
        process.kill()
        await process.wait()


async def _until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not reached():
            await asyncio.sleep(0.02)


async def _worked(taker: Deskmind, desk: Desk, runs: Mapping[str, UUID]) -> dict[str, str]:
    """Have the taker work until nobody has anything to do; the runs' states."""
    async with asyncio.timeout(120):
        while True:
            await taker.jobs.drain()
            await taker.background.recover_runs()
            states = {name: (await desk.workflows.show(run)).run.state for name, run in runs.items()}
            if not {"queued", "running"} & set(states.values()):
                return states
            await asyncio.sleep(0.05)
