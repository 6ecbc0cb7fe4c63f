"""One run: what comes out, what is kept of it, and where it ends."""

from __future__ import annotations

import asyncio
import copy
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal

import pytest
from pydantic import BaseModel
from tests.agents.conftest import Brain, Person, wants

from deskmind.agents import Limits, ModelReplied, RunEnded, TextPiece, ToolAnswered, ToolContext, tool
from deskmind.agents.journal import Journal
from deskmind.desk import Desk
from deskmind.errors import (
    AgentLimitError,
    AgentOutputError,
    ConflictError,
    InvalidRequestError,
    ModelUnavailableError,
    NotFoundError,
    PermissionDeniedError,
)
from deskmind.governance.audit.service import AuditFilter
from deskmind.sandbox.models import Fault, ModelSandbox, Reply


@tool()
async def look(context: ToolContext, what: str, times: int = 1) -> str:
    """Look something up.

    Args:
        context: of the call.
        what: to look for.
        times: how often.
    """
    del context
    return f"{what} found " * times


class Verdict(BaseModel):
    """What the agent decides."""

    category: str
    sure: bool


@dataclass
class Note:
    """A note."""

    text: str


async def test_a_run_calls_its_tool_and_answers(ann: Desk, brain: Brain, sandbox: ModelSandbox) -> None:
    brain.says(wants("look", what="the cause"), "The spooler hangs.")
    agent = ann.agent("helper", instructions="Find causes.", tools=[look], model="fast")
    run = await agent.run("Why does it not print?")
    assert (run.state, run.output) == ("done", "The spooler hangs.")
    assert (run.steps, run.tool_calls, run.tainted) == (2, 1, True)
    assert run.cost == sum(
        (Decimal(one.input_tokens) + 2 * one.output_tokens) / 1_000_000 for one in sandbox.book.entries
    )
    details = await ann.agents.show(run.run_id)
    assert [step.kind for step in details.steps] == ["request", "response", "result", "request", "response"]
    assert "the cause found" in details.steps[2].content["text"]
    assert [one.run_id for one in await ann.agents.list()] == [run.run_id]


async def test_the_model_is_told_the_tools_by_their_hints_and_docstrings(ann: Desk, brain: Brain) -> None:
    brain.says("nothing")
    await ann.agent("helper", instructions="Find causes.", tools=[look], model="fast").run("Why?")
    (offered,) = brain.asked[0]["tools"]
    assert offered["function"]["description"] == "Look something up."
    assert offered["function"]["parameters"]["properties"] == {
        "what": {"description": "to look for.", "type": "string"},
        "times": {"default": 1, "description": "how often.", "type": "integer"},
    }


@pytest.mark.parametrize("output_type", [Verdict, Note])
async def test_an_output_of_another_form_is_asked_for_again(
    ann: Desk, brain: Brain, output_type: type[Verdict | Note]
) -> None:
    good = {"category": "print", "sure": True} if output_type is Verdict else {"text": "hello"}
    brain.says("some words", wants("final_result", strange=1), wants("final_result", **good))
    agent = ann.agent("judge", instructions="Judge.", output_type=output_type, model="fast")
    run = await agent.run("Judge this.")
    assert run.output == output_type(**good)
    assert run.steps == 3
    (stored,) = await ann.agents.list()
    assert stored.output == good


async def test_a_model_that_never_gives_the_form_ends_the_run(ann: Desk, brain: Brain) -> None:
    brain.says(*["words"] * 5)
    agent = ann.agent("judge", instructions="Judge.", output_type=Verdict, model="fast")
    with pytest.raises(AgentOutputError):
        await agent.run("Judge this.")
    (run,) = await ann.agents.list()
    assert (run.state, run.problem, run.remedy) == ("failed", "agent-output", "ask")


@pytest.mark.parametrize(
    ("limits", "reached", "steps"),
    [
        (Limits(steps=2), "steps", 2),
        (Limits(tool_calls=1), "tool_calls", 2),
        (Limits(tokens=10), "tokens", 1),
        (Limits(usd=Decimal("0.00001")), "usd", 1),
        (Limits(seconds=0), "seconds", 0),
    ],
)
async def test_a_run_ends_at_its_limit(
    ann: Desk, brain: Brain, limits: Limits, reached: str, steps: int
) -> None:
    brain.says(*[wants("look", what="more")] * 9)
    agent = ann.agent("greedy", instructions="Go on.", tools=[look], model="fast", limits=limits)
    with pytest.raises(AgentLimitError) as caught:
        await agent.run("Go on and on.")
    assert caught.value.details["limit"] == reached
    (run,) = await ann.agents.list()
    assert (run.state, run.problem, run.steps) == ("failed", "agent-limit", steps)
    assert len(brain.asked) == steps


async def test_what_happens_is_streamed(ann: Desk, brain: Brain) -> None:
    brain.says(wants("look", what="x"), "It is done now.")
    agent = ann.agent("helper", instructions="Find.", tools=[look], model="fast")
    events = [event async for event in agent.stream("Find x.")]
    pieces = [event for event in events if isinstance(event, TextPiece)]
    assert "".join(one.text for one in pieces) == "It is done now."
    assert (len(pieces) > 1, {one.step for one in pieces}) == (True, {2})
    rest = [event for event in events if event not in pieces]
    assert [type(event) for event in rest] == [ModelReplied, ToolAnswered, ModelReplied, RunEnded]
    assert events.index(pieces[0]) < events.index(rest[2])
    assert isinstance(rest[-1], RunEnded)
    assert (rest[-1].run.output, rest[-1].run.tokens > 0) == ("It is done now.", True)


async def test_what_checks_must_see_first_is_not_streamed(ann: Desk, brain: Brain) -> None:
    brain.says("It is done now.")
    agent = ann.agent("helper", instructions="Find.", model="fast", checks=["leakage"])
    assert [type(event) async for event in agent.stream("Find x.")] == [ModelReplied, RunEnded]


async def test_leaving_a_stream_early_cancels_the_run(ann: Desk, brain: Brain) -> None:
    brain.says(wants("look", what="x"), *["done"] * 3)
    agent = ann.agent("helper", instructions="Find.", tools=[look], model="fast")
    events = agent.stream("Find x.")
    await anext(events)
    await events.aclose()  # pyright: ignore[reportAttributeAccessIssue]
    (run,) = await ann.agents.list()
    assert run.state == "cancelled"


async def test_a_tool_that_swallows_the_cancellation_does_not_keep_the_run_going(
    ann: Desk, brain: Brain
) -> None:
    reached = asyncio.Event()

    @tool()
    async def stubborn(context: ToolContext) -> str:
        """Take its time."""
        del context
        reached.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return "on and on"

    brain.says(wants("stubborn"), *["done"] * 3)
    agent = ann.agent("helper", instructions="Find.", tools=[stubborn], model="fast")
    running = asyncio.create_task(agent.run("Find x."))
    await reached.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert len(brain.asked) == 1
    (run,) = await ann.agents.list()
    assert run.state == "cancelled"


async def test_a_run_is_told_as_it_is_kept(ann: Desk, brain: Brain) -> None:
    brain.says(wants("look", what="x"), "done")
    done = await ann.agent("helper", instructions="Find.", tools=[look], model="fast").run("Find x.")
    brain.says(wants("look", what="y"), "done")
    short = ann.agent("helper", instructions="Find.", tools=[look], model="fast", limits=Limits(steps=1))
    with pytest.raises(AgentLimitError):
        await short.run("Find y.")
    failed, kept = await ann.agents.list()
    assert kept == done
    assert (done.state, done.output, done.steps, done.tool_calls) == ("done", "done", 2, 1)
    assert (failed.state, failed.output, failed.steps, failed.tainted) == ("failed", None, 1, True)


async def test_arguments_that_do_not_fit_are_refused_and_the_model_tries_again(
    ann: Desk, brain: Brain
) -> None:
    brain.says(wants("look", times="many"), wants("nonsense"), wants("look", what="x"), "done")
    run = await ann.agent("helper", instructions="Find.", tools=[look], model="fast").run("Find x.")
    assert (run.output, run.tool_calls) == ("done", 1)


async def test_a_model_without_tool_calling_works_by_schema(ann: Desk, brain: Brain) -> None:
    brain.says(
        '{"tool": "look", "arguments": {"what": "x"}}',
        '{"tool": "final_result", "arguments": {"category": "print", "sure": false}}',
    )
    agent = ann.agent(
        "judge", instructions="Judge.", output_type=Verdict, tools=[look], model="fast", tool_calling="schema"
    )
    run = await agent.run("Judge x.")
    assert run.output == Verdict(category="print", sure=False)
    assert all("tools" not in asked for asked in brain.asked)
    assert "x found" in brain.told()
    assert brain.asked[0]["response_format"]["type"] == "json_schema"


async def test_a_failing_model_fails_the_run_which_is_resumed_from_its_last_row(
    ann: Desk, brain: Brain, sandbox: ModelSandbox
) -> None:
    brain.says(wants("look", what="x"), Reply(fault=Fault("server_error", status=503)), "done")
    agent = ann.agent("helper", instructions="Find.", tools=[look], model="fast")
    with pytest.raises(ModelUnavailableError):
        await agent.run("Find x.")
    (failed,) = await ann.agents.list()
    assert (failed.state, failed.remedy, failed.tool_calls) == ("failed", "retry", 1)
    run = await agent.resume(failed.run_id)
    assert (run.state, run.output, run.steps, run.tool_calls) == ("done", "done", 2, 1)


async def test_runs_are_ones_own(ann: Desk, ben: Desk, admin: Desk, brain: Brain) -> None:
    brain.says("done")
    run = await ann.agent("helper", instructions="Find.", model="fast").run("Find x.")
    assert await ben.agents.list() == []
    with pytest.raises(NotFoundError):
        await ben.agents.show(run.run_id)
    with pytest.raises(NotFoundError):
        await ben.agents.cancel(run.run_id)
    assert [one.run_id for one in await admin.agents.list()] == [run.run_id]


async def test_what_is_refused_of_a_run_is_recorded(ann: Desk, ben: Desk, admin: Desk, brain: Brain) -> None:
    brain.says("done")
    run = await ann.agent("helper", instructions="Find.", model="fast").run("Find x.")
    for refused in (ben.agents.resume, ben.agents.cancel, ben.workflows.resume, ben.workflows.unpause):
        with pytest.raises(NotFoundError):
            await refused(run.run_id)
    with pytest.raises(ConflictError):
        await ann.agents.resume(run.run_id)
    events = await admin.audit_log.search(AuditFilter(outcome="denied"))
    assert [
        (one.principal, one.action, one.resource, one.details["act"], one.details["problem"])
        for one in reversed(events)
    ] == [
        ("ben", "agents.run", f"runs/{run.run_id}", "resume", "not-found"),
        ("ben", "agents.run", f"runs/{run.run_id}", "cancel", "not-found"),
        ("ben", "workflows.run", f"runs/{run.run_id}", "resume", "not-found"),
        ("ben", "workflows.run", f"runs/{run.run_id}", "unpause", "not-found"),
        ("ann", "agents.run", f"runs/{run.run_id}", "resume", "conflict"),
    ]


async def test_requesters_run_no_agents_and_refusals_are_recorded(
    person: Person, admin: Desk, brain: Brain
) -> None:
    eve = await person("eve", "requester")
    with pytest.raises(PermissionDeniedError):
        await eve.agent("helper", instructions="Find.", model="fast").run("Find x.")
    assert brain.asked == []
    denied = [one for one in await admin.audit() if one.outcome == "denied"]
    assert [one.action for one in denied] == ["agents.run"]


async def test_a_run_is_in_the_audit_log_and_the_ledger_without_content(
    ann: Desk, admin: Desk, brain: Brain
) -> None:
    brain.says("a secret answer")
    run = await ann.agent("helper", instructions="Find.", model="fast").run("a secret question")
    events = [one for one in await admin.audit() if one.resource == f"runs/{run.run_id}"]
    assert [(one.action, one.details["state"]) for one in reversed(events)] == [
        ("agents.run", "queued"),
        ("agents.run", "done"),
    ]
    assert "secret" not in str(events)
    (row,) = await admin.usage.report(["feature"])
    assert (row.group, row.calls) == ({"feature": "agent"}, 1)


async def test_unknown_tools_and_empty_prompts_are_refused(ann: Desk) -> None:
    with pytest.raises(InvalidRequestError):
        ann.agent("helper", instructions="Find.", tools=["nothing"], model="fast")
    with pytest.raises(InvalidRequestError):
        await ann.agent("helper", instructions="Find.", model="fast").run("  ")
    with pytest.raises(InvalidRequestError):
        await ann.agent("helper", instructions="Find.", tools=[look], model="fast").start("Find.")


@tool(untrusted=True)
async def open_attachment(context: ToolContext, name: str) -> str:
    """Read an attachment.

    Args:
        context: of the call.
        name: of the attachment.
    """
    del context
    return f"{name}: E\x00r\x00r\x00o\x00r\x00 \ud83d"


async def test_text_that_the_database_cannot_hold_ends_no_run(ann: Desk, brain: Brain) -> None:
    """A file in UTF-16, half of an emoji: whoever writes a ticket could stop each agent that reads it."""
    brain.says(wants("open_attachment", name="log\x00.txt"), "It says: E\x00rror.")
    agent = ann.agent("helper", instructions="Find.", tools=[open_attachment], model="fast")
    run = await agent.run("Why does it not start?")
    assert (run.state, run.output) == ("done", "It says: Error.")
    assert "log.txt: Error ?" in brain.told()
    result = next(step for step in (await ann.agents.show(run.run_id)).steps if step.kind == "result")
    assert "log.txt: Error ?" in result.content["text"]


async def test_the_same_by_schema(ann: Desk, brain: Brain) -> None:
    brain.says(
        r'{"tool": "open_attachment", "arguments": {"name": "log\u0000.txt", "more": ["\ud83d"]}}',
        r'{"tool": "open_attachment", "arguments": {"name": "log\u0000.txt"}}',
        r'{"tool": "answer", "arguments": {"text": "It says: E\u0000rror."}}',
    )
    agent = ann.agent(
        "helper", instructions="Find.", tools=[open_attachment], model="fast", tool_calling="schema"
    )
    assert (await agent.run("Why does it not start?")).output == "It says: Error."


async def test_what_stands_in_a_steps_place_is_not_taken_for_it(ann: Desk, brain: Brain) -> None:
    """A write whose end nobody waited for has been done all the same."""
    brain.says(Reply(fault=Fault("server_error", status=503)))
    agent = ann.agent("helper", instructions="Find.", tools=[look], model="fast")
    with pytest.raises(ModelUnavailableError):
        await agent.run("Find x.")
    (run,) = await ann.agents.list()
    lease = {"lease": 300.0, "emit": lambda _: None}
    journal = await Journal.take(ann.database, ann.scope, run.run_id, **lease)
    unaware = copy.copy(journal)
    await journal.answered("c1", "look", "ok", "first")
    await unaware.answered("c2", "look", "ok", "second")
    await unaware.answered("c3", "look", "ok", "third")
    await journal.answered("c2", "look", "ok", "second")  # written, but the answer was lost
    steps = [step for step in (await ann.agents.show(run.run_id)).steps if step.kind == "result"]
    assert [(step.call_id, step.content["text"]) for step in steps] == [
        ("c1", "first"),
        ("c2", "second"),
        ("c3", "third"),
    ]
