"""How much one rendering may do: steps of loops, characters handled, characters written."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

from deskmind.errors import PromptRenderError

__all__ = ["MAX_OUTPUT_CHARS", "MAX_STEPS", "Budget", "counted", "handled", "spending", "wrote"]

MAX_STEPS = 10_000
MAX_OUTPUT_CHARS = 1_000_000
_MAX_HANDLED_CHARS = 20_000_000


class Budget:
    """What is left."""

    __slots__ = ("handled", "output", "steps")

    def __init__(self) -> None:
        self.steps = MAX_STEPS
        self.output = MAX_OUTPUT_CHARS
        self.handled = _MAX_HANDLED_CHARS


_current: ContextVar[Budget | None] = ContextVar("prompt_budget", default=None)


@contextmanager
def spending() -> Generator[None]:
    """One rendering: a fresh budget."""
    token = _current.set(Budget())
    try:
        yield
    finally:
        _current.reset(token)


def counted(items: Iterable[Any]) -> Iterable[Any]:
    """The items of a loop, each a step."""
    budget = _current.get() or Budget()
    for item in items:
        budget.steps -= 1
        if budget.steps < 0:
            raise PromptRenderError(
                "The prompt loops too often.", why=f"Its loops may take {MAX_STEPS:,} steps together."
            )
        yield item


def handled(value: Any) -> Any:
    """A value that an operator or filter made, after its size was taken from the budget."""
    budget = _current.get() or Budget()
    budget.handled -= 1 + _size(value)
    if budget.handled < 0:
        raise PromptRenderError("The prompt handles too much text.")
    return value


def _size(value: Any) -> int:
    return len(cast("str", value)) if isinstance(value, (str, list)) else 0


def wrote(chars: int) -> None:
    """Take what was written from the budget."""
    budget = _current.get() or Budget()
    budget.output -= chars
    if budget.output < 0:
        raise PromptRenderError(
            "The rendered prompt is too long.", why=f"At most {MAX_OUTPUT_CHARS:,} characters are written."
        )
