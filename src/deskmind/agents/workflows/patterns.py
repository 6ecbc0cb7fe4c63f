"""Several agents on one task: handing it on, or one that has others work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from deskmind.agents.limits import Limits
from deskmind.agents.memory.use import MemoryUse
from deskmind.agents.tool import Tool
from deskmind.agents.workflows.flow import Flow
from deskmind.errors import InvalidRequestError, StepFailedError

__all__ = ["Assignment", "HandOff", "Plan", "Role", "hand_off", "supervise"]


@dataclass(frozen=True, slots=True)
class Role:
    """An agent of a pattern.

    Attributes:
        does: one line, for the others.
        instructions: for its model.
    """

    does: str
    instructions: str
    tools: tuple[Tool | str, ...] = ()
    model: str = ""
    limits: Limits | None = None
    memory: MemoryUse | None = None


@dataclass(frozen=True, slots=True)
class HandOff:
    """What an agent gives: its result, or the name of who is to go on with it.

    Attributes:
        to: name of another agent; empty where the task is done.
        message: the result, or what the next one needs to know.
    """

    message: str
    to: str = ""


@dataclass(frozen=True, slots=True)
class Assignment:
    """A part of a task for one worker."""

    worker: str
    task: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a supervisor gives: parts for workers, or the answer where none is needed any more."""

    answer: str = ""
    assignments: list[Assignment] = field(default_factory=list[Assignment])


async def hand_off(
    flow: Flow, task: str, roles: Mapping[str, Role], *, first: str, untrusted: str = "", most: int = 6
) -> str:
    """Have agents work on a task one after the other, each naming who goes on; the last one's message.

    Args:
        flow: the run.
        task: what is wanted.
        roles: by name.
        first: who begins.
        untrusted: text of others that the task is about.
        most: agents, counted each time they work.

    Raises:
        StepFailedError: the task went round more often than that.
    """
    _check(roles, first)
    others = "\n".join(f"- {name}: {role.does}" for name, role in roles.items())
    name, prompt = first, task
    for _ in range(most):
        role = roles[name]
        given = await flow.agent(
            name,
            prompt,
            instructions=f"{role.instructions}\n\nGive the result as message. Where another should go on, name it in `to`:\n{others}",
            model=role.model,
            tools=role.tools,
            limits=role.limits,
            memory=role.memory,
            output_type=HandOff,
            untrusted=untrusted,
        )
        if given.to not in roles or given.to == name:
            return str(given.message)
        name, prompt = given.to, f"{task}\n\n{name} handed this on to you: {given.message}"
    raise StepFailedError(f"The task was handed on more than {most} times.", problem="handed-on-too-often")


async def supervise(
    flow: Flow,
    task: str,
    supervisor: Role,
    workers: Mapping[str, Role],
    *,
    untrusted: str = "",
    rounds: int = 3,
    at_once: int = 4,
) -> str:
    """Have one agent divide a task among others, read what they found, and answer.

    Args:
        flow: the run.
        task: what is wanted.
        supervisor: who divides and answers.
        workers: by name.
        untrusted: text of others that the task is about.
        rounds: of dividing, after which it must answer.
        at_once: workers at the same time.

    Raises:
        StepFailedError: there is no answer after the last round.
    """
    _check(workers, next(iter(workers), ""))
    known = "\n".join(f"- {name}: {role.does}" for name, role in workers.items())
    found = ""
    for number in range(rounds + 1):
        last = " You must answer now." if number == rounds else ""
        plan: Plan = await flow.agent(
            "supervisor",
            f"{task}{last}",
            instructions=f"{supervisor.instructions}\n\nAnswer, or assign parts of the task to workers:\n{known}",
            model=supervisor.model,
            tools=supervisor.tools,
            limits=supervisor.limits,
            memory=supervisor.memory,
            output_type=Plan,
            untrusted="\n\n".join(part for part in (untrusted, found) if part),
        )
        wanted = [one for one in plan.assignments if one.worker in workers]
        if plan.answer or not wanted:
            return plan.answer
        given = await flow.map(wanted, _worker(workers, untrusted), at_once=at_once)
        found += "".join(f"\n\n{one.worker} found: {text}" for one, text in zip(wanted, given, strict=True))
    raise StepFailedError("The supervisor did not answer.", problem="no-answer")


def _worker(workers: Mapping[str, Role], untrusted: str) -> Any:
    async def work(flow: Flow, one: Assignment) -> Any:
        role = workers[one.worker]
        return await flow.agent(
            one.worker,
            one.task,
            instructions=role.instructions,
            model=role.model,
            tools=role.tools,
            limits=role.limits,
            memory=role.memory,
            untrusted=untrusted,
        )

    return work


def _check(roles: Iterable[str], first: str) -> None:
    if first not in set(roles):
        raise InvalidRequestError(f"There is no agent '{first[:80]}'.", remedy="Name one of the roles.")
