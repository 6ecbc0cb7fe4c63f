"""How much privacy work is done, as metrics: never whose."""

from __future__ import annotations

from collections.abc import Mapping

from deskmind.governance.privacy.stores import Counts
from deskmind.observability.instruments import PRIVACY_REMOVED, counter
from deskmind.observability.metering import labels

__all__ = ["count_erasure", "count_expired"]

_removed = counter(PRIVACY_REMOVED)
_HOW = ("erased", "masked", "pseudonymised")
_labels = {how: labels({"deskmind.removal": how}) for how in (*_HOW, "expired")}


def count_erasure(stores: Mapping[str, Counts]) -> None:
    """Count what an erasure did in all stores."""
    for counts in stores.values():
        for how in _HOW:
            if counts.get(how):
                _removed.add(counts[how], _labels[how])


def count_expired(rows: int) -> None:
    """Count what a retention policy removed."""
    if rows:
        _removed.add(rows, _labels["expired"])
