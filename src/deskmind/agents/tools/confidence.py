"""How sure a change of a ticket is by the tenant's triage, for rules of the policy that look at it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from deskmind.connectors import Ticket
from deskmind.errors import MissingExtraError, NotFoundError, PermissionDeniedError

if TYPE_CHECKING:
    from deskmind.desk import Desk
    from deskmind.triage import Guess

__all__ = ["confidence_of", "is_asked"]

_TARGETS = {"category": "category", "priority": "priority", "group": "assignment_group"}
"""What triage predicts, by the name of the value that is written."""


def is_asked(desk: Desk) -> bool:
    """Whether a rule of the policy looks at confidence."""
    return any(rule.confidence > 0 for rule in desk.agent_settings.approvals)


async def confidence_of(
    desk: Desk, ticket: Ticket, values: Mapping[str, Any], names: Mapping[str, str]
) -> float | None:
    """The chance, 0 to 1, that people would have chosen each of these values for the ticket, the least of them.

    None where a value is none that triage predicts, the tenant has no triage model, or the user may not use it.

    Args:
        desk: the user's.
        ticket: as it is now.
        values: that are written.
        names: of what the vendor names by ids, by id.
    """
    if not values or not values.keys() <= _TARGETS.keys():
        return None
    text = "\n".join(part for part in (ticket.title, ticket.description) if part)
    try:
        (said,) = await desk.triage.predict([text])
    except (NotFoundError, MissingExtraError, PermissionDeniedError):
        return None
    guesses = [(said.guesses.get(_TARGETS[name]), str(value)) for name, value in values.items()]
    return min(0.0 if guess is None else _chance(guess, names.get(value, value)) for guess, value in guesses)


def _chance(guess: Guess, value: str) -> float:
    told = [(guess.label, guess.confidence), *guess.alternatives]
    return min(sum(chance for label, chance in told if _means(label, value)), 1.0)


def _means(label: str, value: str) -> bool:
    """Labels are what people see: ``Network / VPN`` of a category, ``2 - High`` of a priority."""
    shown, wanted = label.casefold(), value.casefold()
    return wanted in (shown, shown.partition(" / ")[0], shown.partition(" - ")[0])
