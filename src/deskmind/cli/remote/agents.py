"""Agents, what they propose and remember, workflows and their runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from deskmind.cli.remote.refusing import MOST, Part, first
from deskmind.cli.remote.running import agent_at_rest, goes_on
from deskmind.cli.remote.shown import Shown

if TYPE_CHECKING:
    from deskmind.agents.memory import Draft
    from deskmind.client import AsyncClient
    from deskmind.client.made.bodies import AgentVersionBody

__all__ = [
    "RemoteAgent",
    "RemoteAgents",
    "RemoteApprovals",
    "RemoteMemories",
    "RemoteSchedules",
    "RemoteStoredAgents",
    "RemoteWorkflows",
]

_AT_REST = frozenset({"waiting", "paused", "done", "failed", "cancelled"})


class RemoteAgents(Part):
    """``desk.agents``."""

    async def list(self, *, state: str | None = None, limit: int = 50) -> list[Any]:
        """Runs, newest first."""
        told = self._client.agents.each_runs(state=cast("Any", state), limit=min(limit, MOST))
        return [Shown(one) async for one in first(limit, told)]

    async def show(self, run_id: UUID) -> Any:
        """A run with its transcript."""
        return Shown(await self._client.agents.get_run(run_id))

    async def resume(self, run_id: UUID) -> Any:
        """Have a worker go on with a run, until it is done or waits."""
        await self._client.agents.resume_run(run_id, wait=False)
        return await agent_at_rest(self._client, run_id)

    async def cancel(self, run_id: UUID) -> None:
        """End a run."""
        await self._client.agents.cancel_run(run_id)

    async def stop_tool(self, tool: str = "*", *, reason: str = "") -> None:
        """Stop a tool."""
        await self._client.agents.stop_tool(tool, reason=reason)

    async def allow_tool(self, tool: str = "*") -> None:
        """Allow what was stopped."""
        await self._client.agents.allow_tool(tool)

    async def blocks(self) -> list[Any]:
        """What agents may not do."""
        return [Shown(one) for one in (await self._client.agents.list_blocks()).blocks]

    async def lift(self, subject: str) -> None:
        """Lift a block."""
        await self._client.agents.lift_block(subject)


class RemoteAgent:
    """``desk.agent(…)``: an agent that is described with each run of it."""

    def __init__(self, client: AsyncClient, name: str, **described: Any) -> None:
        self._client = client
        self._described: dict[str, Any] = {"name": name, **described}

    async def start(self, prompt: str, *, untrusted: str = "") -> UUID:
        """Leave a run to a worker."""
        told = await self._client.agents.start_run(prompt, untrusted=untrusted, **self._described)
        return told.run_id

    async def run(self, prompt: str, *, untrusted: str = "") -> Any:
        """Have a worker do it, until it is done or waits."""
        return await agent_at_rest(self._client, await self.start(prompt, untrusted=untrusted))


class RemoteApprovals(Part):
    """``desk.approvals``."""

    async def list(self, *, waiting: bool = True, limit: int = 100) -> list[Any]:
        """What waits for a person."""
        told = self._client.approvals.each(waiting=waiting, limit=min(limit, MOST))
        return [Shown(one) async for one in first(limit, told)]

    async def show(self, proposal_id: UUID) -> Any:
        """One with its difference."""
        return _proposal(await self._client.approvals.get(proposal_id))

    async def approve(self, proposal_id: UUID, *, answer: str = "", revision: int | None = None) -> Any:
        """Let it pass."""
        return _proposal(await self._client.approvals.approve(proposal_id, answer=answer, revision=revision))

    async def edit(self, proposal_id: UUID, values: Mapping[str, Any], *, reason: str = "") -> Any:
        """Change it and let that pass."""
        return _proposal(await self._client.approvals.edit(proposal_id, values, reason=reason))

    async def reject(
        self, proposal_id: UUID, *, reason: str = "", lasting: bool = False, revision: int | None = None
    ) -> Any:
        """Forbid it."""
        given: dict[str, Any] = {"reason": reason, "lasting": lasting, "revision": revision}
        return _proposal(await self._client.approvals.reject(proposal_id, **given))


def _proposal(told: Any) -> Any:
    """Its differences are dictionaries in the SDK."""
    return Shown(
        told,
        changes=tuple(one.as_dict() for one in told.changes),
        edits=tuple(one.as_dict() for one in told.edits),
    )


class RemoteStoredAgents(Part):
    """``desk.stored_agents``."""

    async def list(self) -> list[Any]:
        """By name."""
        return [Shown(one) for one in (await self._client.agents.list()).agents]

    async def get(self, name: str, *, version: int | None = None, label: str | None = None) -> Any:
        """A version."""
        return _version(await self._client.agents.get(name, version=version, label=label))

    async def versions(self, name: str) -> list[Any]:
        """All of one, newest first."""
        return [_version(one) for one in (await self._client.agents.list_versions(name)).versions]

    async def save(self, agent: Any, *, note: str = "") -> Any:
        """A new version."""
        told = await self._client.agents.define(
            agent.model_dump(mode="json", exclude_defaults=True), note=note
        )
        return Shown(told, spec=agent)

    async def publish(self, name: str, version: int | None = None, *, label: str = "production") -> Any:
        """Put a version to use."""
        return _version(await self._client.agents.publish(name, version=version, label=label))

    async def test(self, name: str, cases: Sequence[Any], *, version: int | None = None) -> Any:
        """Cases with a scripted model."""
        given: Any = [one.model_dump(mode="json", by_alias=True, exclude_unset=True) for one in cases]
        told = await self._client.agents.test(name, given, version=version)
        return Shown(told, results=tuple(map(Shown, told.cases)))

    async def start(self, name: str, prompt: str, **given: Any) -> UUID:
        """Leave a run to a worker."""
        return (await self._client.agents.run(name, prompt, **given)).run_id

    async def run(self, name: str, prompt: str, **given: Any) -> Any:
        """Have a worker do it, until it is done or waits."""
        return await agent_at_rest(self._client, await self.start(name, prompt, **given))


def _version(told: AgentVersionBody) -> Any:
    from deskmind.agents.definitions import AgentSpec

    return Shown(told, spec=AgentSpec.model_validate(told.agent))


class RemoteWorkflows(Part):
    """``desk.workflows``."""

    async def all(self) -> list[Any]:
        """Those that can be run."""
        return [Shown(one) for one in (await self._client.workflows.list()).workflows]

    async def start(self, name: str, given: Mapping[str, Any]) -> UUID:
        """Leave a run to a worker."""
        return (await self._client.workflows.start(name, input=given)).run_id

    async def run(self, name: str, given: Mapping[str, Any]) -> Any:
        """Have a worker do it, until it is done or waits."""
        return await self._at_rest(await self.start(name, given))

    async def runs(self, *, workflow: str | None = None, state: Any = None, limit: int = 50) -> list[Any]:
        """Newest first."""
        told = self._client.runs.each(workflow=workflow, state=state, limit=min(limit, MOST))
        return [Shown(one) async for one in first(limit, told)]

    async def show(self, run_id: UUID) -> Any:
        """A run with its steps."""
        return Shown(await self._client.runs.get(run_id))

    async def events(self, run_id: UUID) -> AsyncIterator[Any]:
        """What happened and happens."""
        run: Any = Shown((await self._client.runs.get(run_id)).run)
        async for event in self._client.runs.follow(run_id):
            told: Any = Shown(event.data)
            run = told if event.name == "run" else run
            yield _Event(run, None if event.name == "run" else told)

    async def pause(self, run_id: UUID) -> None:
        """Begin no further step."""
        await self._client.runs.pause(run_id)

    async def unpause(self, run_id: UUID) -> None:
        """Go on, by a worker."""
        await self._client.runs.resume(run_id)

    async def resume(self, run_id: UUID) -> Any:
        """Go on, until it is done or waits."""
        await self._client.runs.resume(run_id)
        return await self._at_rest(run_id)

    async def cancel(self, run_id: UUID, *, undo: bool = False) -> None:
        """End a run; with ``undo`` once its steps are taken back."""
        await self._client.runs.cancel(run_id, undo=undo)

    async def fork(self, run_id: UUID, step: int) -> UUID:
        """Anew from a step on."""
        return (await self._client.runs.fork(run_id, step)).run_id

    async def replay(self, run_id: UUID, *, version: int | None = None) -> Any:
        """Whether it still does the recorded steps."""
        return Shown(await self._client.runs.replay(run_id, version=version))

    async def _at_rest(self, run_id: UUID) -> Any:
        with goes_on(f"`deskmind runs follow {run_id}` follows it, `deskmind runs cancel {run_id}` ends it."):
            async for event in self._client.runs.follow(run_id):
                if event.name == "run" and getattr(event.data, "state", "") in _AT_REST:
                    return Shown(event.data)
            return Shown((await self._client.runs.get(run_id)).run)


class _Event:
    """Something new in a run."""

    def __init__(self, run: Any, step: Any) -> None:
        self.run = run
        self.step = step


class RemoteSchedules(Part):
    """``desk.schedules``."""

    async def all(self) -> list[Any]:
        """By name."""
        return [Shown(one) for one in (await self._client.workflows.list_schedules()).schedules]

    async def add(self, name: str, workflow: str, given: Mapping[str, Any], **when: Any) -> Any:
        """Have it begin by itself."""
        return Shown(await self._client.workflows.add_schedule(name, workflow, input=given, **when))

    async def enable(self, name: str, *, enabled: bool = True) -> None:
        """Let it begin runs, or not."""
        switch = (
            self._client.workflows.enable_schedule if enabled else self._client.workflows.disable_schedule
        )
        await switch(name)

    async def remove(self, name: str) -> None:
        """Its runs stay."""
        await self._client.workflows.remove_schedule(name)


class RemoteMemories(Part):
    """``desk.memories``."""

    async def list(self, *, limit: int = 100, **given: Any) -> list[Any]:
        """Newest first."""
        told = self._client.memories.each(**given, limit=min(limit, MOST))
        return [Shown(one) async for one in first(limit, told)]

    async def show(self, memory_id: UUID) -> list[Any]:
        """One with what it superseded."""
        return [Shown(one) for one in (await self._client.memories.get(memory_id)).memories]

    async def add(self, draft: Draft, **given: Any) -> Any:
        """Remember something."""
        told = await self._client.memories.add(
            draft.text, kind=draft.kind, subject=draft.subject, importance=draft.importance, **given
        )
        return Shown(told)

    async def recall(self, question: str, *, tokens: int = 800) -> Any:
        """What an agent would be told."""
        return Shown(await self._client.memories.recall(question, tokens=tokens))

    async def correct(self, memory_id: UUID, text: str) -> Any:
        """Say what is right."""
        return Shown(await self._client.memories.correct(memory_id, text=text))

    async def pin(self, memory_id: UUID, *, pinned: bool = True) -> Any:
        """Keep it from fading, or let it fade."""
        return Shown(await self._client.memories.correct(memory_id, pinned=pinned))

    async def forget(self, memory_id: UUID) -> int:
        """Remove it with its history; how many there were."""
        gone = len((await self._client.memories.get(memory_id)).memories)
        await self._client.memories.forget(memory_id)
        return gone
