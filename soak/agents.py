"""Runs of agents and workflows while workers are killed and stopped: all end, each write is at the vendor once, the books agree.

Several workers (``deskmind worker``), each a process of its own, do what is queued. At random moments one is killed (``kill -9``)
and another takes its place, or one stands still (SIGSTOP) for longer than its lease and goes on. The vendor is slow and loses some
answers. Each run writes twice: an agent's note is let pass by the policy, its assignment by a person; both writes of the ready
workflow *triage* by a person. Afterwards what the vendor did, the books of writes, the ledger, the provider's book and the audit
log are held against each other.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from deskmind import Deskmind
from deskmind.connectors import Act, Kind
from deskmind.connectors.opening import VendorConnector, open_connector
from deskmind.desk import Desk
from deskmind.governance.audit.service import AuditFilter
from deskmind.sandbox.models import DEFAULT_KEY, ModelSandbox, Reply, ToolCall
from deskmind.sandbox.servicenow import ServiceNowSandbox
from deskmind.sandbox.web import Call
from deskmind.sandbox.web import Reply as WebReply
from soak.accounting import compare, ledger_rows
from soak.processes import Worker

__all__ = ["run"]

NAME = "now"
_LEASE = 2.0
_WORKFLOW_EVERY = 4
_PATIENCE = 1200.0
_LOOK = 0.1
_OPEN = ("queued", "running", "waiting", "paused")


class Instance(ServiceNowSandbox):
    """An instance that keeps what was done to each ticket: a note, or an assignment."""

    def __init__(self) -> None:
        super().__init__(size="tiny")
        self.done: Counter[tuple[str, str]] = Counter()
        self.asked = 0

    async def answer(self, call: Call) -> WebReply:
        """As the instance does."""
        self.asked += 1
        reply = await super().answer(call)
        if call.method == "PATCH" and reply.status < 300:
            ticket = call.path.rpartition("/")[2]
            self.done[ticket, "note" if "work_notes" in call.json() else "assignment"] += 1
        return reply


@dataclass(slots=True)
class _Runs:
    """What was begun: the ticket of each run, agents' and workflows'."""

    agents: dict[UUID, str] = field(default_factory=dict[UUID, str])
    workflows: dict[UUID, str] = field(default_factory=dict[UUID, str])

    def all(self) -> dict[UUID, str]:
        """Both."""
        return {**self.agents, **self.workflows}


async def run(
    *, runs: int = 100, kills: int = 40, stops: int = 20, workers: int = 3, seed: int = 1
) -> dict[str, Any]:
    """What was found; ``right`` says whether all ended, nothing was done twice and the books agree."""
    async with AsyncExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        home.chmod(0o755)
        instance = await stack.enter_async_context(Instance())
        route: dict[str, str] = {}
        models = await stack.enter_async_context(ModelSandbox(reply=lambda asked: _said(asked, route)))
        settings = _settings(models)
        app = await stack.enter_async_context(Deskmind.open(home=home, **settings))
        source = await stack.enter_async_context(
            open_connector(instance.vendor, instance.url, instance.credentials)
        )
        route["group"] = await _group(source)
        desk, ben = await _tenant(app, instance)
        begun = await _begun(desk, source, runs, route["group"])
        instance.done.clear()
        models.faults.add("slow_headers", seconds=0.2, rate=0.5, seed=seed)
        instance.faults.add("lose", method="PATCH", rate=0.03, seed=seed)
        instance.faults.add("slow", method="PATCH", seconds=0.3)
        started = time.monotonic()
        seen = _Work(models, instance)
        chaos = _Chaos(home, settings, workers, kills, stops, seed, seen)
        done = await _disturbed(app, desk, ben, begun, chaos)
        seconds = time.monotonic() - started
        await models.book.settled()
        found = await _compared(app, desk, instance, models, begun)
        told = {"runs": runs, "seconds": round(seconds, 1), "kills": chaos.killed, "stops": chaos.stopped}
        return {**told, **done, **found, "right": found["right"] and not done["not_done"]}


class _Work:
    """How much the workers have asked for so far."""

    def __init__(self, models: ModelSandbox, instance: Instance) -> None:
        self._models, self._instance = models, instance

    async def more(self) -> None:
        """Wait until somebody asks for more."""
        before = self._asked()
        while self._asked() == before:
            await asyncio.sleep(_LOOK)

    def _asked(self) -> int:
        return len(self._models.book) + self._instance.asked


class _Chaos:
    """Keeps so many workers; kills some, lets some stand still."""

    def __init__(
        self,
        home: Path,
        settings: Mapping[str, Any],
        workers: int,
        kills: int,
        stops: int,
        seed: int,
        work: _Work,
    ) -> None:
        self._work = work
        self.killed = self.stopped = 0
        self._home, self._settings = home, settings
        self._count = workers
        self._acts = ["kill"] * kills + ["stop"] * stops
        self._draw = random.Random(seed)
        self._draw.shuffle(self._acts)

    async def rage(self) -> None:
        """Until cancelled; workers are there all the time."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._count):
                group.create_task(self._place())

    async def _place(self) -> None:
        """One worker after the other."""
        while True:
            async with Worker(self._home, self._settings) as worker:
                await self._disturb(worker)

    async def _disturb(self, worker: Worker) -> None:
        """While there is work, at a random moment, until it is killed or nothing more is to happen."""
        while self._acts:
            await self._work.more()
            await asyncio.sleep(self._draw.uniform(0.0, 1.5))
            if not self._acts:
                break
            if self._acts.pop() == "kill":
                worker.kill()
                self.killed += 1
                return
            worker.stop()
            try:
                await asyncio.sleep(self._draw.uniform(1.2, 2.5) * _LEASE)
            finally:
                worker.go_on()
            self.stopped += 1
        await asyncio.Event().wait()


def _said(asked: Mapping[str, Any], route: Mapping[str, str]) -> Reply:
    """What the model says: by how much the agent has done so far."""
    texts = [str(one.get("content") or "") for one in asked["messages"]]
    if any("Which of these labels" in text for text in texts):
        chosen = {"label": "Network", "reason": "It says so."}
        return Reply(tool_calls=(ToolCall("final_result", chosen),))
    ticket = next(text.rpartition(" ")[2] for text in texts if text.startswith("Look after "))
    match sum(one["role"] == "tool" for one in asked["messages"]):
        case 0:
            note = {"ticket": ticket, "text": "Somebody looks after it."}
            return Reply(tool_calls=(ToolCall("ticket_comment", note),))
        case 1:
            assignment = {"ticket": ticket, "group": route["group"]}
            return Reply(tool_calls=(ToolCall("ticket_assign", assignment),))
        case _:
            return Reply(text="It is looked after.")


def _settings(models: ModelSandbox) -> dict[str, Any]:
    deployment = {"model": "echo", "base_url": f"{models.base_url}/v1", "api_key": DEFAULT_KEY}
    return {
        "knowledge": {"embedder": "none"},
        "jobs": {"stalled_after": 2.0, "concurrency": 4},
        "agents": {
            "lease_seconds": _LEASE,
            "approvals": [{"tool": "ticket_comment", "approval": "auto"}],
        },
        "models": {"fast": {"deployments": [deployment], "retries": 1}},
    }


async def _tenant(app: Deskmind, instance: Instance) -> tuple[Desk, Desk]:
    """The operator's desk, and that of somebody who approves."""
    await app.tenants.create("soak")
    desk = await app.desk(tenant="soak")
    await desk.connections.add(
        NAME, instance.vendor, instance.url, instance.credentials, kinds=("ticket",), every_seconds=0
    )
    await desk.principals.add_user("ben")
    await desk.access.grant("technician", user="ben")
    return desk, await app.desk(tenant="soak", user="ben")


async def _group(source: VendorConnector) -> str:
    groups = [one async for page in source.pages(Kind.GROUP) for one in page.records]
    return next(one.id for one in groups if one.grantee.kind == "group")  # type: ignore[union-attr]


async def _begun(desk: Desk, source: VendorConnector, count: int, group: str) -> _Runs:
    """A ticket for each run, and the runs, queued."""
    agent = desk.agent(
        "keeper",
        instructions="Look after tickets.",
        model="fast",
        tools=["ticket_comment", "ticket_assign"],
    )
    begun = _Runs()
    for number in range(count):
        proposal = await source.propose(Act.CREATE, title=f"VPN drops {number}", description="It drops.")
        ticket = (await source.apply(proposal)).id
        if number % _WORKFLOW_EVERY == _WORKFLOW_EVERY - 1:
            given = {"connection": NAME, "ticket": ticket, "model": "fast"}
            routes = {"Network": {"group": group}}
            begun.workflows[await desk.workflows.start("triage", {**given, "routes": routes})] = ticket
        else:
            begun.agents[await agent.start(f"Look after {ticket}")] = ticket
    return begun


async def _disturbed(app: Deskmind, desk: Desk, ben: Desk, begun: _Runs, chaos: _Chaos) -> dict[str, Any]:
    """Let the workers work and be disturbed, until all runs have ended."""
    told = time.monotonic()
    acts = [asyncio.create_task(act) for act in (chaos.rage(), _approve(ben), _recover(app))]
    try:
        async with asyncio.timeout(_PATIENCE):
            while True:
                states = await _states(desk, begun)
                if not set(states.values()) & {*_OPEN}:
                    break
                told = _told(told, states, chaos)
                if broken := [one for one in acts if one.done()]:
                    broken[0].result()
                await asyncio.sleep(5 * _LOOK)
    except TimeoutError:
        states = await _states(desk, begun)
    finally:
        for one in acts:
            one.cancel()
        for one in acts:
            with suppress(asyncio.CancelledError):
                await one
    return {
        "states": dict(Counter(states.values())),
        "not_done": sum(one != "done" for one in states.values()),
    }


def _told(last: float, states: Mapping[UUID, str], chaos: _Chaos) -> float:
    """Tell every ten seconds how it stands; when that was last."""
    if time.monotonic() - last < 10:
        return last
    standing = ", ".join(f"{count} {state}" for state, count in sorted(Counter(states.values()).items()))
    print(f"{standing}; {chaos.killed} kills, {chaos.stopped} stops", file=sys.stderr, flush=True)
    return time.monotonic()


async def _approve(ben: Desk) -> None:
    while True:
        for one in await ben.approvals.list():
            await ben.approvals.approve(one.proposal_id)
        await asyncio.sleep(_LOOK)


async def _recover(app: Deskmind) -> None:
    """What workers do each minute, more often."""
    while True:
        await asyncio.sleep(5.0)
        await app.background.recover_runs()


async def _states(desk: Desk, begun: _Runs) -> dict[UUID, str]:
    rows = await _rows(desk, "SELECT run_id, state, remedy FROM agent_runs WHERE parent_id IS NULL")
    known = begun.all()
    return {
        run_id: "queued" if (state, remedy) == ("failed", "retry") else state
        for run_id, state, remedy in rows
        if run_id in known
    }


async def _compared(
    app: Deskmind, desk: Desk, instance: Instance, models: ModelSandbox, begun: _Runs
) -> dict[str, Any]:
    await app.gateway()  # takes over the journals of the dead
    await app.settle_stories()
    await app.sealing.seal()
    effects = await _effects(desk, instance, begun)
    books = compare(await ledger_rows(app), models, True)
    audit = await _audited(app, desk, books["rows"])
    return {
        **effects,
        **audit,
        "ledger": books,
        "right": effects["right"] and audit["audit_right"] and books["right"],
    }


async def _effects(desk: Desk, instance: Instance, begun: _Runs) -> dict[str, Any]:
    """Each ticket has its note and its assignment once; what is not known to be done is with a person."""
    rows = await _rows(desk, "SELECT state FROM agent_effects")
    writes = await _rows(desk, "SELECT run_id, act, state FROM writes WHERE run_id IS NOT NULL")
    acts = {"comment": "note", "assign": "assignment"}
    tickets = begun.all()
    state = {(tickets[run_id], acts[act]): state for run_id, act, state in writes}
    wanted = [(ticket, kind) for ticket in tickets.values() for kind in acts.values()]
    unknown = [one for one in wanted if state.get(one) == "uncertain"]
    twice = [one for one in wanted if instance.done[one] > 1]
    missing = [one for one in wanted if instance.done[one] == 0 and one not in unknown]
    strange = [one for one in wanted if state.get(one) == "applied" and instance.done[one] != 1]
    claimed = Counter(one[0] for one in rows)
    booked = Counter(one[2] for one in writes)
    agree = claimed == Counter({**booked, "unknown": booked["uncertain"]}) - Counter(
        {"uncertain": booked["uncertain"]}
    )
    return {
        "writes_wanted": len(wanted),
        "writes_at_the_vendor": instance.done.total(),
        "twice": len(twice),
        "missing": len(missing),
        "handed_to_a_person": len(unknown),
        "of_these_done": sum(instance.done[one] for one in unknown),
        "claims": dict(claimed),
        "writes": dict(booked),
        "right": not twice and not missing and not strange and agree and len(writes) == len(wanted),
    }


async def _audited(app: Deskmind, desk: Desk, calls: int) -> dict[str, Any]:
    """Each write that was done is an event, each call of the ledger too, and the log verifies."""
    events = await desk.audit_log.search(AuditFilter(action="agents.effect"), limit=100_000)
    booked = await desk.audit_log.search(AuditFilter(action="models.call"), limit=100_000)
    (applied,) = await _rows(desk, "SELECT count(*) FROM agent_effects WHERE state = 'applied'")
    done = {(one.resource, one.details["call"]) for one in events if one.outcome == "done"}
    report = await desk.audit_log.verify(await app.sealing.public_keys())
    return {
        "writes_in_the_audit_log": len(done),
        "calls_in_the_audit_log": len(booked),
        "audit_verifies": report.holds,
        "audit_right": report.holds and len(done) == applied[0] and len(booked) == calls,
    }


async def _rows(desk: Desk, statement: str) -> list[Any]:
    async with desk.database.transaction(desk.scope) as connection:
        return list(await (await connection.execute(statement.encode())).fetchall())


def main() -> None:
    """Print what was found; exit code 1 when something was done twice, is missing, or the books differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--stops", type=int, default=20)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    found = asyncio.run(run(**vars(parser.parse_args())))
    print(json.dumps(found, indent=2, default=str))
    sys.exit(0 if found["right"] else 1)


if __name__ == "__main__":
    main()
