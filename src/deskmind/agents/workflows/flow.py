"""What a workflow is written with: plain Python around steps that are recorded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from deskmind.agents.limits import Limits
from deskmind.agents.memory.use import MemoryUse
from deskmind.agents.tool import Tool
from deskmind.agents.workflows.parties import Parties
from deskmind.agents.workflows.recording import Made, Parked, Place, Recorder
from deskmind.agents.workflows.records import as_json
from deskmind.agents.workflows.systems import Systems
from deskmind.errors import InvalidRequestError, StepFailedError

if TYPE_CHECKING:
    from deskmind.desk import Desk

__all__ = ["Branch", "Called", "Flow", "Undo"]

_SHORT = 2.0
"""So many seconds are slept here; longer ones give the worker free."""

Undo = Callable[["Flow", Any], Awaitable[Any]]
"""Takes back what a step did, given the step's value; its own steps are recorded too."""

Branch = Callable[["Flow"], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Called:
    """What became of a tool's call.

    Attributes:
        outcome: ``ok``, ``refused`` (by policy or a person), ``failed`` or ``unknown``.
        text: what an agent would be told.
        problem: the code of the error of a call that failed.
    """

    outcome: str
    text: str
    problem: str = ""

    @property
    def ok(self) -> bool:
        """Whether it was done."""
        return self.outcome == "ok"

    @property
    def value(self) -> Any:
        """The result where it is JSON, else None."""
        try:
            return json.loads(self.text)
        except ValueError:
            return None


class Flow:
    """One run of a workflow. What is between its steps must do the same whenever it runs again: no clock, no chance, no input."""

    def __init__(self, recorder: Recorder, parties: Parties, prefix: str = "") -> None:
        self._recorder = recorder
        self._parties = parties
        self._prefix = prefix
        self._count = 0

    @property
    def desk(self) -> Desk:
        """The desk of whose run it is."""
        return self._parties.desk

    @property
    def systems(self) -> Systems:
        """The connected systems, for who may use them with the connections' rights."""
        return self._parties.systems

    @property
    def run_id(self) -> UUID:
        """The run."""
        return self._recorder.run_id

    def default_model(self, given: str = "") -> str:
        """The model to ask: the given one, else ``agents.workflow_model``.

        Raises:
            InvalidRequestError: neither is given.
        """
        found = given or self._parties.default_model
        if not found:
            raise InvalidRequestError(
                "Which model?", remedy="Give the input `model`, or set agents.workflow_model."
            )
        return found

    async def step(
        self,
        name: str,
        function: Callable[..., Awaitable[Any]],
        *arguments: Any,
        timeout: float | None = None,  # noqa: ASYNC109
        retries: int = 0,
        pause: float = 1.0,
        undo: Undo | None = None,
        untrusted: bool = True,
    ) -> Any:
        """Call a coroutine function and record what it gives, as JSON values.

        It may be called again where a worker died meanwhile: what must happen once outside belongs into a tool, see ``call``.

        Args:
            name: of the step; the same whenever the run comes here.
            function: anything that gives what JSON can hold (dataclasses, models, dates become their JSON values).
            arguments: for it.
            timeout: seconds for one try.
            retries: further tries after errors that may be over later.
            pause: seconds before the first of them; doubled each time.
            undo: called with the value when the run fails later, the last step's first.
            untrusted: whether it gives text that others wrote; then what the run writes later needs approval.

        Raises:
            StepFailedError: it failed.
        """

        async def act(child: UUID | None) -> Made:
            del child
            return Made(as_json(await function(*arguments)))

        place = self._place(name, "step", timeout=timeout, retries=retries, pause=pause, untrusted=untrusted)
        return self._undone(place, undo, await self._recorder.recorded(place, act))

    async def call(
        self,
        name: str,
        tool: Tool | str,
        *,
        timeout: float | None = None,  # noqa: ASYNC109
        retries: int = 0,
        undo: Undo | None = None,
        **arguments: Any,
    ) -> Called:
        """Call a tool under the rules of agents: permission, kill switch, approval, and its effect once whatever dies.

        A write waits for its approvers; the run gives its worker free meanwhile.

        Raises:
            StepFailedError: the run may not call it now; a tool that fails says so in what it gives.
        """

        async def act(child: UUID | None) -> Made:
            del child
            return Made(await self._parties.called(self._recorder.journal, tool, place.path, arguments))

        place = self._place(name, "tool", timeout=timeout, retries=retries)
        found = Called(**await self._recorder.recorded(place, act))
        self._undone(place, undo if found.ok else None, found)
        return found

    async def ask(self, name: str, question: str) -> str:
        """Ask a technician and wait, for days if need be.

        Raises:
            StepFailedError: nobody answered in time.
        """
        said = await self.call(name, "ask_person", question=question)
        if not said.ok:
            raise StepFailedError(f"Nobody answered '{name}'.", problem="no-answer")
        return said.text

    async def agent(
        self,
        name: str,
        prompt: str,
        *,
        instructions: str,
        model: str = "",
        output_type: Any = str,
        tools: Iterable[Tool | str] = (),
        untrusted: str = "",
        limits: Limits | None = None,
        memory: MemoryUse | None = None,
        retries: int = 2,
        undo: Undo | None = None,
    ) -> Any:
        """Run an agent as a run of its own below this one; its output.

        Args:
            name: of the step and of the agent.
            prompt: what is wanted.
            instructions: for the model.
            model: a configured name; default ``agents.workflow_model``.
            output_type: ``str``, a dataclass or a pydantic model.
            tools: tools, or names of known ones.
            untrusted: text that others wrote.
            limits: of this run.
            memory: how it uses memory; None: not at all. What it learns of a run that has read others' text is not trusted.
            retries: further tries after errors that may be over later; it goes on from its last row.
            undo: as for ``step``.

        Raises:
            StepFailedError: it came to no end.
        """

        async def act(child: UUID | None) -> Made:
            assert child is not None
            agent = self.desk.agent(
                name,
                instructions=instructions,
                model=self.default_model(model),
                output_type=output_type,
                tools=tools,
                limits=limits,
                memory=memory,
            )
            return await self._parties.ran(self._recorder.journal, child, agent, prompt, untrusted)

        place = self._place(name, "agent", retries=retries)
        value = await self._recorder.recorded(place, act)
        return self._undone(place, undo, _typed(value, output_type))

    async def workflow(self, name: str, workflow: str, **given: Any) -> Any:
        """Run another workflow as a run of its own below this one; its output.

        Raises:
            StepFailedError: it failed, after taking back what it had done.
        """

        async def act(child: UUID | None) -> Made:
            assert child is not None
            return await self._parties.went(self._recorder.journal, child, workflow, given)

        return await self._recorder.recorded(self._place(name, "workflow"), act)

    async def sleep(self, name: str, seconds: float) -> None:
        """Wait so long; the worker is free meanwhile. Exact to a minute."""
        place = self._place(name, "sleep")
        row = self._recorder.known(place)
        if row is not None and row.state == "done":
            return
        due = datetime.now(UTC) + timedelta(seconds=seconds)
        if row is not None and row.value is not None:
            due = datetime.fromisoformat(row.value["value"])
        await self._recorder.begin(place, value=due.isoformat())
        left = (due - datetime.now(UTC)).total_seconds()
        if left > _SHORT:
            raise Parked(wake_at=due)
        await asyncio.sleep(max(left, 0))
        await self._recorder.finish(place, Made(due.isoformat()))

    async def now(self, name: str = "now") -> datetime:
        """The time, the same whenever the run comes here again."""

        async def clock() -> str:
            return datetime.now(UTC).isoformat()

        return datetime.fromisoformat(await self.step(name, clock, untrusted=False))

    async def parallel(self, *, at_once: int = 8, **branches: Branch) -> dict[str, Any]:
        """Run branches side by side; what each gives, by name. One that fails does not stop the others, then fails all."""
        number = self._next()
        flows = {key: self._below(f"{number}.{key}.") for key in branches}
        given = await _together([branches[key](flows[key]) for key in branches], at_once)
        return dict(zip(branches, given, strict=True))

    async def map(
        self, items: Iterable[Any], body: Callable[[Flow, Any], Awaitable[Any]], *, at_once: int = 8
    ) -> list[Any]:
        """Call ``body(flow, item)`` for each item, so many at once; the results in order."""
        number = self._next()
        acts = [body(self._below(f"{number}.{index}."), item) for index, item in enumerate(items)]
        return await _together(acts, at_once)

    async def undo(self, place: Place, undo: Undo, value: Any) -> None:
        """Take back a step, once; its own steps are recorded below it."""

        async def act(child: UUID | None) -> Made:
            del child
            await undo(self._below(f"{place.path}.undo."), value)
            return Made(None)

        await self._recorder.recorded(Place(f"{place.path}.undo", place.name, "undo", retries=3), act)

    def _undone(self, place: Place, undo: Undo | None, value: Any) -> Any:
        if undo is not None:
            self._parties.undos.append((place, undo, value))
        return value

    def _below(self, prefix: str) -> Flow:
        return Flow(self._recorder, self._parties, prefix)

    def _next(self) -> str:
        self._count += 1
        return f"{self._prefix}{self._count}"

    def _place(self, name: str, kind: Any, **how: Any) -> Place:
        return Place(self._next(), name, kind, **how)


async def _together(acts: Sequence[Awaitable[Any]], at_once: int) -> list[Any]:
    """All of them; where some wait, the others are finished first."""
    slots = asyncio.Semaphore(at_once)

    async def one(act: Awaitable[Any]) -> Any:
        async with slots:
            return await act

    tasks = [asyncio.create_task(one(act)) for act in acts]
    try:
        given = await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        for task in tasks:
            task.cancel()
    errors = [one for one in given if isinstance(one, BaseException)]
    if errors:
        raise _foremost(errors)
    return list(given)


def _foremost(errors: Sequence[BaseException]) -> BaseException:
    """What ends the run before what fails a step, both before what waits; of what waits, a pause, then the soonest."""
    failed = [one for one in errors if not isinstance(one, Parked)]
    ending = [one for one in failed if not isinstance(one, StepFailedError)]
    if failed:
        return (ending or failed)[0]
    parked = [one for one in errors if isinstance(one, Parked)]
    times = [one.wake_at for one in parked if one.wake_at is not None]
    return Parked(wake_at=min(times) if times else None, paused=any(one.paused for one in parked))


def _typed(value: Any, output_type: Any) -> Any:
    if output_type is str:
        return value
    from pydantic import TypeAdapter

    return TypeAdapter(output_type).validate_python(value)
