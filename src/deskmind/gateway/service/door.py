"""The gateway of an application: opened at first use from its settings, with the budgets of its tenants."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from uuid import UUID

from deskmind.database import Database
from deskmind.gateway.alerts import Listener, log_alert
from deskmind.gateway.budgets import Budget, BudgetKeeper
from deskmind.gateway.gateway import Gateway
from deskmind.gateway.ledger import JournalLedger
from deskmind.gateway.ledger.postgres import PostgresBudgets, PostgresSink
from deskmind.gateway.metrics import use_call_labels
from deskmind.gateway.providers import OpenAIProvider
from deskmind.gateway.service.alerts import AuditedAlerts
from deskmind.gateway.shared_health import ValkeyHealth
from deskmind.gateway.shield.protocol import Shield
from deskmind.settings import Settings

__all__ = ["Door"]


class Door:
    """One gateway for the life of an application."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        resources: AsyncExitStack,
        *,
        shield: Shield | None = None,
        unshielded: frozenset[str] = frozenset(),
        on_budget_alert: Listener | None = None,
    ) -> None:
        """A door that is closed yet.

        Args:
            settings: models, budgets, the journal.
            database: where usage is booked and budgets are kept.
            resources: closes what is opened.
            shield: what model calls pass through.
            unshielded: models whose calls do not.
            on_budget_alert: is told when a budget passes a threshold.
        """
        self._settings = settings
        self._database = database
        self._resources = resources
        self._shield = shield
        self._unshielded = unshielded
        self._on_budget_alert = on_budget_alert
        self._gateway: Gateway | None = None
        self._lock = asyncio.Lock()
        self._budgets = PostgresBudgets(database.endpoints.ledger, database.endpoints.schema)
        resources.push_async_callback(self._budgets.close)

    async def gateway(self) -> Gateway:
        """The gateway, opened at first use.

        Raises:
            ConfigurationError: a model is not defined rightly.
            UnavailableError: the journal cannot be written.
        """
        if self._gateway is not None:
            return self._gateway
        async with self._lock:
            if self._gateway is None:
                self._gateway = await self._open()
            return self._gateway

    async def tenant_budgets(self, tenant_id: UUID) -> tuple[Budget, ...]:
        """A tenant's budgets, at most some seconds old."""
        return await self._budgets.of_tenant(tenant_id)

    def forget_budgets(self, tenant_id: UUID) -> None:
        """A tenant's budgets changed here."""
        self._budgets.forget(tenant_id)

    async def expire_counters(self) -> None:
        """Remove the counters of windows that are over."""
        await self._budgets.expire()

    async def settle(self) -> None:
        """Write the usage of this process's calls so far."""
        if self._gateway is not None:
            await self._gateway.ledger.flush()

    async def _open(self) -> Gateway:
        telemetry = self._settings.telemetry
        use_call_labels(
            features=telemetry.features,
            tenant_label=telemetry.tenant_label,
            tenant_top=telemetry.tenant_top,
        )
        ledger = self._ledger()
        gateway = Gateway(
            self._settings.models,
            ledger=ledger,
            keeper=self._keeper(),
            shared=self._shared_health(),
            providers={
                "openai": OpenAIProvider(
                    connections=self._settings.gateway.connections, propagate=telemetry.propagate
                )
            },
            shield=self._shield,
            unshielded=self._unshielded,
            propagate=telemetry.propagate,
        )
        await ledger.start()
        self._resources.push_async_callback(gateway.close)
        return gateway

    def _ledger(self) -> JournalLedger:
        settings, endpoints = self._settings.gateway, self._database.endpoints
        return JournalLedger(
            settings.journal or self._settings.home / "ledger",
            PostgresSink(endpoints.ledger, endpoints.schema),
            durability=settings.durability,
            flush_seconds=settings.flush_seconds,
        )

    def _keeper(self) -> BudgetKeeper:
        budgets = [Budget(name, **dict(given)) for name, given in self._settings.budgets.items()]
        listeners: list[Listener] = [log_alert, AuditedAlerts(self._database)]
        if self._on_budget_alert is not None:
            listeners.append(self._on_budget_alert)
        return BudgetKeeper(budgets, store=self._budgets, on_alert=listeners)

    def _shared_health(self) -> ValkeyHealth | None:
        url = self._settings.redis.url
        if url is None:
            return None
        return ValkeyHealth(url.get_secret_value(), installation=self._database.endpoints.schema)
