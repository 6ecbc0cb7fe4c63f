"""Metrics of memory."""

from __future__ import annotations

from deskmind.observability.instruments import MEMORY_CHANGES, MEMORY_RECALLS, counter
from deskmind.observability.metering import labels

__all__ = ["count_change", "count_recall"]

_recalls = counter(MEMORY_RECALLS)
_changes = counter(MEMORY_CHANGES)
_found = {name: labels({"deskmind.outcome": name}) for name in ("found", "nothing")}
_outcomes = {
    name: labels({"deskmind.outcome": name})
    for name in ("added", "superseded", "known", "refused", "corrected", "forgotten", "failed")
}


def count_recall(memories: int) -> None:
    """A question was asked of memory."""
    _recalls.add(1, _found["found" if memories else "nothing"])


def count_change(outcome: str, memories: int = 1) -> None:
    """Memories were made, refused or removed."""
    if memories:
        _changes.add(memories, _outcomes[outcome])
