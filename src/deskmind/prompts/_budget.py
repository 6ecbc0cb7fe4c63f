"""How much one rendering may do: steps of loops, work on values, characters written."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

from deskmind.errors import PromptRenderError

__all__ = ["MAX_OUTPUT_CHARS", "MAX_STEPS", "counted", "handled", "searched", "spending", "wrote"]

MAX_STEPS = 10_000
MAX_OUTPUT_CHARS = 1_000_000
_MAX_WORK = 2_000_000
_CHARS_A_UNIT = 16
"""Text is copied and searched much faster than objects are walked."""


class _Budget:
    """What is left."""

    __slots__ = ("output", "steps", "work")

    def __init__(self) -> None:
        self.steps = MAX_STEPS
        self.output = MAX_OUTPUT_CHARS
        self.work = _MAX_WORK


_current: ContextVar[_Budget | None] = ContextVar("prompt_budget", default=None)


@contextmanager
def spending() -> Generator[None]:
    """One rendering: a fresh budget."""
    token = _current.set(_Budget())
    try:
        yield
    finally:
        _current.reset(token)


def counted(items: Iterable[Any], steps: int) -> Iterable[Any]:
    """The items of a loop; each takes as many steps as the loop's body is long."""
    budget = _current.get() or _Budget()
    for item in items:
        budget.steps -= steps
        if budget.steps < 0:
            raise PromptRenderError(
                "The prompt loops too often.",
                why=f"Its loops may take {MAX_STEPS:,} steps together; a long body takes several.",
            )
        yield item


def handled(value: Any) -> Any:
    """A value, after its outermost size was taken from the budget."""
    _work(_current.get() or _Budget(), _units(value))
    return value


def searched(value: Any) -> Any:
    """A value, after the size of all that is in it was taken from the budget.

    What is in it several times counts several times: so a list of lists of lists that holds one of them twice at
    each level, which is small, is refused before it is compared or written out, which would never end.
    """
    budget = _current.get() or _Budget()
    waiting = [value]
    while waiting:
        item = waiting.pop()
        _work(budget, _units(item))
        if isinstance(item, (list, tuple)):
            waiting.extend(cast("list[Any]", item))
        elif isinstance(item, dict):
            entries = cast("dict[Any, Any]", item)
            waiting.extend(entries)
            waiting.extend(entries.values())
    return value


def wrote(chars: int) -> None:
    """Take what was written from the budget."""
    budget = _current.get() or _Budget()
    budget.output -= chars
    if budget.output < 0:
        raise PromptRenderError(
            "The rendered prompt is too long.", why=f"At most {MAX_OUTPUT_CHARS:,} characters are written."
        )


def _work(budget: _Budget, units: int) -> None:
    budget.work -= units
    if budget.work < 0:
        raise PromptRenderError("The prompt works on too much data.")


def _units(value: Any) -> int:
    if isinstance(value, str):
        return 1 + len(value) // _CHARS_A_UNIT
    return 1 + len(cast("list[Any]", value)) if isinstance(value, (list, tuple, dict)) else 1
