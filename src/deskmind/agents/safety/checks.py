"""Guardrails of output: checks of what an agent says or writes, each a function that gives a reason to refuse it.

One's own is registered with ``app.register_check(name, check)`` and named by agents: ``desk.agent(…, checks=["grounding"])``.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from deskmind.agents.safety.disguises import unveiled
from deskmind.governance.redaction import EntityType

if TYPE_CHECKING:
    from deskmind.governance.redaction import Redactor

__all__ = ["BUILT_IN_CHECKS", "Check", "CheckedText", "grounding", "leakage"]

_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_WORD = re.compile(r"\w+", re.UNICODE)
_NAMED = re.compile(r"[\w.:/-]*\d[\w.:/-]*")
_NUMBERED = re.compile(r"^\s*\d{1,2}[.)]\s+", re.MULTILINE)
_LEAST_WORDS = 5
_LEAST_SHARE = 0.5
_SHINGLE = 60


@dataclass(frozen=True, slots=True)
class CheckedText:
    """A text before anybody gets it.

    Attributes:
        text: what would be said or written.
        where: the ``answer`` to the user, or a ``write``.
        sources: what the run was given and has read: the prompt, texts with it, results of tools.
        instructions: the agent's.
        redactor: what finds personal data and secrets of the tenant.
    """

    text: str
    where: Literal["answer", "write"]
    sources: tuple[str, ...] = field(repr=False)
    instructions: str = field(repr=False)
    redactor: Redactor = field(repr=False)


Check = Callable[[CheckedText], Awaitable[str | None]]
"""Gives why a text is refused, in words for the model; None where it passes."""


async def leakage(checked: CheckedText) -> str | None:
    """Refuse secrets, in disguise too, and a passage of the agent's instructions."""
    for version in unveiled(checked.text):
        found = {one.type for one in checked.redactor.find(version)}
        if found & {EntityType.SECRET, EntityType.PASSWORD}:
            return "It holds a secret."
    told = " ".join(checked.instructions.split())
    said = " ".join(checked.text.split())
    starts = range(0, max(len(told) - _SHINGLE, 0) + 1, _SHINGLE // 4)
    if len(told) >= _SHINGLE and any(told[start : start + _SHINGLE] in said for start in starts):
        return "It repeats the instructions."
    return None


async def grounding(checked: CheckedText) -> str | None:
    """Refuse a sentence that no text which was read supports: half of its words, and each number or name with digits.

    It compares words and proves no meaning: it finds what was made up out of nothing, not what was misunderstood.
    """
    sources = [frozenset(_words(one)) for one in checked.sources]
    known = {named for one in checked.sources for named in _named(one)}
    for sentence in _SENTENCE.split(_NUMBERED.sub("", checked.text)):
        if strange := [named for named in _named(sentence) if named not in known]:
            return f"No text that was read says '{strange[0][:40]}'."
        words = frozenset(_words(sentence))
        if len(words) >= _LEAST_WORDS and not any(_share(words, one) >= _LEAST_SHARE for one in sources):
            return f"No text that was read supports '{sentence[:60]}'."
    return None


BUILT_IN_CHECKS: Mapping[str, Check] = MappingProxyType({"grounding": grounding, "leakage": leakage})


def _named(text: str) -> list[str]:
    """Numbers, and names with digits in them."""
    return [named.casefold().strip(".:/-") for named in _NAMED.findall(text)]


def _words(text: str) -> list[str]:
    return [word for word in _WORD.findall(text.casefold()) if len(word) > 3]


def _share(words: frozenset[str], source: frozenset[str]) -> float:
    return len(words & source) / len(words)
