"""What tokens cost: LiteLLM's price table as data, overridden by the deployments' own prices.

An unknown price is None, never zero.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any

from deskmind.gateway.messages import Usage
from deskmind.gateway.models import Deployment, Price

__all__ = ["Limits", "PriceList", "cost_of"]

_MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a model reads and writes at most, in tokens; None where it is not known."""

    input_tokens: int | None
    output_tokens: int | None


def cost_of(price: Price, usage: Usage) -> Decimal:
    """US dollars of a call."""
    cached = min(usage.cached_tokens, usage.input_tokens)
    cached_price = price.input if price.cached_input is None else price.cached_input
    return (
        price.input * (usage.input_tokens - cached)
        + cached_price * cached
        + price.output * usage.output_tokens
    ) / _MILLION


class PriceList:
    """Prices and limits of deployments, looked up once each."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Price | None, Limits]] = {}

    def price(self, deployment: Deployment) -> Price | None:
        """The price, None when it is not known."""
        return self._of(deployment)[0]

    def limits(self, deployment: Deployment) -> Limits:
        """The limits."""
        return self._of(deployment)[1]

    def blended(self, deployment: Deployment) -> Decimal | None:
        """One figure to compare by: three parts input, one part output."""
        price = self.price(deployment)
        return None if price is None else (price.input * 3 + price.output) / 4

    def _of(self, deployment: Deployment) -> tuple[Price | None, Limits]:
        known = self._known.get(deployment.name)
        if known is None:
            known = self._known[deployment.name] = _look_up(deployment)
        return known


def _look_up(deployment: Deployment) -> tuple[Price | None, Limits]:
    row = next((_table()[name] for name in _names(deployment) if name in _table()), None)
    price = deployment.price
    if price is None and row is not None:
        price = Price(
            input=Decimal(row[0]),
            output=Decimal(row[1]),
            cached_input=None if row[2] is None else Decimal(row[2]),
        )
    listed = Limits(row[3], row[4]) if row is not None else Limits(None, None)
    return price, Limits(
        deployment.max_input_tokens or listed.input_tokens,
        deployment.max_output_tokens or listed.output_tokens,
    )


def _names(deployment: Deployment) -> tuple[str, ...]:
    """Where a deployment stands in the table. A server of one's own has no list price, whatever its model's name."""
    model = deployment.model
    if deployment.provider == "litellm":
        return (model,) if deployment.base_url else (model, model.partition("/")[2])
    if deployment.provider == "azure":
        return (f"azure/{model}",)
    return (model,) if deployment.base_url.startswith("https://api.openai.com/") else ()


@cache
def _table() -> dict[str, list[Any]]:
    return json.loads(resources.files("deskmind.gateway").joinpath("prices.json").read_text("utf-8"))[
        "models"
    ]
