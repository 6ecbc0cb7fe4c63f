"""What goes into a context window beside plain text, and what comes out."""

from __future__ import annotations

from dataclasses import dataclass

from deskmind.prompts.decision import WindowDecision
from deskmind.prompts.messages import Message

__all__ = ["FittedContext", "NumberedPassage"]


@dataclass(frozen=True, slots=True)
class NumberedPassage:
    """A passage that an answer cites by its number.

    Attributes:
        number: what a citation says; stays the same whatever else is dropped.
        text: of the passage.
        score: higher is better; the lowest are dropped first.
        title: of its document.
    """

    number: int
    text: str
    score: float = 0.0
    title: str = ""

    def rendered(self) -> str:
        """As it stands in a message: the number is never apart from its text."""
        return f"[{self.number}] {self.title}\n{self.text}" if self.title else f"[{self.number}] {self.text}"


@dataclass(frozen=True, slots=True)
class FittedContext:
    """What fits.

    Attributes:
        messages: ready for a model; the last one ends with the question.
        memory: the memories kept, in the order given.
        passages: the passages kept, in the order given.
        history: the turns kept, oldest first.
        summary: what stands for older turns; empty when none are missing.
        decision: what was kept and dropped, and the tokens of each part.
    """

    messages: tuple[Message, ...]
    memory: tuple[str, ...]
    passages: tuple[NumberedPassage, ...]
    history: tuple[Message, ...]
    summary: str
    decision: WindowDecision
