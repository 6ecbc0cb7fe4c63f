"""The account of one call: what was reserved, tried, charged, and how it ended."""

from __future__ import annotations

import time
from decimal import Decimal

from deskmind.errors import (
    ContentFilteredError,
    ContextTooLongError,
    ModelError,
    ModelRequestError,
    ModelTimeoutError,
    ModelUnavailableError,
    ProviderAuthenticationError,
    RateLimitedError,
    StreamBrokenError,
)
from deskmind.gateway.budgets import BudgetKeeper, Reservation, nanodollars
from deskmind.gateway.ledger import Intent, Ledger, UsageEntry
from deskmind.gateway.messages import Attempt, Outcome, Usage
from deskmind.gateway.metrics import measure
from deskmind.gateway.models import Deployment
from deskmind.gateway.prices import PriceList, cost_of
from deskmind.gateway.providers import ProviderFailure
from deskmind.gateway.tokens import Calibration

__all__ = ["Account", "error_for"]

_ERRORS: dict[str, tuple[type[ModelError], str, str]] = {
    "rate-limited": (RateLimitedError, "takes no more calls now", "Wait, or add a deployment to the model."),
    "context-too-long": (
        ContextTooLongError,
        "cannot read a request this long",
        "Shorten the conversation or the passages, or use a model with a larger context.",
    ),
    "content-filtered": (ContentFilteredError, "refused the content", "Rephrase the request."),
    "provider-authentication": (
        ProviderAuthenticationError,
        "did not accept our credentials",
        "Check the deployment's api_key with `deskmind models test`.",
    ),
    "model-timeout": (
        ModelTimeoutError,
        "did not answer in time",
        "Try again, raise the model's timeouts, or add a deployment.",
    ),
    "stream-broken": (StreamBrokenError, "broke off in the middle of its reply", "Ask again."),
    "model-request": (ModelRequestError, "found the request wrong", "Correct the request."),
    "model-unavailable": (
        ModelUnavailableError,
        "could not be used",
        "Try again, or check the deployments with `deskmind models test`.",
    ),
}


class Account:
    """Book-keeping of one call, from its intent to its row."""

    __slots__ = (
        "_calibration",
        "_charges",
        "_estimated_input",
        "_keeper",
        "_ledger",
        "_prices",
        "_reservation",
        "_started",
        "attempts",
        "exact",
        "first_token_seconds",
        "intent",
        "row",
        "streamed",
    )

    def __init__(
        self,
        intent: Intent,
        reservation: Reservation | None,
        *,
        ledger: Ledger,
        keeper: BudgetKeeper,
        prices: PriceList,
        streamed: bool,
        estimated_input: int = 0,
        calibration: Calibration | None = None,
    ) -> None:
        self.intent = intent
        self._estimated_input = estimated_input
        self._calibration = calibration or Calibration()
        self.attempts: list[Attempt] = []
        self.first_token_seconds: float | None = None
        self.exact = True
        self.streamed = streamed
        self.row: UsageEntry | None = None
        self._charges: list[tuple[Deployment, Usage | None]] = []
        self._reservation = reservation
        self._ledger = ledger
        self._keeper = keeper
        self._prices = prices
        self._started = time.perf_counter()

    @property
    def elapsed(self) -> float:
        """Seconds since the call began."""
        return time.perf_counter() - self._started

    @property
    def charged(self) -> bool:
        """Whether a provider charges for an attempt so far."""
        return bool(self._charges)

    def charge(self, deployment: Deployment, usage: Usage | None, *, exact: bool) -> None:
        """Add what a provider charges for an attempt.

        Args:
            deployment: whose.
            usage: its count; None when it charges for a reply of which nothing is known. Of a count that is not exact,
                the input is ours.
            exact: whether the provider counted.
        """
        if exact and usage is not None:
            self._calibration.learn(
                deployment.name, self._estimated_input, usage.input_tokens, usage.output_tokens
            )
        elif usage is not None:
            read = self._calibration.guess(deployment.name, self._estimated_input)
            usage = Usage(read, usage.output_tokens)
        self._charges.append((deployment, usage))
        self.exact = self.exact and exact

    async def hold_more(self) -> None:
        """Reserve for another attempt after a charged one.

        Raises:
            BudgetExceededError: there is no room for it.
        """
        if self._reservation is not None:
            await self._keeper.extend(self._reservation)

    def total(self) -> tuple[Usage, Decimal | None]:
        """Tokens and US dollars of all charged attempts; the cost is None when a price is missing."""
        usage = Usage()
        cost: Decimal | None = Decimal(0)
        for deployment, counted in self._charges:
            part = counted or self._unknown(deployment)
            usage += part
            price = self._prices.price(deployment)
            cost = None if price is None or cost is None else cost + cost_of(price, part)
        return usage, cost

    def _unknown(self, deployment: Deployment) -> Usage:
        """A lost reply is taken to be as long as the one that came when the request was sent again, else as usual."""
        answered = next((usage for _, usage in reversed(self._charges) if usage is not None), None)
        return answered or Usage(
            self._calibration.guess(deployment.name, self._estimated_input),
            self._calibration.usual_output(deployment.name),
        )

    def close(self, deployment: str, *, error: str = "", unknown: bool = False) -> UsageEntry:
        """Settle with budgets and ledger, once.

        Args:
            deployment: which one answered last.
            error: code of the error the caller gets.
            unknown: nobody knows what was charged: the reserved maximum stands.
        """
        if self.row is not None:
            return self.row
        usage, cost = self.total()
        outcome: Outcome = "settled" if self.exact else "estimated"
        if unknown:
            outcome, usage, cost = "unsettled", Usage(output_tokens=self.intent.tokens), self.intent.cost
        elif not self._charges:
            outcome, cost = "free", Decimal(0)
        if self._reservation is not None:
            self._keeper.settle(
                self._reservation,
                tokens=usage.input_tokens + usage.output_tokens,
                nanos=None if cost is None else nanodollars(cost),
            )
        self.row = UsageEntry(
            self.intent,
            outcome,
            deployment,
            usage,
            cost,
            self.elapsed,
            self.first_token_seconds,
            len(self.attempts),
            error,
            self.streamed,
        )
        self._ledger.settle(self.row)
        measure(self.row)
        return self.row


def error_for(
    failure: ProviderFailure, model: str, deployment: Deployment | None, attempts: list[Attempt]
) -> ModelError:
    """The error a caller gets, with every attempt."""
    kind, what, remedy = _ERRORS[failure.cause]
    name = deployment.name if deployment is not None else "no deployment"
    details = {} if failure.retry_after is None else {"retry_after": failure.retry_after}
    return kind(
        f"The model '{model}' ({name}) {what}.",
        why=failure.detail and f"It said: {failure.detail}",
        remedy=remedy,
        model=model,
        provider=deployment.provider if deployment is not None else "",
        attempts=[f"{item.deployment}: {item.outcome} ({item.milliseconds:.0f} ms)" for item in attempts],
        **details,
    )
