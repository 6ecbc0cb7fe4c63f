"""Alerts of budgets in the tenant's audit log."""

from __future__ import annotations

from uuid import UUID, uuid5

from deskmind.database import Database
from deskmind.gateway.alerts import BudgetAlert
from deskmind.governance.audit import Person, record
from deskmind.scope import Scope
from deskmind.webhooks import publish

__all__ = ["AuditedAlerts"]

_ACTION = "budget.alert"
_ALERTS = UUID("5ce4e6a4-6a3b-5b0e-9d0c-3f6a7d1c2b90")
"""Namespace of the events' ids: the same alert has the same id, whoever raises it."""
_EVENTS = UUID("1a1f5c52-0f2f-5d0a-8a50-2a8f6a1f7f0e")
"""The same of what webhooks are told."""


class AuditedAlerts:
    """A listener: one event in the tenant's audit log, however many replicas raise the alert.

    It is written with the application's login in the scope of the tenant's operator; the ledger's login can write no
    audit event. Budgets of the installation belong to no tenant and have none.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self, alert: BudgetAlert) -> None:
        """Record it."""
        if alert.tenant_id is None:
            return
        scope = Scope.operator(alert.tenant_id, "", "budgets")
        start = alert.window_start.isoformat()
        identity = f"{alert.budget}\n{alert.subject}\n{alert.unit}\n{start}\n{alert.limit}\n{alert.share}"
        async with self._database.transaction(scope) as connection:
            await record(
                connection,
                scope,
                _ACTION,
                resource=alert.budget,
                event_id=uuid5(_ALERTS, f"{alert.tenant_id}\n{identity}"),
                share=alert.share,
                subject=_person_in(alert.subject) or alert.subject,
                unit=alert.unit,
                limit=alert.limit,
                window_start=start,
            )
            told = {
                "budget": alert.budget,
                "share": alert.share,
                "unit": alert.unit,
                "window_start": start,
            }
            event_id = uuid5(_EVENTS, f"{alert.tenant_id}\n{identity}")
            await publish(connection, scope, "budget.threshold", told, link="/v1/budgets", event_id=event_id)


def _person_in(subject: str) -> Person | None:
    """The user whose counter it is; None when it is not that of one user."""
    values = {name: value for name, _, value in (part.partition("=") for part in subject.split("/"))}
    return Person(principal_id=UUID(values["user"]), shown=subject) if "user" in values else None
