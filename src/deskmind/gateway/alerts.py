"""Alerts of budgets, and who hears of them."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast
from uuid import UUID

from deskmind.observability import logger

__all__ = ["Alerts", "BudgetAlert", "Listener", "log_alert"]

_log = logger("deskmind.budgets")


@dataclass(frozen=True, slots=True)
class BudgetAlert:
    """A budget passed one of its thresholds.

    Attributes:
        budget: its name.
        subject: whose counter it is, see ``Budget.subject``; empty when the budget is one for all.
        share: the threshold, of the limit.
        window_start: beginning of the window.
        tenant_id: whose budget; None for one of the installation.
        unit: ``usd``, counted in billionths of a US dollar, or ``tokens``.
        limit: in the unit's counts.
    """

    budget: str
    subject: str
    share: float
    window_start: datetime
    tenant_id: UUID | None
    unit: Literal["usd", "tokens"] = "usd"
    limit: int = 0


Listener = Callable[[BudgetAlert], Awaitable[object] | object]
"""A function that hears of alerts; a coroutine function is run in the background."""


class Alerts:
    """Tells listeners. None of them holds up a call, and none that fails disturbs it."""

    def __init__(self, listeners: Iterable[Listener]) -> None:
        self._listeners = tuple(listeners)
        self._tasks: set[asyncio.Task[None]] = set()

    def tell(self, alert: BudgetAlert) -> None:
        """Tell all."""
        for listener in self._listeners:
            try:
                found = listener(alert)
            except Exception as error:
                _failed(alert, error)
                continue
            if inspect.isawaitable(found):
                task = asyncio.create_task(_heard(alert, cast("Awaitable[object]", found)))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Wait for listeners that are at it."""
        while self._tasks:
            await asyncio.wait(tuple(self._tasks))


async def _heard(alert: BudgetAlert, found: Awaitable[object]) -> None:
    try:
        await found
    except Exception as error:
        _failed(alert, error)


def _failed(alert: BudgetAlert, error: Exception) -> None:
    _log.error("budget.alert_unheard", budget=alert.budget, share=alert.share, error=type(error).__name__)


def log_alert(alert: BudgetAlert) -> None:
    """A listener: one line in the log."""
    _log.warning(
        "budget.alert",
        budget=alert.budget,
        share=alert.share,
        tenant_id=str(alert.tenant_id or ""),
        window_start=alert.window_start.isoformat(),
    )
