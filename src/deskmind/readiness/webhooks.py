"""The check of webhooks."""

from __future__ import annotations

from deskmind.app import Deskmind
from deskmind.readiness.report import Check
from deskmind.webhooks.health import read_health

__all__ = ["webhooks"]

_LATE_SECONDS = 600.0


async def webhooks(app: Deskmind) -> Check:
    """Events reach the systems that are told of them."""
    health = await read_health(app.database)
    evidence = health.as_dict()
    counts = {"working": health.working, "failing": health.failing, "given up": health.given_up}
    if not any((*counts.values(), health.disabled)):
        return Check("webhooks", "not assessed", "Nobody is told of anything.", evidence=evidence)
    finding = (
        f"{', '.join(f'{count} {state}' for state, count in counts.items() if count) or 'None in use'}, of all tenants;"
        f" {health.pending} deliveries wait, {health.dead_lately} were given up within a day."
    )
    if health.waiting_seconds > _LATE_SECONDS:
        remedy = "Start more workers (`deskmind worker`); docs/runbooks.md, Webhooks late."
        return Check("webhooks", "red", finding, remedy, evidence)
    if health.given_up or health.dead_lately:
        remedy = "`deskmind webhooks list` and `deliveries --state dead` tell which; docs/runbooks.md, Webhooks dead."
        return Check("webhooks", "red", finding, remedy, evidence)
    return Check("webhooks", "green", finding, evidence=evidence)
