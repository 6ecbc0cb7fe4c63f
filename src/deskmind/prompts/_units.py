"""What is kept or dropped as a whole: a passage, a memory, a turn, a tool's call with its result."""

from __future__ import annotations

from collections.abc import Sequence

from deskmind.prompts.messages import Message

__all__ = ["turn_units"]


def turn_units(turns: Sequence[Message]) -> tuple[list[tuple[int, ...]], list[int]]:
    """The turns as units of indices, oldest first, and the indices of orphans.

    A call and its results are in one unit with all that stands between them. An orphan is a result whose call is
    not there; it is in no unit. Linear in the turns.
    """
    ends, orphans = _calls(turns)
    units: list[tuple[int, ...]] = []
    index = 0
    while index < len(turns):
        last, seen = index, index
        while seen <= last:
            last = max(last, ends.get(seen, seen))
            seen += 1
        unit = tuple(position for position in range(index, last + 1) if position not in orphans)
        if unit:
            units.append(unit)
        index = last + 1
    return units, sorted(orphans)


def _calls(turns: Sequence[Message]) -> tuple[dict[int, int], set[int]]:
    """Where each call's last result is, and the results without a call."""
    calls: dict[str, int] = {}
    ends: dict[int, int] = {}
    orphans: set[int] = set()
    for index, turn in enumerate(turns):
        if turn.role == "tool_call":
            calls[turn.call_id] = index
        elif turn.role == "tool_result" and turn.call_id in calls:
            ends[calls[turn.call_id]] = index
        elif turn.role == "tool_result":
            orphans.add(index)
    return ends, orphans
