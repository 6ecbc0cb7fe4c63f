"""What is done with each kind of data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from deskmind.errors import InvalidRequestError
from deskmind.governance.redaction.entities import EntityType

__all__ = ["Action", "RedactionPolicy"]


class Action(StrEnum):
    """What is done with a finding."""

    MASK = "mask"
    PLACEHOLDER = "placeholder"
    HASH = "hash"
    ALLOW = "allow"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class RedactionPolicy:
    """An action for each type.

    ``placeholder`` is reversible within a session, ``mask`` and ``hash`` are not; ``hash`` lets equal values be told from
    others without showing them; ``block`` refuses the whole text.

    Attributes:
        actions: by type, where it differs from the default.
        default: for every other type.
        least: findings below this score are left alone, 0 to 1.
    """

    actions: Mapping[EntityType, Action] = field(default_factory=dict[EntityType, Action])
    default: Action = Action.PLACEHOLDER
    least: float = 0.4

    def action(self, entity: EntityType) -> Action:
        """The action for a type."""
        return self.actions.get(entity, self.default)

    @classmethod
    def parse(
        cls, actions: Mapping[str, str], *, default: str = "placeholder", least: float = 0.4
    ) -> RedactionPolicy:
        """From names, as in settings: ``{"PERSON": "mask"}``.

        Raises:
            InvalidRequestError: a type or an action is not known.
        """
        return cls(
            {_type(name): _action(action) for name, action in actions.items()},
            default=_action(default),
            least=least,
        )


def _type(name: str) -> EntityType:
    try:
        return EntityType(name.upper())
    except ValueError:
        raise _unknown("type of personal data", name, [str(entity) for entity in EntityType]) from None


def _action(name: str) -> Action:
    try:
        return Action(name.lower())
    except ValueError:
        raise _unknown("action", name, [str(action) for action in Action]) from None


def _unknown(what: str, name: str, known: list[str]) -> InvalidRequestError:
    return InvalidRequestError(f"'{name}' is not a known {what}.", remedy=f"Known: {', '.join(known)}.")
