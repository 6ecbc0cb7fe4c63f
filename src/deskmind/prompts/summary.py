"""What stands for old turns that no longer fit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from deskmind.prompts.messages import Message
from deskmind.prompts.tokens import TokenCounter

__all__ = ["DropMarker", "FirstSentences", "Summariser", "cut_to"]


class Summariser(Protocol):
    """Makes one text of the summary so far and turns that are left out."""

    @property
    def tokens(self) -> int:
        """The room to keep for a summary, in tokens."""
        ...

    async def summarise(self, turns: Sequence[Message], *, previous: str, max_tokens: int) -> str:
        """The new summary.

        Args:
            turns: the turns left out, oldest first.
            previous: the summary of what came before them; may be empty.
            max_tokens: a longer text is cut.
        """
        ...


class DropMarker:
    """Says how many turns are missing, and keeps an existing summary. Needs no model."""

    def __init__(self, tokens: int = 64) -> None:
        self._tokens = tokens

    @property
    def tokens(self) -> int:
        """The room for the marker and an existing summary."""
        return self._tokens

    async def summarise(self, turns: Sequence[Message], *, previous: str, max_tokens: int) -> str:
        """``[12 earlier turns left out]``, after the summary so far."""
        marker = f"[{len(turns)} earlier turn{'s' if len(turns) != 1 else ''} left out]"
        return f"{marker}\n{previous}" if previous else marker


class FirstSentences:
    """The first sentence of what people and the assistant said. Needs no model."""

    def __init__(self, tokens: int = 256, *, chars: int = 160) -> None:
        self._tokens = tokens
        self._chars = chars

    @property
    def tokens(self) -> int:
        """The room for the sentences."""
        return self._tokens

    async def summarise(self, turns: Sequence[Message], *, previous: str, max_tokens: int) -> str:
        """The newest first, so that what is cut off at the end is the oldest."""
        said = [turn for turn in turns if turn.role in {"user", "assistant"}]
        lines = [f"{turn.role}: {_first_sentence(turn.content, self._chars)}" for turn in reversed(said)]
        return "\n".join(
            [f"Earlier, newest first ({len(turns)} turns):", *lines, *([previous] if previous else [])]
        )


def _first_sentence(text: str, chars: int) -> str:
    line = " ".join(text.split())
    end = re.search(r"[.!?。！？](?=\s|$)", line)
    sentence = line[: end.end()] if end else line
    return sentence if len(sentence) <= chars else sentence[: chars - 1].rstrip() + "…"


def cut_to(text: str, counter: TokenCounter, tokens: int) -> str:
    """The longest beginning that is counted as no more than ``tokens``, with a mark where it was cut."""
    if counter.count(text) <= tokens:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if counter.count(text[:middle] + "…") <= tokens else (low, middle - 1)
    return text[:low].rstrip() + "…" if low else ""
