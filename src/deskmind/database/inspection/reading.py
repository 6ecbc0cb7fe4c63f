"""From rows of the catalogue to findings in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from deskmind.database.inspection.findings import Finding, Limits

__all__ = [
    "cache_and_age",
    "dead_rows",
    "facts",
    "foreign_keys",
    "long_transactions",
    "unused_indexes",
    "vacuum",
    "whole_table_reads",
]

Rows = Sequence[tuple[Any, ...]]
_MEBIBYTE = 2**20


def foreign_keys(rows: Rows) -> Iterator[Finding]:
    """Columns that refer to another table and that no index begins with."""
    for table, constraint, columns in rows:
        listed = ", ".join(columns)
        yield Finding(
            "foreign-key-without-index",
            table,
            f"No index begins with ({listed}): each delete in the table referred to reads {table} whole.",
            f"CREATE INDEX CONCURRENTLY ON {table} ({listed}).",
            {"constraint": constraint, "columns": list(columns)},
        )


def whole_table_reads(rows: Rows) -> Iterator[Finding]:
    """Large tables that are read whole."""
    for table, scans, read, index_scans, live in rows:
        yield Finding(
            "whole-table-reads",
            table,
            f"Read whole {scans} times, {read:,} rows; by index {index_scans} times.",
            "Find the statement above that reads it, and see with EXPLAIN which index it lacks.",
            {"scans": scans, "rows_read": read, "index_scans": index_scans, "rows": live},
        )


def unused_indexes(rows: Rows, since: datetime | None) -> Iterator[Finding]:
    """Indexes that nothing has used and that secure nothing."""
    when = f"since {since:%Y-%m-%d %H:%M}" if since else "since PostgreSQL counts"
    for index, table, size in rows:
        yield Finding(
            "unused-index",
            index,
            f"Not used {when}; {size / _MEBIBYTE:.1f} MiB on {table}.",
            "If the statistics cover a whole business cycle and no replica uses it: DROP INDEX CONCURRENTLY.",
            {"bytes": size, "table": table},
        )


def dead_rows(rows: Rows, limits: Limits) -> Iterator[Finding]:
    """Tables of which much is dead: the estimate of bloat that needs no look at the rows."""
    for table, live, dead, share, size, _ in rows:
        if share is not None and share >= limits.dead_share:
            yield Finding(
                "dead-rows",
                table,
                f"{share:.0%} of its rows are dead, about {size / _MEBIBYTE:.1f} MiB.",
                "VACUUM it; if it comes back, lower autovacuum_vacuum_scale_factor for this table.",
                {"live": live, "dead": dead, "share": share, "bytes": size},
            )


def vacuum(rows: Rows, limits: Limits) -> Iterator[Finding]:
    """Tables with dead rows that vacuum has not visited for long."""
    for table, _, dead, _, _, seconds in rows:
        if dead >= limits.rows and (seconds is None or seconds >= limits.vacuum_seconds):
            last = "never" if seconds is None else f"{seconds / 86_400:.1f} days ago"
            yield Finding(
                "vacuum-overdue",
                table,
                f"Last vacuumed {last}, {dead:,} rows are dead.",
                "See that autovacuum is on and no transaction below has been open for long; VACUUM it.",
                {"seconds": seconds, "dead": dead},
            )


def long_transactions(rows: Rows) -> Iterator[Finding]:
    """Transactions that have been open for long: vacuum cannot clean behind them."""
    for pid, login, state, seconds in rows:
        yield Finding(
            "long-transaction",
            f"session {pid}",
            f"{login} has had a transaction open for {seconds:.0f} s, {state}.",
            f"Find out whose it is; SELECT pg_terminate_backend({pid}) ends it.",
            {"pid": pid, "login": login, "state": state, "seconds": seconds},
        )


def cache_and_age(row: tuple[Any, ...], limits: Limits) -> Iterable[Finding]:
    """What concerns the database as a whole."""
    hit, read, size, age = row[:4]
    ratio = _ratio(hit, read)
    if ratio is not None and hit + read >= limits.page_reads and ratio < limits.hit_ratio:
        yield Finding(
            "cache-misses",
            "database",
            f"Memory answers {ratio:.1%} of page reads; the database has {size / _MEBIBYTE:,.0f} MiB.",
            "Raise shared_buffers and memory until what is used often fits.",
            {"hit_ratio": ratio, "bytes": size},
        )
    if age >= limits.transaction_age:
        yield Finding(
            "transaction-age",
            "database",
            f"The oldest row is {age:,} transactions old; at 2,000,000,000 the server stops writing.",
            "VACUUM FREEZE the database's oldest tables; find what keeps autovacuum from it.",
            {"age": age},
        )


def facts(row: tuple[Any, ...]) -> dict[str, Any]:
    """The figures that are shown whether they are good or bad."""
    hit, read, size, age, since, deadlocks, temporary, oldest_vacuum, version = row
    return {
        "server_version": version,
        "counted_since": since.isoformat() if since else None,
        "bytes": size,
        "hit_ratio": _ratio(hit, read),
        "transaction_age": age,
        "oldest_vacuum": oldest_vacuum.isoformat() if oldest_vacuum else None,
        "deadlocks": deadlocks,
        "temporary_bytes": temporary,
    }


def _ratio(hit: int, read: int) -> float | None:
    return hit / (hit + read) if hit + read else None
