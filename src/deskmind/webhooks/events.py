"""The types of events, and patterns of them that a webhook wants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from deskmind.errors import InvalidRequestError

__all__ = ["EVENT_TYPES", "TEST", "check_patterns"]

TEST: Final = "webhook.test"

EVENT_TYPES: Final[dict[str, str]] = {
    "approval.requested": "an agent proposes something that a person decides on",
    "approval.escalated": "nobody decided in agents.escalate_hours",
    "approval.decided": "a proposal was approved or rejected",
    "approval.expired": "nobody decided in agents.approval_hours",
    "run.waiting": "a run of an agent or a workflow waits for a person, a time or another run",
    "run.done": "a run came to its end",
    "run.failed": "a run failed",
    "run.cancelled": "somebody ended a run",
    "ticket.written": "a connected system has what was sent to it",
    "ticket.uncertain": "what was sent to a connected system may be there or not: a person has to look",
    "sync.finished": "a connected system was read",
    "sync.failed": "a connected system could not be read, or not all of it",
    "budget.threshold": "a share of a budget is used",
    "document.stored": "a document was taken in or replaced",
    "document.deleted": "a document was removed",
    "memory.changed": "something is remembered, corrected, pinned or forgotten",
    TEST: "somebody tries a webhook",
}
"""With what each says. Events carry identifiers, names of kinds, counts and links; no content, no personal data."""


def check_patterns(patterns: Sequence[str]) -> list[str]:
    """The patterns, each once, in order.

    Raises:
        InvalidRequestError: there is none, or one fits no type.
    """
    found = list(dict.fromkeys(patterns))
    for pattern in found:
        known = pattern == "*" or pattern in EVENT_TYPES
        whole = pattern.endswith(".*") and any(one.startswith(pattern[:-1]) for one in EVENT_TYPES)
        if not known and not whole:
            raise InvalidRequestError(
                f"There is no type of event '{pattern[:80]}'.",
                why="A type is such as run.failed; run.* is all that begin so, * is all.",
                remedy="`deskmind webhooks types` lists them.",
            )
    if not found:
        raise InvalidRequestError(
            "The webhook would be told of nothing.", remedy="Name types of events, or * for all."
        )
    return found
