"""Checks of the database server: its settings, its age, the way to it."""

from __future__ import annotations

import statistics
import time
from datetime import UTC, datetime

from deskmind.app import Deskmind
from deskmind.readiness.report import Check
from deskmind.scope import Scope

__all__ = ["archiving", "clock", "connections", "durability", "latency", "transaction_ids", "transport"]

_DURABLE = ("fsync", "full_page_writes", "synchronous_commit")
_LOSING = frozenset({"off", "local"})
_MAX_XID_AGE = 1_000_000_000
_MAX_CLOCK_SECONDS = 5.0
_MAX_LATENCY_MS = 50.0
_ROUNDS = 15

_PATH = """
SELECT coalesce(host(inet_server_addr()), ''), coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false),
       inet_server_addr() IS NULL OR inet_server_addr() <<= '127.0.0.0/8' OR inet_server_addr() = '::1'
"""
_AGE = "SELECT max(age(datfrozenxid)) FROM pg_database"
_CONNECTIONS = """
SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
"""
_ARCHIVER = """
SELECT current_setting('archive_mode'), archived_count, failed_count, last_archived_time, last_failed_time
  FROM pg_stat_archiver
"""


async def _row(app: Deskmind, statement: str) -> tuple[object, ...]:
    async with app.database.transaction(Scope.directory()) as connection:
        row = await (await connection.execute(statement.encode())).fetchone()
    assert row is not None
    return row


async def transport(app: Deskmind) -> Check:
    """What goes to the database over a network is encrypted."""
    address, encrypted, near = await _row(app, _PATH)
    evidence = {"server": address or "socket", "encrypted": encrypted}
    if near:
        return Check("transport", "green", "The database is on this machine.", evidence=evidence)
    if encrypted:
        return Check("transport", "green", f"Connections to {address} are encrypted.", evidence=evidence)
    return Check(
        "transport",
        "red",
        f"Connections to {address} are not encrypted.",
        "Add sslmode=verify-full to database.url, and TLS to the server.",
        evidence,
    )


async def durability(app: Deskmind) -> Check:
    """What was committed survives a crash of the server."""
    names = ", ".join(f"current_setting('{name}')" for name in _DURABLE)
    evidence: dict[str, str] = dict(zip(_DURABLE, map(str, await _row(app, f"SELECT {names}")), strict=True))
    losing = [name for name, value in evidence.items() if value in _LOSING]
    if losing:
        return Check(
            "durability",
            "red",
            f"The server may lose what was committed: {', '.join(losing)} is off.",
            "Set it to on in the server's configuration.",
            evidence,
        )
    return Check(
        "durability", "green", "What is committed survives a crash of the server.", evidence=evidence
    )


async def transaction_ids(app: Deskmind) -> Check:
    """Vacuum keeps up, so that the server does not run out of transaction ids."""
    (age,) = await _row(app, _AGE)
    assert isinstance(age, int)
    evidence = {"oldest_age": age, "most": _MAX_XID_AGE}
    if age > _MAX_XID_AGE:
        return Check(
            "transaction ids",
            "red",
            f"The oldest database is {age:,} transactions behind vacuum; the server stops near 2,100,000,000.",
            "Find what holds vacuum back: `deskmind database slow`.",
            evidence,
        )
    return Check("transaction ids", "green", f"The oldest age is {age:,} transactions.", evidence=evidence)


async def connections(app: Deskmind) -> Check:
    """The server has room for one more process of this application."""
    used, most = await _row(app, _CONNECTIONS)
    assert isinstance(used, int)
    assert isinstance(most, int)
    wanted = app.settings.database.pool_max
    evidence = {"used": used, "most": most, "pool_max": wanted}
    finding = f"{used} of {most} connections of the server are in use; a process takes up to {wanted}."
    if most - used < wanted:
        return Check(
            "connections", "red", finding, "Raise max_connections, or put a pooler in between.", evidence
        )
    return Check("connections", "green", finding, evidence=evidence)


async def clock(app: Deskmind) -> Check:
    """Both clocks agree: scopes and keys end by them."""
    before = datetime.now(UTC)
    (theirs,) = await _row(app, "SELECT clock_timestamp()")
    after = datetime.now(UTC)
    assert isinstance(theirs, datetime)
    apart = max((before - theirs).total_seconds(), (theirs - after).total_seconds(), 0.0)
    evidence = {"seconds_apart": round(apart, 3), "most": _MAX_CLOCK_SECONDS}
    if apart > _MAX_CLOCK_SECONDS:
        return Check(
            "clock",
            "red",
            f"The clocks of this machine and the database are {apart:.1f} s apart.",
            "Let both follow the same time servers.",
            evidence,
        )
    return Check("clock", "green", f"The clocks are {apart:.1f} s apart.", evidence=evidence)


async def archiving(app: Deskmind) -> Check:
    """Where the server archives its write-ahead log, the newest attempt succeeded."""
    mode, archived, failed, archived_at, failed_at = await _row(app, _ARCHIVER)
    evidence = {
        "archive_mode": mode,
        "archived": archived,
        "failed": failed,
        "last_archived": _shown(archived_at),
        "last_failed": _shown(failed_at),
    }
    if mode == "off":
        return Check(
            "archiving",
            "not assessed",
            "The server does not archive its write-ahead log; whether something else does is not known here.",
            "Back up with archiving, or accept losing what was written since the last backup.",
            evidence,
        )
    if isinstance(failed_at, datetime) and (not isinstance(archived_at, datetime) or failed_at > archived_at):
        return Check(
            "archiving",
            "red",
            f"The newest segment of the write-ahead log could not be archived, at {failed_at.isoformat()}.",
            "See the server's log for what archive_command said.",
            evidence,
        )
    return Check("archiving", "green", f"{archived} segments were archived.", evidence=evidence)


async def latency(app: Deskmind) -> Check:
    """A transaction with a scope, there and back, is quick."""
    taken: list[float] = []
    for _ in range(_ROUNDS):
        begun = time.perf_counter()
        await _row(app, "SELECT 1")
        taken.append((time.perf_counter() - begun) * 1000)
    median, slowest = statistics.median(taken), max(taken)
    evidence = {
        "transactions": _ROUNDS,
        "median_ms": round(median, 2),
        "slowest_ms": round(slowest, 2),
        "most_ms": _MAX_LATENCY_MS,
    }
    finding = f"A transaction takes {median:.1f} ms (median of {_ROUNDS}), the slowest took {slowest:.1f} ms."
    if median > _MAX_LATENCY_MS:
        return Check(
            "database latency", "red", finding, "Run Deskmind near the database, or relieve it.", evidence
        )
    return Check("database latency", "green", finding, evidence=evidence)


def _shown(time: object) -> str | None:
    return time.isoformat() if isinstance(time, datetime) else None
