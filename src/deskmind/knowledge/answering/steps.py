"""How-to questions: the steps of one list, in their order, instead of the most similar sentences from anywhere."""

from __future__ import annotations

import re
from collections.abc import Sequence

from deskmind.knowledge.sentences import Unit

__all__ = ["asks_how", "numbered_lists", "window"]

_HOW = re.compile(
    r"\bhow (?:do|does|can|could|should|would|must|may) (?:i|we|you|one|they|he|she|someone|a|an|the|my|our)\b"
    r"|\bhow to\b|\b(?:what|which) (?:are the )?steps\b|\bstep by step\b"
    r"|\bwhat (?:do|should|must|can) (?:i|we|one) (?:have to |need to )?do\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(\d{1,3})[.)]\s")


def asks_how(question: str) -> bool:
    """Whether a question asks for a way to do something.

    >>> asks_how("Every other label is empty, how do I calibrate the printer?")
    True
    >>> asks_how("How long is a token valid?")
    False
    """
    return _HOW.search(question) is not None


def numbered_lists(units: Sequence[Unit]) -> list[list[int]]:
    """The ordered lists of a passage: for each the indices of its steps, numbered one after the other; two at least.

    What stands between steps, such as a note or a list within a step, belongs to none.
    """
    lists: list[list[int]] = []
    awaiting: dict[
        int, list[list[int]]
    ] = {}  # by the number that comes next; a list inside a step comes last
    for index, unit in enumerate(units):
        number = _number(unit)
        if number is None:
            continue
        begun = awaiting.get(number)
        steps = begun.pop() if begun else []
        if not steps:
            lists.append(steps)
        steps.append(index)
        awaiting.setdefault(number + 1, []).append(steps)
    return [steps for steps in lists if len(steps) > 1]


def window(sizes: Sequence[int], best: int, *, most: int, words: int) -> range:
    """The steps to tell: as early as possible, with the one that fits best, as many as fit.

    Args:
        sizes: words of each step.
        best: the step that has to be told.
        most: steps at most.
        words: words together at most; the best step alone may have more.
    """
    for start in range(max(0, best - most + 1), best + 1):
        end, left = start, words
        while end < len(sizes) and end - start < most and sizes[end] <= left:
            left -= sizes[end]
            end += 1
        if end > best:
            return range(start, end)
    return range(best, best + 1)


def _number(unit: Unit) -> int | None:
    found = _NUMBER.match(unit.text) if unit.kind == "item" else None
    return int(found[1]) if found else None
