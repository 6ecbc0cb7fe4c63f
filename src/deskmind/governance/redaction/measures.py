"""How much is redacted, as metrics: by type and by what became of it, never what it was."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Literal

from deskmind.governance.redaction.entities import EntityType
from deskmind.observability.instruments import REDACTIONS, counter
from deskmind.observability.metering import Labels, labels

__all__ = ["Direction", "count_redactions"]

Direction = Literal["sent", "restored", "refused", "stored"]

_redactions = counter(REDACTIONS)


def count_redactions(direction: Direction, counts: Mapping[EntityType, int]) -> None:
    """Count values by type.

    Args:
        direction: ``sent`` for what was replaced on its way to a model, ``restored`` for what was put back into a reply,
            ``refused`` for requests that the policy refused, ``stored`` for what was masked on its way into the knowledge.
        counts: places by type.
    """
    for entity, count in counts.items():
        _redactions.add(count, _labels(direction, entity))


@cache
def _labels(direction: Direction, entity: EntityType) -> Labels:
    return labels({"deskmind.entity": str(entity), "deskmind.direction": direction})
