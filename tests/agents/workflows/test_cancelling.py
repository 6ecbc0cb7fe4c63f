"""Workflows that are cancelled and take back what they did; agents of workflows that remember."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
from tests.agents.conftest import Brain
from tests.agents.workflows.conftest import Counted, Register

from deskmind.agents import MemoryUse
from deskmind.agents.workflows import Flow, workflow
from deskmind.desk import Desk
from deskmind.errors import ConflictError, StepFailedError

Finish = Callable[[], Awaitable[None]]


async def test_a_cancel_by_choice_takes_back_what_was_done_here_and_below(
    ann: Desk, register: Register, said: Counted, finish: Finish
) -> None:
    async def back(flow: Flow, value: str) -> None:
        await flow.step("back", said, f"undo {value}")

    @workflow("below")
    async def below(flow: Flow) -> str:
        """Do one thing and wait."""
        await flow.step("three", said, "c", undo=back)
        return await flow.ask("which", "Which?")

    @workflow("above")
    async def above(flow: Flow) -> None:
        """Do two things, and have another wait."""
        await flow.step("one", said, "a", undo=back)
        await flow.step("two", said, "b", undo=back)
        await flow.step("plain", said, "p")
        with suppress(StepFailedError):
            await flow.workflow("wait", "below")
        await flow.step("never", said, "never", undo=back)

    register(below)
    register(above)
    run_id = await ann.workflows.start("above")
    await finish()
    assert (await ann.workflows.show(run_id)).run.state == "waiting"
    await ann.workflows.cancel(run_id, undo=True)
    await finish()
    details = await ann.workflows.show(run_id)
    assert (details.run.state, details.run.problem) == ("cancelled", "")
    assert details.run.ended_at is not None
    assert said.calls == ["a", "b", "p", "c", "undo C", "undo B", "undo A"]
    (child,) = (one.child_id for one in details.steps if one.child_id)
    assert (await ann.workflows.show(child)).run.state == "cancelled"
    with pytest.raises(ConflictError, match="ended"):
        await ann.workflows.cancel(run_id, undo=True)


async def test_a_run_that_is_under_way_takes_back_before_its_next_step(
    ann: Desk, register: Register, said: Counted
) -> None:
    async def back(flow: Flow, value: str) -> None:
        await flow.step("back", said, f"undo {value}")

    async def cancelling() -> None:
        await ann.workflows.cancel((await ann.workflows.runs(workflow="stopped-midway"))[0].run_id, undo=True)

    @workflow("stopped-midway")
    async def stopped(flow: Flow) -> None:
        """Be cancelled in a branch."""
        await flow.step("one", said, "a", undo=back)
        await flow.parallel(
            cancel=lambda one: one.step("cancel", cancelling), other=lambda one: one.now("when")
        )
        await flow.step("never", said, "never", undo=back)

    register(stopped)
    assert (await ann.workflows.run("stopped-midway")).state == "cancelled"
    assert said.calls == ["a", "undo A"]


async def test_an_agent_of_a_workflow_remembers(ann: Desk, register: Register, brain: Brain) -> None:
    @workflow("with-memory")
    async def with_memory(flow: Flow, prompt: str) -> str:
        """Ask an agent that remembers."""
        use = MemoryUse(least=0.0)
        return str(await flow.agent("keeper", prompt, instructions="Short.", model="fast", memory=use))

    register(with_memory)
    brain.says("Noted.", "It is printer 7.")
    await ann.workflows.run("with-memory", {"prompt": "Remember that my printer is number 7."})
    await ann.workflows.run("with-memory", {"prompt": "Which printer is mine?"})
    assert "my printer is number 7" in brain.told()
