"""What an inspection says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Finding", "Inspection", "Limits", "Statement", "Unseen"]


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on something is worth a person's time.

    Attributes:
        statements: how many of the slowest statements are shown.
        rows: tables with fewer rows are never too large to be read whole.
        scans: reads of a whole table before they count.
        index_bytes: unused indexes smaller than this are let be.
        dead_share: of a table's rows, 0 to 1.
        hit_ratio: of page reads that memory answers, 0 to 1.
        page_reads: reads before the hit ratio says something.
        transaction_seconds: how long a transaction may be open.
        vacuum_seconds: how long a table with dead rows may be without vacuum.
        transaction_age: of the oldest row that is not frozen; the server stops at two thousand million.
    """

    statements: int = 20
    rows: int = 10_000
    scans: int = 50
    index_bytes: int = 10 * 2**20
    dead_share: float = 0.2
    hit_ratio: float = 0.9
    page_reads: int = 10_000
    transaction_seconds: float = 300.0
    vacuum_seconds: float = 7 * 86_400.0
    transaction_age: int = 500_000_000


@dataclass(frozen=True, slots=True)
class Statement:
    """One normalised statement since the statistics were last reset; times in milliseconds.

    Attributes:
        text: with ``$1``, ``$2`` … in place of values.
        login: the role that ran it.
        hit_ratio: of its page reads that memory answered, None where it read none.
    """

    text: str
    login: str
    calls: int
    total_ms: float
    mean_ms: float
    max_ms: float
    rows: int
    hit_ratio: float | None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to look at.

    Attributes:
        kind: ``foreign-key-without-index``, ``whole-table-reads``, ``unused-index``, ``dead-rows``, ``cache-misses``,
            ``long-transaction``, ``vacuum-overdue``, ``transaction-age``.
        subject: a table, an index, a session.
        what: in words.
        remedy: what to do.
        figures: the same in numbers.
    """

    kind: str
    subject: str
    what: str
    remedy: str
    figures: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Unseen:
    """A part of the inspection that could not be made, and why."""

    part: str
    why: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """The whole of it.

    Attributes:
        seen_as: the role that looked.
        facts: hit ratio, size, ages, since when PostgreSQL counts.
    """

    seen_as: str
    facts: Mapping[str, Any]
    statements: tuple[Statement, ...]
    findings: tuple[Finding, ...]
    unseen: tuple[Unseen, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)
