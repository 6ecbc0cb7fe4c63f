"""The check of connected systems."""

from __future__ import annotations

from deskmind.app import Deskmind
from deskmind.readiness.report import Check
from deskmind.sync.health import STATES, read_health

__all__ = ["synchronisation"]


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
