"""What a gateway looks like at the moment, as metrics: its breakers and budgets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from deskmind.gateway.budgets import BudgetKeeper
from deskmind.gateway.models import ModelConfig
from deskmind.gateway.routing import HealthBoard
from deskmind.observability.instruments import BREAKER, BUDGET_USED
from deskmind.observability.metering import Labels, Sources, labels

__all__ = ["Governed", "gateways"]

_TENANTS = "tenants"
_Readings = Iterator[tuple[float, Labels]]


class Governed(Protocol):
    """The parts of a gateway that are shown."""

    models: dict[str, ModelConfig]
    keeper: BudgetKeeper
    board: HealthBoard


def _breakers(gateway: Governed) -> _Readings:
    for name in {item.name for config in gateway.models.values() for item in config.deployments}:
        yield gateway.board.state(name), labels({"deskmind.deployment": name})


def _budgets(gateway: Governed) -> _Readings:
    fullest: dict[tuple[str, str, str], float] = {}
    for budget, unit, share in gateway.keeper.used():
        key = (budget.name if budget.tenant_id is None else _TENANTS, budget.window, unit)
        fullest[key] = max(fullest.get(key, 0.0), share)
    for (name, window, unit), share in fullest.items():
        yield share, labels({"deskmind.budget": name, "deskmind.window": window, "deskmind.unit": unit})


gateways: Sources[Governed] = Sources()
"""Those that are shown."""
gateways.show(BREAKER, _breakers)
gateways.show(BUDGET_USED, _budgets)
