"""Following a run: what of it has been told, as a text that whoever follows gives back to go on.

Nothing is kept between two connections, which may be with two processes, and steps that are tried again leave no trace
of their earlier state. So a place says what has been told: the state of each step, and of the run. ``r;1:12!d1,13!r2``
is: steps 1 to 12 are done at the first attempt, 13 runs at the second, the run is running.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from urllib.parse import quote, unquote

from deskmind.agents.workflows.run import RunEvent, WorkflowRunDetails
from deskmind.errors import InvalidRequestError

__all__ = ["Told"]

_STATES = {
    "queued": "q",
    "running": "r",
    "waiting": "w",
    "paused": "p",
    "done": "d",
    "failed": "f",
    "cancelled": "c",
    "": "",
}
_LETTERS = {letter: state for state, letter in _STATES.items()}
_MOST_STEPS = 100_000


class Told:
    """What whoever follows a run knows of it."""

    def __init__(self) -> None:
        self._steps: dict[str, str] = {}
        self._run = ""

    @classmethod
    def after(cls, place: str) -> Told:
        """What was told up to a place; nothing for an empty one.

        Raises:
            InvalidRequestError: it is none.
        """
        told = cls()
        run, _, steps = place.partition(";")
        try:
            told._run = _LETTERS[run]
            for group in filter(None, steps.split(",")):
                names, _, state = group.rpartition("!")
                told._steps.update(dict.fromkeys(_paths(names, _MOST_STEPS - len(told._steps)), state))
        except (ValueError, KeyError) as error:
            raise InvalidRequestError(
                "This is no place in what happened in a run.",
                remedy="Give the id of an event of this run as Last-Event-ID, or none to begin with the first.",
            ) from error
        return told

    @property
    def place(self) -> str:
        """As a text of printable ASCII."""
        groups = groupby(enumerate(self._steps.items()), key=_in_a_row)
        return f"{_STATES[self._run]};{','.join(_group([item for _, item in group]) for _, group in groups)}"

    def news(self, found: WorkflowRunDetails) -> Iterator[RunEvent]:
        """What is new in a run, which has been told with this."""
        for step in found.steps:
            state = f"{_STATES[step.state]}{step.attempts}"
            if self._steps.get(step.path) != state:
                self._steps[step.path] = state
                yield RunEvent(found.run, step, self.place)
        if found.run.state != self._run:
            self._run = found.run.state
            yield RunEvent(found.run, None, self.place)


def _in_a_row(item: tuple[int, tuple[str, str]]) -> tuple[object, str]:
    """The same for steps that follow each other and are in the same state."""
    number, (path, state) = item
    return (int(path) - number if path.isdecimal() else path), state


def _group(steps: list[tuple[str, str]]) -> str:
    (first, state), (last, _) = steps[0], steps[-1]
    names = quote(first, safe="") if first == last else f"{first}:{last}"
    return f"{names}!{state}"


def _paths(names: str, most: int) -> list[str]:
    first, separator, last = names.partition(":")
    if not separator:
        return [unquote(first)]
    if int(last) - int(first) >= most:
        raise ValueError(names)
    return [str(number) for number in range(int(first), int(last) + 1)]
