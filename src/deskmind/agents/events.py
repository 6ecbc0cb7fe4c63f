"""What happens in a run, as it happens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

if TYPE_CHECKING:
    from deskmind.agents.run import Run

__all__ = ["AgentEvent", "ApprovalWanted", "ModelReplied", "RunEnded", "ToolAnswered"]


@dataclass(frozen=True, slots=True)
class ModelReplied:
    """A reply of the model: its text and the tools it wants called."""

    text: str
    tools: tuple[str, ...]
    step: int


@dataclass(frozen=True, slots=True)
class ToolAnswered:
    """A tool's result is there; ``outcome`` is ``ok``, ``refused``, ``failed`` or ``unknown``."""

    call_id: str
    tool: str
    outcome: str
    text: str


@dataclass(frozen=True, slots=True)
class ApprovalWanted:
    """The run waits for a person."""

    proposal_id: UUID
    tool: str
    reason: str


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The last event: the run as it stands, done or waiting."""

    run: Run[Any]


AgentEvent: TypeAlias = ModelReplied | ToolAnswered | ApprovalWanted | RunEnded
