"""What an agent may write, who lets it pass, and that it is done once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from tests.agents.conftest import Brain, Person, wants

from deskmind.agents import Agent, ApprovalWanted, Proposed, Run, Tool, ToolContext, tool
from deskmind.app import Deskmind
from deskmind.connectors import Outcome
from deskmind.desk import Desk
from deskmind.errors import (
    ConfigurationError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    SourceUnavailableError,
)
from deskmind.governance.audit.service import AuditFilter
from deskmind.settings import AgentsSettings, ApprovalRule

Written = list[tuple[str, str]]


@pytest.fixture
def written() -> Written:
    """What was written: tickets and texts."""
    return []


@pytest.fixture
def note(written: Written) -> Tool:
    """A tool that writes."""

    @tool(effect="write", audience="technicians")
    async def note(context: ToolContext, ticket: str, text: str) -> str:
        """Write a note on a ticket."""
        assert context.effect_id
        written.append((ticket, text))
        return "written"

    return note


@pytest.fixture
def agent(ann: Desk, brain: Brain, note: Tool) -> Agent[str]:
    """An agent that writes one note and is done."""
    brain.says(wants("note", ticket="INC1", text="restarted"), "all done")
    return ann.agent("noter", instructions="Note it.", tools=[note], model="fast")


@pytest.fixture
def policy(modelled: Deskmind) -> Callable[..., None]:
    """Sets the installation's rules."""

    def use(*rules: dict[str, Any]) -> None:
        made = AgentsSettings(approvals=tuple(ApprovalRule(**rule) for rule in rules))  # pyright: ignore[reportCallIssue]
        modelled.settings = modelled.settings.model_copy(update={"agents": made})

    return use


async def _waiting(desk: Desk, run: Run[str]) -> Proposed:
    assert run.state == "waiting"
    (proposal,) = await desk.approvals.list(run_id=run.run_id)
    return proposal


async def test_a_write_waits_for_another_person_and_is_done_once(
    agent: Agent[str], ann: Desk, ben: Desk, admin: Desk, brain: Brain, written: Written
) -> None:
    run = await agent.run("Note that it was restarted.")
    proposal = await _waiting(ben, run)
    assert (proposal.tool, proposal.needed, written) == ("note", 1, [])
    assert {one["field"]: one["after"] for one in proposal.changes} == {"ticket": "INC1", "text": "restarted"}
    assert (await agent.resume(run.run_id)).state == "waiting"
    with pytest.raises(PermissionDeniedError):
        await ann.approvals.approve(proposal.proposal_id)
    assert (await ben.approvals.approve(proposal.proposal_id)).state == "approved"
    done = await agent.resume(run.run_id)
    assert (done.state, done.output, written) == ("done", "all done", [("INC1", "restarted")])
    assert (done.steps, len(brain.asked)) == (2, 2)
    (effect,) = (await ann.agents.show(run.run_id)).effects
    assert effect.state == "applied"
    with pytest.raises(ConflictError):
        await agent.resume(run.run_id)
    with pytest.raises(ConflictError):
        await ben.approvals.reject(proposal.proposal_id)
    told = [(one.action, one.outcome) for one in reversed(await admin.audit())]
    assert [
        one for one in told if one[0].startswith(("approvals", "agents")) and not one[0].endswith(".read")
    ] == [
        ("agents.run", "done"),
        ("agents.propose", "done"),
        ("agents.run", "done"),
        ("agents.run", "done"),
        ("approvals.decide", "denied"),
        ("approvals.decide", "done"),
        ("agents.effect", "done"),
        ("agents.run", "done"),
        ("agents.run", "denied"),
        ("approvals.decide", "denied"),
    ]


async def test_what_is_rejected_is_not_done_and_the_model_is_told_why(
    agent: Agent[str], ben: Desk, brain: Brain, written: Written
) -> None:
    run = await agent.run("Note that it was restarted.")
    await ben.approvals.reject((await _waiting(ben, run)).proposal_id, reason="wrong ticket")
    done = await agent.resume(run.run_id)
    assert (done.state, written) == ("done", [])
    assert "rejected. wrong ticket" in brain.told()


async def test_two_must_approve_where_the_policy_says_so(
    agent: Agent[str], ben: Desk, person: Person, policy: Callable[..., None], written: Written
) -> None:
    policy({"tool": "note", "field": "text", "approval": "two"}, {"tool": "note", "approval": "auto"})
    run = await agent.run("Note it.")
    proposal = await _waiting(ben, run)
    assert (await ben.approvals.approve(proposal.proposal_id)).state == "open"
    with pytest.raises(ConflictError):
        await ben.approvals.approve(proposal.proposal_id)
    assert (await agent.resume(run.run_id)).state == "waiting"
    cid = await person("cid")
    assert (await cid.approvals.approve(proposal.proposal_id)).state == "approved"
    await agent.resume(run.run_id)
    assert len(written) == 1


@pytest.mark.parametrize(("approval", "count"), [("auto", 1), ("never", 0)])
async def test_the_policy_may_let_a_write_pass_or_forbid_it(
    agent: Agent[str], policy: Callable[..., None], written: Written, approval: str, count: int
) -> None:
    policy({"approval": approval})
    run = await agent.run("Note it.")
    assert (run.state, len(written)) == ("done", count)


async def test_what_nobody_decides_expires(
    agent: Agent[str], ben: Desk, admin: Desk, modelled: Deskmind, written: Written, brain: Brain
) -> None:
    short = AgentsSettings(approval_hours=1e-9)  # pyright: ignore[reportCallIssue]
    modelled.settings = modelled.settings.model_copy(update={"agents": short})
    run = await agent.run("Note it.")
    assert await ben.approvals.list() == []
    (proposal,) = await ben.approvals.list(waiting=False)
    with pytest.raises(ConflictError):
        await ben.approvals.approve(proposal.proposal_id)
    await modelled.background.recover_runs()
    assert (await agent.resume(run.run_id)).state == "done"
    assert "expired" in brain.told()
    assert written == []


async def test_only_who_may_decide_decides_and_only_in_the_own_tenant(
    agent: Agent[str], ben: Desk, person: Person, app: Deskmind, new_tenant: Any
) -> None:
    proposal = await _waiting(ben, await agent.run("Note it."))
    eve = await person("eve", "requester")
    with pytest.raises(PermissionDeniedError):
        await eve.approvals.approve(proposal.proposal_id)
    stranger = await app.desk(tenant=await new_tenant())
    with pytest.raises(NotFoundError):
        await stranger.approvals.approve(proposal.proposal_id)
    bot = await person("bot", "service")
    acting = await bot.acting_for("ben")
    with pytest.raises(PermissionDeniedError):
        await acting.approvals.approve(proposal.proposal_id)


async def test_a_persons_answer_reaches_the_model(ann: Desk, brain: Brain) -> None:
    brain.says(wants("ask_person", question="Which printer?"), "thanks")
    agent = ann.agent("asker", instructions="Ask.", tools=["ask_person"], model="fast")
    events = [event async for event in agent.stream("Fix the printer.")]
    (wanted,) = [event for event in events if isinstance(event, ApprovalWanted)]
    await ann.approvals.approve(wanted.proposal_id, answer="the one on floor 3")
    (run,) = await ann.agents.list()
    assert (await agent.resume(run.run_id)).output == "thanks"
    assert "the one on floor 3" in brain.told()


@pytest.mark.parametrize(
    ("error", "found", "state", "told"),
    [
        (SourceUnavailableError("gone"), None, "unknown", "not known"),
        (OutcomeUnknownError("gone"), Outcome.APPLIED, "applied", "It was done"),
        (RuntimeError("bug"), Outcome.ABSENT, "absent", "was not done"),
        (InvalidRequestError("no such field"), None, "absent", "no such field"),
    ],
)
async def test_what_became_of_a_failed_write_is_found_out_or_left_to_a_person(
    ann: Desk, brain: Brain, policy: Callable[..., None], error: Exception, found: Any, state: str, told: str
) -> None:
    async def reconcile(context: ToolContext, arguments: Any) -> Outcome:
        del context, arguments
        return found

    @tool(effect="write", reconcile=reconcile if found else None)
    async def change(context: ToolContext, ticket: str) -> str:
        """Change a ticket."""
        raise error

    policy({"approval": "auto"})
    brain.says(wants("change", ticket="INC1"), "done")
    run = await ann.agent("changer", instructions="Change.", tools=[change], model="fast").run("Change.")
    (effect,) = (await ann.agents.show(run.run_id)).effects
    assert effect.state == state
    assert told in brain.told()


async def test_a_stopped_tool_is_refused_until_it_is_allowed(
    ann: Desk, admin: Desk, note: Tool, brain: Brain, policy: Callable[..., None], written: Written
) -> None:
    policy({"approval": "auto"})
    agent = ann.agent("noter", instructions="Note it.", tools=[note], model="fast")
    for tool_name in ("note", "*"):
        await admin.agents.stop_tool(tool_name, reason="an incident")
        brain.says(wants("note", ticket="INC1", text="x"), "done")
        await agent.run("Note it.")
        assert written == []
        assert "stopped. an incident" in brain.told()
        await admin.agents.allow_tool(tool_name)
    with pytest.raises(PermissionDeniedError):
        await ann.agents.stop_tool("note")
    brain.says(wants("note", ticket="INC1", text="x"), "done")
    await agent.run("Note it.")
    assert len(written) == 1


@pytest.mark.parametrize("name", ["", "ann.lee", "the note of Ann Lee", "n" * 65])
async def test_what_no_model_can_call_is_neither_stopped_nor_made(admin: Desk, name: str) -> None:
    for act in (admin.agents.stop_tool, admin.agents.allow_tool):
        with pytest.raises(InvalidRequestError):
            await act(name)
    if name:
        with pytest.raises(ConfigurationError):
            tool(name=name)(_noted)


async def _noted(context: ToolContext) -> str:
    return context.call_id


async def test_a_cancelled_run_does_nothing_more(
    agent: Agent[str], ann: Desk, ben: Desk, written: Written
) -> None:
    run = await agent.run("Note it.")
    proposal = await _waiting(ben, run)
    await ann.agents.cancel(run.run_id)
    await ben.approvals.approve(proposal.proposal_id)
    with pytest.raises(ConflictError):
        await agent.resume(run.run_id)
    with pytest.raises(ConflictError):
        await ann.agents.cancel(run.run_id)
    assert written == []


async def test_the_database_lets_no_run_approve_itself(agent: Agent[str], ann: Desk, ben: Desk) -> None:
    proposal = await _waiting(ben, await agent.run("Note it."))
    async with ann.database.transaction(ann.scope) as connection:
        cursor = await connection.execute("UPDATE agent_proposals SET state = 'approved'")
        assert cursor.rowcount == 0
    assert (await ben.approvals.show(proposal.proposal_id)).state == "open"


async def test_a_decision_on_what_is_not_there_or_twice_is_recorded(
    ben: Desk, admin: Desk, agent: Agent[str], policy: Callable[..., None]
) -> None:
    policy({"tool": "note", "approval": "two"})
    await agent.run("Note it.")
    (proposal,) = await ben.approvals.list()
    nobodys = uuid4()
    with pytest.raises(NotFoundError):
        await ben.approvals.approve(nobodys)
    await ben.approvals.approve(proposal.proposal_id)
    with pytest.raises(ConflictError):
        await ben.approvals.approve(proposal.proposal_id)
    events = await admin.audit_log.search(AuditFilter(action="approvals.decide", outcome="denied"))
    assert [(one.resource, one.details["act"], one.details["problem"]) for one in reversed(events)] == [
        (f"proposals/{nobodys}", "approve", "not-found"),
        (f"proposals/{proposal.proposal_id}", "approve", "conflict"),
    ]
