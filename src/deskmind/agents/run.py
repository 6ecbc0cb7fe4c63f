"""A run and its parts, as they are shown; and what an agent is, as it is stored with its runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

from deskmind.agents.limits import Limits
from deskmind.agents.memory.use import MemoryUse

__all__ = ["Definition", "Effected", "Run", "RunDetails", "State", "Step", "ToolCalling"]

T = TypeVar("T")
State = Literal["queued", "running", "waiting", "done", "failed", "cancelled"]
ToolCalling = Literal["native", "schema"]
"""``schema``: the model has no tool calling; it says in JSON which tool it wants."""


@dataclass(frozen=True, slots=True)
class Definition:
    """An agent as it is stored with each of its runs, so that a run ends as it began whatever is deployed meanwhile.

    Attributes:
        name: of the agent.
        instructions: for the model.
        model: the configured name.
        tools: names.
        limits: of one run.
        output: JSON schema of the output; None for text.
        tool_calling: how the model is told of tools.
        memory: how it uses memory; None: not at all.
        version: of the stored agent; 0 where it is none.
        checks: names of checks that what it says and writes must pass.
    """

    name: str
    instructions: str
    model: str
    tools: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    output: Mapping[str, Any] | None = None
    tool_calling: ToolCalling = "native"
    memory: MemoryUse | None = None
    version: int = 0
    checks: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """As JSON values; what an older release does not know is there only where it is used."""
        further = {"memory": self.memory.as_dict()} if self.memory is not None else {}
        return {
            **further,
            **({"version": self.version} if self.version else {}),
            "name": self.name,
            "instructions": self.instructions,
            "model": self.model,
            "tools": list(self.tools),
            "limits": self.limits.as_dict(),
            "output": self.output,
            "tool_calling": self.tool_calling,
            "checks": list(self.checks),
        }

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Definition:
        """What ``as_dict`` gave."""
        limits = Limits.of(values["limits"])
        names = {"tools": tuple(values["tools"]), "checks": tuple(values.get("checks", ()))}
        given: dict[str, Any] = {**values, **names, "limits": limits}
        if "memory" in values:
            given["memory"] = MemoryUse.of(values["memory"])
        return cls(**given)


@dataclass(frozen=True, slots=True)
class Run(Generic[T]):
    """One execution of an agent.

    Attributes:
        run_id: its id.
        agent: the agent's name.
        state: ``waiting`` is for a person.
        output: None until it is done.
        problem: the code of the error that ended it, empty otherwise.
        remedy: the class of that error: ``retry``, ``replan``, ``ask`` or ``stop``.
        tainted: whether it has read texts that others wrote.
        steps: replies of the model.
        tool_calls: calls of tools.
        tokens: of all replies.
        cost: US dollars.
        seconds: under way.
        user: whose run, the nil of it for the operator's.
    """

    run_id: UUID
    agent: str
    state: State
    output: T | None
    problem: str
    remedy: str
    tainted: bool
    steps: int
    tool_calls: int
    tokens: int
    cost: Decimal
    seconds: float
    started_at: datetime
    ended_at: datetime | None
    user: UUID | None

    @property
    def place(self) -> tuple[datetime, UUID]:
        """Where it stands in the list of runs."""
        return self.started_at, self.run_id

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "run_id": str(self.run_id),
            "agent": self.agent,
            "state": self.state,
            "output": self.output,
            "problem": self.problem,
            "remedy": self.remedy,
            "tainted": self.tainted,
            "steps": self.steps,
            "tool_calls": self.tool_calls,
            "tokens": self.tokens,
            "cost": str(self.cost),
            "seconds": round(self.seconds, 3),
            "started_at": self.started_at.isoformat(),
            "ended_at": self.ended_at.isoformat() if self.ended_at else None,
        }


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the transcript.

    Attributes:
        kind: ``request`` to the model, its ``response``, or a tool's ``result``.
        content: of a result its ``text``; else the message.
    """

    position: int
    kind: Literal["request", "response", "result"]
    tool: str
    outcome: str
    content: Mapping[str, Any]
    at: datetime
    call_id: str = ""

    @property
    def text(self) -> str:
        """What was said: of a message its texts, and the tools it calls with their arguments."""
        if self.kind == "result":
            return str(self.content.get("text", ""))
        return "\n".join(_words(part) for part in self.content.get("parts", []))

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "kind": self.kind,
            "tool": self.tool,
            "outcome": self.outcome,
            "text": self.text,
            "at": self.at.isoformat(),
        }


def _words(part: Mapping[str, Any]) -> str:
    if "args" in part:
        return f"{part.get('tool_name')} {part['args']}"
    return str(part.get("content", ""))


@dataclass(frozen=True, slots=True)
class Effected:
    """What is known of a write: ``claimed``, ``applied``, ``absent`` or ``unknown``."""

    call_id: str
    tool: str
    state: str


@dataclass(frozen=True, slots=True)
class RunDetails(Generic[T]):
    """A run with its transcript and its writes."""

    run: Run[T]
    prompt: str
    steps: tuple[Step, ...]
    effects: tuple[Effected, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "run": self.run.as_dict(),
            "prompt": self.prompt,
            "steps": [step.as_dict() for step in self.steps],
            "effects": [{"tool": one.tool, "state": one.state} for one in self.effects],
        }
