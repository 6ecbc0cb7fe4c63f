"""Steps are recorded: what is done is not done again, whatever happens to the process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from pydantic_core import to_json
from tests.agents.conftest import Brain, wants
from tests.agents.workflows.conftest import Counted, Register, decide

from deskmind.agents import ToolContext, tool
from deskmind.agents.workflows import Flow, HandOff, Plan, Role, hand_off, supervise, workflow
from deskmind.agents.workflows.patterns import Assignment
from deskmind.desk import Desk
from deskmind.errors import (
    ConfigurationError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    StepFailedError,
    UnavailableError,
    WorkflowChangedError,
)
from deskmind.sandbox.models import Reply, ToolCall

Finish = Callable[[], Awaitable[None]]


async def test_a_sequence_with_a_condition_and_a_loop(ann: Desk, register: Register, said: Counted) -> None:
    @workflow("plain")
    async def plain(flow: Flow, word: str, times: int = 2) -> list[str]:
        """Say a word."""
        found = [await flow.step("first", said, word)]
        if found[0] == "HI":
            while len(found) <= times:
                found.append(await flow.step("again", said, "you"))
        return found

    register(plain)
    run = await ann.workflows.run("plain", {"word": "hi"})
    assert (run.state, run.output, said.calls) == ("done", ["HI", "YOU", "YOU"], ["hi", "you", "you"])
    details = await ann.workflows.show(run.run_id)
    assert [(one.path, one.name, one.state) for one in details.steps] == [
        ("1", "first", "done"),
        ("2", "again", "done"),
        ("3", "again", "done"),
    ]


async def test_a_run_that_waited_does_not_repeat_its_steps(
    ann: Desk, ben: Desk, register: Register, said: Counted, finish: Finish
) -> None:
    @workflow("asking")
    async def asking(flow: Flow) -> str:
        """Ask."""
        first = await flow.step("before", said, "one")
        answer = await flow.ask("which", "Which one?")
        return f"{first} {answer} {await flow.step('after', said, 'two')}"

    register(asking)
    run_id = await ann.workflows.start("asking")
    await finish()
    assert (await ann.workflows.show(run_id)).run.state == "waiting"
    (question,) = await ben.approvals.list()
    assert (question.agent, question.arguments) == ("asking", {"question": "Which one?"})
    await ben.approvals.approve(question.proposal_id, answer="blue")
    await finish()
    run = (await ann.workflows.show(run_id)).run
    assert (run.state, run.output, said.calls) == ("done", "ONE blue TWO", ["one", "two"])


async def test_branches_run_side_by_side_and_a_list_is_mapped(ann: Desk, register: Register) -> None:
    together = asyncio.Barrier(2)

    async def meet(word: str) -> str:
        async with together:
            return word

    @workflow("side-by-side")
    async def side_by_side(flow: Flow) -> object:
        """Meet."""
        met = await flow.parallel(
            left=lambda one: one.step("meet", meet, "l"), right=lambda one: one.step("meet", meet, "r")
        )
        return [met, await flow.map([1, 2, 3], double)]

    async def double(flow: Flow, number: int) -> int:
        async def doubled() -> int:
            return 2 * number

        return int(await flow.step("double", doubled))

    register(side_by_side)
    async with asyncio.timeout(60):
        run = await ann.workflows.run("side-by-side")
    assert run.output == [{"left": "l", "right": "r"}, [2, 4, 6]]
    paths = [one.path for one in (await ann.workflows.show(run.run_id)).steps]
    assert sorted(paths) == ["1.left.1", "1.right.1", "2.0.1", "2.1.1", "2.2.1"]


async def test_branches_wait_for_each_other_when_one_waits_for_a_person(
    ann: Desk, ben: Desk, register: Register, said: Counted, finish: Finish
) -> None:
    @workflow("half-waiting")
    async def half_waiting(flow: Flow) -> object:
        """Wait in one branch."""
        return await flow.parallel(
            asked=lambda one: one.ask("which", "Which?"), told=lambda one: one.step("tell", said, "x")
        )

    register(half_waiting)
    run = await ann.workflows.run("half-waiting")
    assert (run.state, said.calls) == ("waiting", ["x"])
    (question,) = await ben.approvals.list()
    await ben.approvals.approve(question.proposal_id, answer="red")
    await finish()
    run = (await ann.workflows.show(run.run_id)).run
    assert (run.output, said.calls) == ({"asked": "red", "told": "X"}, ["x"])


async def test_a_step_is_tried_again_when_the_error_may_be_over(ann: Desk, register: Register) -> None:
    tries: list[int] = []

    async def shaky() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise UnavailableError("It is not there.")
        return "there"

    @workflow("shaky")
    async def shaking(flow: Flow) -> str:
        """Try."""
        return str(await flow.step("shaky", shaky, retries=2, pause=0.01))

    register(shaking)
    run = await ann.workflows.run("shaky")
    (step,) = (await ann.workflows.show(run.run_id)).steps
    assert (run.output, step.attempts, len(tries)) == ("there", 3, 3)


async def test_a_step_that_takes_too_long_fails_and_what_was_done_is_taken_back_last_first(
    ann: Desk, register: Register, said: Counted
) -> None:
    async def slow() -> None:
        await asyncio.Event().wait()

    async def back(flow: Flow, value: str) -> None:
        await flow.step("back", said, f"undo {value}")

    @workflow("slow")
    async def slowly(flow: Flow) -> None:
        """Take too long."""
        await flow.step("one", said, "a", undo=back)
        await flow.step("two", said, "b", undo=back)
        await flow.step("slow", slow, timeout=0.05)

    register(slowly)
    run = await ann.workflows.run("slow")
    assert (run.state, run.problem) == ("failed", "step-failed")
    assert said.calls == ["a", "b", "undo B", "undo A"]
    steps = {one.path: one for one in (await ann.workflows.show(run.run_id)).steps}
    assert (steps["3"].state, steps["3"].problem) == ("failed", "step-timeout")
    assert (steps["2.undo"].state, steps["2.undo.1"].value) == ("done", "UNDO B")


async def test_a_failure_can_be_handled_in_the_workflow(ann: Desk, register: Register) -> None:
    async def broken() -> None:
        raise ValueError("a secret text")

    @workflow("handled")
    async def handled(flow: Flow) -> str:
        """Handle it."""
        try:
            await flow.step("broken", broken)
        except StepFailedError as error:
            return f"{error.details['problem']} {error.why}"
        return "no"

    register(handled)
    run = await ann.workflows.run("handled")
    assert (run.state, run.output) == ("done", "internal ValueError")  # without the error's text


async def test_a_changed_workflow_is_refused_where_it_differs(
    ann: Desk, ben: Desk, register: Register, said: Counted
) -> None:
    names = ["search"]

    @workflow("changing")
    async def changing(flow: Flow) -> str:
        """Change."""
        await flow.step(names[0], said, "x")
        return await flow.ask("which", "Which?")

    register(changing)
    run = await ann.workflows.run("changing")
    names[0] = "look-up"
    with pytest.raises(WorkflowChangedError, match=r"Step 1 was 'search' \(step\) and is now 'look-up'"):
        await ann.workflows.replay(run.run_id)
    run = await ann.workflows.resume(run.run_id)
    assert (run.state, run.problem, said.calls) == ("failed", "workflow-changed", ["x"])


async def test_a_run_ends_under_the_version_it_began_with(
    ann: Desk, ben: Desk, register: Register, finish: Finish
) -> None:
    @workflow("versioned")
    async def old(flow: Flow) -> str:
        """Old."""
        return f"old {await flow.ask('which', 'Which?')}"

    @workflow("versioned", version=2)
    async def new(flow: Flow) -> str:
        """New."""
        del flow
        return "new"

    register(old)
    run_id = await ann.workflows.start("versioned")
    register(new)
    await finish()
    (question,) = await ben.approvals.list()
    await ben.approvals.approve(question.proposal_id, answer="a")
    await finish()
    assert (await ann.workflows.show(run_id)).run.output == "old a"
    assert (await ann.workflows.run("versioned")).output == "new"
    with pytest.raises(ConfigurationError, match="already"):
        register(replace(new, function=old.function))


async def test_a_pause_holds_before_the_next_step_and_a_cancel_ends_the_runs_below(
    ann: Desk, ben: Desk, register: Register, said: Counted, finish: Finish, modelled: object, brain: Brain
) -> None:
    running: list[str] = []

    async def pausing() -> None:
        await ann.workflows.pause((await ann.workflows.runs(workflow="paused"))[0].run_id)

    @workflow("paused")
    async def paused(flow: Flow) -> str:
        """Be paused."""
        await flow.step("pause", pausing)
        running.append("passed")
        await flow.agent("asker", "Ask.", instructions="Ask.", model="fast", tools=["ask_person"])
        return "done"

    register(paused)
    run = await ann.workflows.run("paused")
    steps = (await ann.workflows.show(run.run_id)).steps
    assert (run.state, [one.name for one in steps], running) == ("paused", ["pause"], ["passed"])
    await finish()
    assert (await ann.workflows.show(run.run_id)).run.state == "paused"
    brain.says(wants("ask_person", question="Which?"))
    await ann.workflows.unpause(run.run_id)
    with pytest.raises(ConflictError, match="not paused"):
        await ann.workflows.unpause(run.run_id)
    await finish()
    details = await ann.workflows.show(run.run_id)
    child = details.steps[1].child_id
    assert (details.run.state, child is not None) == ("waiting", True)
    await ann.workflows.pause(run.run_id)
    await ben.approvals.approve((await ben.approvals.list())[0].proposal_id, answer="x")
    await finish()
    assert (
        await ann.workflows.show(run.run_id)
    ).run.state == "paused"  # decided meanwhile, and goes on later
    await ann.workflows.cancel(run.run_id)
    assert child is not None
    assert (await ann.agents.show(child)).run.state == "cancelled"
    with pytest.raises(ConflictError, match="ended"):
        await ann.workflows.cancel(run.run_id)


async def test_an_agent_is_a_run_below_with_its_bill_and_its_taint(
    ann: Desk, register: Register, brain: Brain
) -> None:
    @workflow("with-agent")
    async def with_agent(flow: Flow) -> str:
        """Ask an agent."""
        return str(
            await flow.agent("reader", "Sum up.", instructions="Short.", model="fast", untrusted="a ticket")
        )

    register(with_agent)
    brain.says("a summary")
    run = await ann.workflows.run("with-agent")
    (step,) = (await ann.workflows.show(run.run_id)).steps
    assert step.child_id is not None
    child = (await ann.agents.show(step.child_id)).run
    assert (run.output, run.tainted, child.agent, child.output) == ("a summary", True, "reader", "a summary")
    assert (run.tokens, run.cost) == (child.tokens, child.cost)
    assert run.cost > 0
    assert run.run_id not in {one.run_id for one in await ann.agents.list()}


async def test_a_cancelled_agent_fails_its_step_and_a_workflow_is_no_agent(
    ann: Desk, register: Register, brain: Brain, finish: Finish
) -> None:
    @workflow("with-asker")
    async def with_asker(flow: Flow) -> str:
        """Have an agent ask."""
        return str(await flow.agent("asker", "Ask.", instructions="Ask.", model="fast", tools=["ask_person"]))

    register(with_asker)
    brain.says(wants("ask_person", question="Which?"))
    run = await ann.workflows.run("with-asker")
    (step,) = (await ann.workflows.show(run.run_id)).steps
    assert (run.state, step.state, step.child_id is None) == ("waiting", "running", False)
    for act in (ann.agents.resume, ann.agents.cancel):
        with pytest.raises(NotFoundError):
            await act(run.run_id)
    assert step.child_id is not None
    await ann.agents.cancel(step.child_id)
    await finish()
    run = (await ann.workflows.show(run.run_id)).run
    assert (run.state, run.problem) == ("failed", "step-failed")


async def test_what_was_read_from_others_needs_approval_to_be_written(
    ann: Desk, ben: Desk, modelled: object, register: Register, said: Counted, finish: Finish
) -> None:
    written: list[str] = []

    @tool(effect="write", untrusted=False)
    async def put(context: ToolContext, text: str) -> str:
        """Put a text."""
        await context.confirm()
        written.append(text)
        return "put"

    @workflow("putting")
    async def putting(flow: Flow) -> object:
        """Put what was read."""
        found = await flow.step("read", said, "theirs")
        return (await flow.call("put", put, text=found)).outcome

    register(putting)
    run = await ann.workflows.run("putting")
    assert (run.state, run.tainted, written) == ("waiting", True, [])
    with pytest.raises(Exception, match="own run"):
        await decide(ann)
    assert await decide(ben, approve=False) == 1
    await finish()
    run = (await ann.workflows.show(run.run_id)).run
    assert (run.state, run.output, written) == ("done", "refused", [])


async def test_a_fork_takes_over_the_steps_before_and_does_the_rest_anew(
    ann: Desk, register: Register, said: Counted, finish: Finish
) -> None:
    @workflow("forked")
    async def forked(flow: Flow) -> str:
        """Three steps."""
        found = [await flow.step(name, said, name) for name in ("a", "b", "c")]
        return "".join(found)

    register(forked)
    run = await ann.workflows.run("forked")
    said.calls.clear()
    fork = await ann.workflows.fork(run.run_id, 3)
    await finish()
    found = (await ann.workflows.show(fork)).run
    assert (found.state, found.output, found.forked_from, said.calls) == ("done", "ABC", run.run_id, ["c"])
    with pytest.raises(InvalidRequestError, match="forked from step 9"):
        await ann.workflows.fork(run.run_id, 9)


async def test_a_replay_passes_the_record_and_does_nothing(
    ann: Desk, register: Register, said: Counted
) -> None:
    @workflow("replayed")
    async def replayed(flow: Flow) -> str:
        """One step and the time."""
        await flow.now()
        return str(await flow.step("say", said, "x"))

    register(replayed)
    run = await ann.workflows.run("replayed")
    found = await ann.workflows.replay(run.run_id)
    assert (found.complete, found.steps, found.output, said.calls) == (True, 2, "X", ["x"])


async def test_a_workflow_below_another(ann: Desk, ben: Desk, register: Register, finish: Finish) -> None:
    @workflow("inner")
    async def inner(flow: Flow, word: str) -> str:
        """Ask."""
        return f"{word} {await flow.ask('which', 'Which?')}"

    @workflow("outer")
    async def outer(flow: Flow) -> str:
        """Have another ask."""
        return f"({await flow.workflow('below', 'inner', word='hi')})"

    register(inner)
    register(outer)
    run = await ann.workflows.run("outer")
    (step,) = (await ann.workflows.show(run.run_id)).steps
    assert step.child_id is not None
    below = (await ann.workflows.show(step.child_id)).run
    assert (run.state, below.state, below.parent_id) == ("waiting", "waiting", run.run_id)
    (question,) = await ben.approvals.list()
    await ben.approvals.approve(question.proposal_id, answer="you")
    await finish()
    assert (await ann.workflows.show(run.run_id)).run.output == "(hi you)"


async def test_a_long_sleep_gives_the_worker_free_and_ends_when_its_time_has_come(
    ann: Desk, admin: Desk, modelled: object, register: Register, finish: Finish
) -> None:
    @workflow("sleepy")
    async def sleepy(flow: Flow) -> str:
        """Sleep."""
        await flow.sleep("night", 3600)
        return "awake"

    register(sleepy)
    run = await ann.workflows.run("sleepy")
    assert (run.state, run.wake_at is not None) == ("waiting", True)
    again = await ann.workflows.resume(run.run_id)
    assert (again.state, again.wake_at) == ("waiting", run.wake_at)


async def test_hand_off_and_supervisor(ann: Desk, register: Register, brain: Brain) -> None:
    roles = {
        "desk": Role("sorts", "Sort.", model="fast"),
        "network": Role("knows networks", "Fix networks.", model="fast"),
    }

    @workflow("team")
    async def team(flow: Flow) -> list[str]:
        """Work together."""
        handed = await hand_off(flow, "Fix it.", roles, first="desk")
        return [handed, await supervise(flow, "Look.", Role("leads", "Lead.", model="fast"), roles)]

    def answers(given: object) -> Reply:
        return Reply(tool_calls=(ToolCall("final_result", json.loads(to_json(given))),))

    register(team)
    brain.says(
        answers(HandOff("a cable", to="network")),
        answers(HandOff("replaced")),
        answers(Plan(assignments=[Assignment("network", "ping")])),
        "it answers",
        answers(Plan(answer="all is well")),
    )
    run = await ann.workflows.run("team")
    assert run.output == ["replaced", "all is well"]
    assert "it answers" in brain.told()
    names = [one.name for one in (await ann.workflows.show(run.run_id)).steps]
    assert names == ["desk", "network", "supervisor", "network", "supervisor"]


async def test_wrong_input_and_unknown_workflows(
    ann: Desk, ben: Desk, register: Register, said: Counted
) -> None:
    @workflow("typed")
    async def typed(flow: Flow, number: int) -> int:
        """Take a number."""
        del flow
        return number

    register(typed)
    with pytest.raises(InvalidRequestError, match="does not fit") as caught:
        await ann.workflows.run("typed", {"number": "many", "other": 1})
    assert "number, other" in caught.value.why
    with pytest.raises(NotFoundError, match="no workflow 'none'"):
        await ann.workflows.start("none")
    run = await ann.workflows.run("typed", {"number": 3})
    with pytest.raises(NotFoundError):
        await ben.workflows.show(run.run_id)  # another's


async def test_events_tell_what_happened_to_the_end(ann: Desk, register: Register, said: Counted) -> None:
    @workflow("followed")
    async def followed(flow: Flow) -> str:
        """One step."""
        return str(await flow.step("say", said, "x"))

    register(followed)
    run = await ann.workflows.run("followed")
    found = [one async for one in ann.workflows.events(run.run_id)]
    assert [(one.step.name if one.step else "", one.run.state) for one in found] == [
        ("say", "done"),
        ("", "done"),
    ]
