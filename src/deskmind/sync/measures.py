"""Metrics of synchronisation."""

from __future__ import annotations

from typing import Literal

from deskmind.connectors.model import Kind
from deskmind.observability.instruments import SYNC_DURATION, SYNC_RECORDS, counter, histogram
from deskmind.observability.metering import labels
from deskmind.sync.storing import Counted

__all__ = ["Outcome", "count_records", "known_vendor", "measure_run"]

Outcome = Literal["ok", "partial", "error"]

_records = counter(SYNC_RECORDS)
_duration = histogram(SYNC_DURATION)


def count_records(kind: Kind, counted: Counted) -> None:
    """Count records by what became of them."""
    given = (
        ("added", counted.added),
        ("changed", counted.changed),
        ("unchanged", counted.unchanged),
        ("gone", counted.gone),
        ("failed", counted.failed),
    )
    for outcome, count in given:
        if count:
            _records.add(count, labels({"deskmind.kind": str(kind), "deskmind.outcome": outcome}))


def known_vendor(vendor: str) -> str:
    """A vendor as a label."""
    return vendor if vendor in {"servicenow", "jira", "freshservice"} else "other"


def measure_run(vendor: str, outcome: Outcome, seconds: float) -> None:
    """Record how long a run took and how it ended."""
    _duration.record(seconds, labels({"deskmind.vendor": known_vendor(vendor), "deskmind.outcome": outcome}))
