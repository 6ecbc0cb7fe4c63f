"""Opening a call: what it can cost is reserved, and its intent is durable before anything is sent."""

from __future__ import annotations

import time
from collections.abc import Sequence
from decimal import Decimal

from deskmind.gateway.accounts import Account
from deskmind.gateway.budgets import Budget, BudgetKeeper, nanodollars
from deskmind.gateway.calibration import Calibration
from deskmind.gateway.ledger import Intent, Ledger, new_call_id
from deskmind.gateway.messages import Caller, ChatRequest, Usage
from deskmind.gateway.models import ModelConfig
from deskmind.gateway.prices import PriceList, cost_of
from deskmind.gateway.tokens import estimate_request

__all__ = ["Opening"]

_MOST_OUTPUT = 4_096
"""Reserved where neither the request nor the deployment bounds the reply; also sent, so that the bound holds."""


class Opening:
    """Opens accounts with one ledger and one keeper of budgets."""

    def __init__(self, ledger: Ledger, keeper: BudgetKeeper, prices: PriceList) -> None:
        self._ledger = ledger
        self._keeper = keeper
        self._prices = prices
        self._calibration = Calibration()

    async def open(
        self,
        operation: str,
        model: str,
        config: ModelConfig,
        request: ChatRequest,
        caller: Caller,
        budgets: Sequence[Budget],
        *,
        streamed: bool = False,
    ) -> tuple[Account, ChatRequest]:
        """The account of a call, and the request as it may be sent: bounded where a budget matches.

        Raises:
            BudgetExceededError: a budget has no room.
            UnknownPriceError: a budget in dollars matches and the price is not known.
            UnavailableError: the ledger takes no intent.
        """
        matching = self._keeper.matching(caller, model, budgets)
        most = request.max_tokens
        if most is None:
            most = min(self._most_output(config), _MOST_OUTPUT)
            if matching:
                request = ChatRequest(request.messages, most, request.options)
        read = estimate_request(request)
        cost = self._most_cost(config, Usage(read, most))
        reservation = None
        if matching:
            nanos = None if cost is None else nanodollars(cost)
            reservation = await self._keeper.reserve(matching, caller, model, tokens=read + most, nanos=nanos)
        intent = Intent(new_call_id(), time.time(), caller, operation, model, read + most, cost)
        account = Account(
            intent,
            reservation,
            ledger=self._ledger,
            keeper=self._keeper,
            prices=self._prices,
            calibration=self._calibration,
            request=request,
            estimated=read,
            streamed=streamed,
        )
        try:
            await self._ledger.open(intent)
        except BaseException:
            account.close("", error="ledger")
            raise
        return account, request

    def _most_output(self, config: ModelConfig) -> int:
        return max(
            self._prices.limits(deployment).output_tokens or _MOST_OUTPUT for deployment in config.deployments
        )

    def _most_cost(self, config: ModelConfig, usage: Usage) -> Decimal | None:
        """The dearest deployment's price; None when one of them has no known price."""
        most = Decimal(0)
        for deployment in config.deployments:
            price = self._prices.price(deployment)
            if price is None:
                return None
            most = max(most, cost_of(price, usage))
        return most
