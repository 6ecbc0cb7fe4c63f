"""What approvers change, what they forbid for good, and how they are told."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import web
from tests.agents.conftest import Brain, Person, wants

from deskmind.agents import Agent, Preview, Proposed, Run, Tool, ToolContext, tool
from deskmind.agents.announcing import announce_write
from deskmind.agents.gate import Circumstances, judge
from deskmind.app import Deskmind
from deskmind.connectors import Change
from deskmind.desk import Desk
from deskmind.errors import ConflictError, InvalidRequestError, PermissionDeniedError
from deskmind.settings import AgentsSettings, ApprovalRule
from deskmind.writes.store import find_write


@pytest.fixture
def written() -> list[tuple[str, str]]:
    """Tickets and priorities."""
    return []


@pytest.fixture
def priority(written: list[tuple[str, str]], modelled: Deskmind) -> Tool:
    """A tool that sets a priority, and takes from its preview how."""

    async def preview(context: ToolContext, arguments: Any) -> Preview:
        del context
        value = arguments["priority"]
        return Preview((Change(f"priority-{value}", "3", value),), {"send": [arguments["ticket"], value]})

    @tool(effect="write", audience="technicians", preview=preview)
    async def set_priority(context: ToolContext, ticket: str, priority: str) -> str:
        """Set a priority."""
        del ticket, priority
        written.append(tuple(context.prepared["send"]))
        return "set"

    modelled.register_tool(set_priority)
    return set_priority


@pytest.fixture
def agent(ann: Desk, brain: Brain, priority: Tool) -> Agent[str]:
    """An agent that sets priority 2 and is done."""
    brain.says(wants("set_priority", ticket="INC1", priority="2"), "done")
    return ann.agent("setter", instructions="Set it.", tools=[priority], model="fast")


@pytest.fixture
def policy(modelled: Deskmind) -> Callable[..., None]:
    """Sets the installation's rules and settings."""

    def use(*rules: dict[str, Any], **values: Any) -> None:
        made = AgentsSettings(approvals=tuple(ApprovalRule(**rule) for rule in rules), **values)  # pyright: ignore[reportCallIssue]
        modelled.settings = modelled.settings.model_copy(update={"agents": made})

    return use


async def _waiting(desk: Desk, run: Run[str]) -> Proposed:
    assert run.state == "waiting"
    (proposal,) = await desk.approvals.list(run_id=run.run_id)
    return proposal


async def test_an_approver_changes_what_is_written_and_the_change_is_kept(
    agent: Agent[str], ann: Desk, ben: Desk, admin: Desk, brain: Brain, written: list[Any]
) -> None:
    run = await agent.run("Set it.")
    proposal = await _waiting(ben, run)
    with pytest.raises(PermissionDeniedError):
        await ann.approvals.edit(proposal.proposal_id, {"priority": "1"})
    for values in ({"priority": 1}, {"colour": "red"}, {"priority": "2"}, {}):
        with pytest.raises(InvalidRequestError):
            await ben.approvals.edit(proposal.proposal_id, values)
    now = await ben.approvals.edit(proposal.proposal_id, {"priority": "4"}, reason="not that urgent")
    assert (now.state, now.revision, now.arguments) == ("approved", 1, {"ticket": "INC1", "priority": "4"})
    assert now.changes == [{"field": "priority-4", "before": "3", "after": "4"}]
    (edit,) = now.edits
    assert (edit["before"], edit["after"]) == ({"priority": "2"}, {"priority": "4"})
    assert edit["by"] == str(ben.scope.principal_id)
    assert (await agent.resume(run.run_id)).state == "done"
    assert written == [("INC1", "4")]
    assert "A person changed before it was done: priority" in brain.told()
    (decided,) = [
        one for one in await admin.audit() if one.action == "approvals.decide" and one.outcome == "done"
    ]
    assert decided.details["verdict"] == "edit"
    assert "4" not in str(decided.details["verdict"])


async def test_an_edit_voids_approvals_of_other_values_and_is_held_to_the_policy(
    agent: Agent[str], ben: Desk, person: Person, policy: Callable[..., None], written: list[Any]
) -> None:
    policy(
        {"field": "priority-2", "approval": "two"},
        {"field": "priority-1", "approval": "never"},
        {"field": "priority-4", "approval": "two"},
    )
    run = await agent.run("Set it.")
    proposal = await _waiting(ben, run)
    cid, dan = await person("cid"), await person("dan")
    assert (await ben.approvals.approve(proposal.proposal_id)).approvals == 1
    with pytest.raises(PermissionDeniedError):
        await cid.approvals.edit(proposal.proposal_id, {"priority": "1"})
    now = await cid.approvals.edit(proposal.proposal_id, {"priority": "4"})
    assert (now.state, now.approvals, now.needed) == ("open", 1, 2)
    with pytest.raises(ConflictError):
        await cid.approvals.approve(proposal.proposal_id)
    assert (await dan.approvals.approve(proposal.proposal_id)).state == "approved"
    await agent.resume(run.run_id)
    assert written == [("INC1", "4")]


async def test_what_is_rejected_for_good_is_refused_to_every_agent_without_asking_again(
    agent: Agent[str], ann: Desk, ben: Desk, admin: Desk, brain: Brain, priority: Tool, written: list[Any]
) -> None:
    run = await agent.run("Set it.")
    await ben.approvals.reject((await _waiting(ben, run)).proposal_id, reason="never that", lasting=True)
    await agent.resume(run.run_id)
    other = ben.agent("another", instructions="Set it.", tools=[priority], model="fast")
    brain.says(wants("set_priority", priority=" 2", ticket="inc1"), "done")
    assert (await other.run("Set it.")).state == "done"
    assert "blocked. never that" in brain.told()
    brain.says(wants("set_priority", ticket="INC1", priority="3"), "done")
    assert (await other.run("Set it.")).state == "waiting"  # another value is another call
    (block,) = await admin.agents.blocks()
    await admin.agents.lift(block.subject)
    brain.script.clear()
    brain.says(wants("set_priority", ticket="INC1", priority="2"), "done")
    assert (await agent.run("Set it.")).state == "waiting"
    assert written == []


@pytest.mark.parametrize(
    ("rule", "given", "holds"),
    [
        ({"risk": "high"}, {}, False),
        ({"risk": "medium"}, {}, True),
        ({"hours": ("08:00", "18:00")}, {"hour": 9}, True),
        ({"hours": ("08:00", "18:00")}, {"hour": 20}, False),
        ({"hours": ("18:00", "08:00")}, {"hour": 2}, True),
        ({"hours": ("18:00", "08:00")}, {"hour": 9}, False),
        ({"days": (6, 7)}, {"day": 28}, True),
        ({"days": (6, 7)}, {"day": 26}, False),
        ({"confidence": 0.9}, {"confidence": 0.95}, True),
        ({"confidence": 0.9}, {"confidence": 0.5}, False),
        ({"confidence": 0.9}, {}, False),
    ],
)
def test_a_rule_holds_by_risk_time_and_confidence(
    rule: dict[str, Any], given: dict[str, Any], holds: bool
) -> None:
    @tool(name="t", effect="write")
    async def one(context: ToolContext) -> str:
        """Write."""
        raise AssertionError

    moment = datetime(
        2026, 11, given.get("day", 26), given.get("hour", 12), tzinfo=UTC
    )  # a Thursday, a Saturday
    circumstances = Circumstances(False, given.get("confidence"), moment)
    verdict = judge(one, {"a"}, circumstances, rules=[ApprovalRule(approval="auto", **rule)])
    assert verdict.approval == ("auto" if holds else "one")
    tainted = Circumstances(True, given.get("confidence"), moment)
    assert judge(one, {"a"}, tainted, rules=[ApprovalRule(approval="auto", **rule)]).approval == "one"


@pytest.fixture
async def told() -> AsyncIterator[tuple[str, asyncio.Queue[tuple[bytes, str]]]]:
    """A receiver of announcements: its address, and what it got with the signature."""
    got: asyncio.Queue[tuple[bytes, str]] = asyncio.Queue()

    async def take(request: web.Request) -> web.Response:
        got.put_nowait((await request.read(), request.headers["X-Deskmind-Signature"]))
        return web.Response(text="ok")

    site = web.Application()
    site.router.add_post("/hook", take)
    runner = web.AppRunner(site)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook", got
    await runner.cleanup()


async def test_approvers_are_told_by_a_signed_webhook_and_again_when_nobody_decides(
    agent: Agent[str],
    ben: Desk,
    admin: Desk,
    modelled: Deskmind,
    policy: Callable[..., None],
    told: tuple[str, asyncio.Queue[tuple[bytes, str]]],
) -> None:
    url, got = told
    host = url.split("/")[2]
    policy(announce_url=url, announce_hosts=(host,), announce_secret="s3cret", escalate_hours=1e-9)
    run = await agent.run("Set it.")
    proposal = await _waiting(ben, run)
    await modelled.background.escalate_proposals()
    await modelled.jobs.drain()
    seen: list[str] = []
    for _ in range(2):
        body, signed = await asyncio.wait_for(got.get(), 60)
        at, mark = (part.partition("=")[2] for part in signed.split(","))
        assert hmac.compare_digest(
            mark, hmac.new(b"s3cret", f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        )
        event = json.loads(body)
        assert (event["proposal_id"], event["needed"]) == (str(proposal.proposal_id), 1)
        assert "INC1" not in body.decode()
        seen.append(event["event"])
    assert sorted(seen) == ["approval.escalated", "approval.proposed"]
    assert (await ben.approvals.show(proposal.proposal_id)).escalated_at is not None
    assert any(one.action == "approvals.escalate" for one in await admin.audit())
    await modelled.background.escalate_proposals()  # once is enough
    await modelled.jobs.drain()
    assert got.empty()


async def test_a_write_that_nobody_knows_of_is_announced_until_it_is_settled(
    admin: Desk,
    modelled: Deskmind,
    policy: Callable[..., None],
    told: tuple[str, asyncio.Queue[tuple[bytes, str]]],
) -> None:
    url, got = told
    policy(announce_url=url, announce_hosts=(url.split("/")[2],), announce_secret="s3cret")
    write_id = uuid4()
    async with admin.database.transaction(admin.scope) as connection:
        await connection.execute(
            "INSERT INTO writes (tenant_id, write_id, vendor, act, target, target_key, proposal, state, claimed_at)"
            " VALUES (%s, %s, 'servicenow', 'comment', 'x', 'INC1', '{}', 'uncertain', now())",
            (admin.scope.tenant_id, write_id),
        )
        write = await find_write(connection, admin.scope, write_id)
        await announce_write(modelled.settings.agents, connection, admin.scope, write)
    await modelled.jobs.drain()
    body, _ = await asyncio.wait_for(got.get(), 60)
    event = json.loads(body)
    assert (event["event"], event["write_id"]) == ("write.uncertain", str(write_id))
    assert (event["tenant"], event["vendor"], event["act"]) == (
        admin.scope.tenant,
        "servicenow",
        "comment",
    )
    assert "INC1" not in body.decode()
    async with admin.database.transaction(admin.scope) as connection:
        await announce_write(modelled.settings.agents, connection, admin.scope, write)
        await connection.execute("UPDATE writes SET state = 'applied' WHERE write_id = %s", (write_id,))
    await modelled.jobs.drain()
    assert got.empty()


async def test_nobody_approves_or_rejects_values_that_were_not_looked_at(
    agent: Agent[str], ben: Desk, person: Person, policy: Callable[..., None], written: list[Any]
) -> None:
    policy({"tool": "set_priority", "approval": "two"})
    seen = await _waiting(ben, await agent.run("Set it."))
    cid = await person("cid")
    edited = await ben.approvals.edit(seen.proposal_id, {"priority": "4"})
    for decide in (cid.approvals.approve, cid.approvals.reject):
        with pytest.raises(ConflictError, match="changed"):
            await decide(seen.proposal_id, revision=seen.revision)
    assert (await cid.approvals.show(seen.proposal_id)).approvals == 1
    decided = await cid.approvals.approve(seen.proposal_id, revision=edited.revision)
    assert (decided.state, decided.approvals) == ("approved", 2)
