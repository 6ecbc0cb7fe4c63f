"""What a call of a tool is answered with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID

from deskmind.errors import DeskmindError, PermissionDeniedError

if TYPE_CHECKING:
    from deskmind.agents.proposals import Proposed
    from deskmind.agents.safety.guard import Refusal

__all__ = ["Answer", "edited", "failed", "refused"]


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of one call.

    Attributes:
        outcome: ``ok``, ``refused``, ``failed`` or ``unknown``.
        text: as the model gets it.
        tainted: whether others wrote it.
        readers: access lists of what it draws on.
        rule: that refused it.
    """

    outcome: str
    text: str
    tainted: bool = False
    readers: frozenset[UUID] = frozenset()
    rule: str = ""


def refused(refusal: Refusal) -> Answer:
    """The answer of a call that a rule refuses."""
    return Answer("refused", refusal.text, rule=refusal.rule)


def failed(error: BaseException) -> Answer:
    """The answer of a call that did not succeed."""
    if isinstance(error, PermissionDeniedError):
        return Answer("refused", f"{error.what} {error.why}".strip())
    if isinstance(error, DeskmindError):
        return Answer("failed", " ".join(part for part in (error.what, error.why, error.remedy) if part))
    return Answer("failed", "The tool failed.")


def edited(proposal: Proposed, answer: Answer) -> Answer:
    """The answer, with what an approver changed."""
    names = sorted({name for edit in proposal.edits for name in edit["after"]})
    if not names:
        return answer
    return replace(answer, text=f"A person changed before it was done: {', '.join(names)}. {answer.text}")
