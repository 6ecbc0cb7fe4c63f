"""The checks of connected systems: what is read from them, and what is written to them."""

from __future__ import annotations

from deskmind.app import Deskmind
from deskmind.readiness.report import Check
from deskmind.sync.health import STATES, read_health
from deskmind.writes.health import STATES as LOOKERS
from deskmind.writes.health import read_unknown

__all__ = ["synchronisation", "writes"]


async def synchronisation(app: Deskmind) -> Check:
    """Connected systems are read in time."""
    health = await read_health(app.database)
    counts = {state: sum(one.connections for one in health if one.state == state) for state in STATES}
    lags = [one.lag_seconds for one in health if one.lag_seconds is not None]
    evidence = {**counts, "most_lag_seconds": round(max(lags), 1) if lags else None}
    if not health:
        return Check("synchronisation", "not assessed", "No system is connected.", evidence=evidence)
    finding = f"{', '.join(f'{count} {state}' for state, count in counts.items() if count)}, of all tenants."
    if counts["failing"] or counts["lagging"]:
        return Check(
            "synchronisation",
            "red",
            finding,
            "`deskmind sync status --tenant …` tells why; docs/runbooks.md what to do.",
            evidence,
        )
    return Check("synchronisation", "green", finding, evidence=evidence)


async def writes(app: Deskmind) -> Check:
    """What was written to connected systems is known to be there, or not to be."""
    unknown = await read_unknown(app.database)
    counts = {state: sum(one.writes for one in unknown if one.state == state) for state in LOOKERS}
    oldest = max((one.oldest_seconds for one in unknown), default=0.0)
    evidence = {**counts, "oldest_seconds": round(oldest, 1)}
    if counts["person"]:
        return Check(
            "writes",
            "red",
            f"Of {counts['person']} writes nobody knows whether they were done; workers have given up looking.",
            "`deskmind writes list --state uncertain --state sending --tenant …` names them; docs/runbooks.md what to do.",
            evidence,
        )
    return Check(
        "writes", "green", f"Workers look for {counts['looking']} writes, people for none.", evidence=evidence
    )
