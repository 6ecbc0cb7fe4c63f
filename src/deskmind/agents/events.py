"""What happens in a run, as it happens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

if TYPE_CHECKING:
    from deskmind.agents.run import Run

__all__ = ["AgentEvent", "ApprovalWanted", "ModelReplied", "RunEnded", "TextPiece", "ToolAnswered"]


@dataclass(frozen=True, slots=True)
class TextPiece:
    """A piece of a reply's text as it arrives; ``ModelReplied`` follows with the whole, once it is written down.

    There is none where the answer is no text, where checks must see it first, or where a model says calls in JSON.

    Attributes:
        restarted: the reply begins anew: its pieces so far are void.
    """

    text: str
    step: int
    restarted: bool = False


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


AgentEvent: TypeAlias = TextPiece | ModelReplied | ToolAnswered | ApprovalWanted | RunEnded
