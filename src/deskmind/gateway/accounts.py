"""The account of one call: what was reserved, tried, charged, and how it ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
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
from deskmind.gateway.calibration import Calibration
from deskmind.gateway.ledger import Intent, Ledger, UsageEntry
from deskmind.gateway.messages import Attempt, ChatRequest, Outcome, Usage
from deskmind.gateway.metrics import measure
from deskmind.gateway.models import Deployment
from deskmind.gateway.prices import PriceList, cost_of
from deskmind.gateway.providers import ProviderFailure, ProviderReply, ProviderVectors, Ranked
from deskmind.gateway.tokens import estimate_reply, likely_reply, likely_request
from deskmind.observability import note
from deskmind.observability.story import current_story

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
Reply = ProviderReply | ProviderVectors | Ranked
_SHORTEST_PART = 3
"""So many characters of a key tell nobody anything."""


class Account:
    """Book-keeping of one call, from its intent to its row."""

    __slots__ = (
        "_calibration",
        "_charges",
        "_estimated",
        "_keeper",
        "_ledger",
        "_lost",
        "_prices",
        "_request",
        "_reservation",
        "_started",
        "attempts",
        "call_id",
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
        calibration: Calibration,
        request: ChatRequest,
        estimated: int,
        streamed: bool,
    ) -> None:
        """The account of a call that is about to be sent.

        Args:
            intent: as it begins.
            reservation: what it holds of budgets.
            ledger: where it is booked.
            keeper: of the budgets.
            prices: what tokens cost.
            calibration: what was learnt of estimates.
            request: as it is sent.
            estimated: its tokens at most.
            streamed: whether the reply is a stream.
        """
        self.intent = intent
        self.call_id = str(intent.call_id)
        self._request = request
        self._estimated = estimated
        self._calibration = calibration
        self.attempts: list[Attempt] = []
        self.first_token_seconds: float | None = None
        self.exact = True
        self.streamed = streamed
        self.row: UsageEntry | None = None
        self._charges: list[tuple[Deployment, Usage]] = []
        self._lost: list[int] = []
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

    @property
    def hanging(self) -> bool:
        """Whether the last attempt was left while it was under way: nobody knows what its provider charges."""
        return bool(self.attempts) and self.attempts[-1].outcome == "cancelled"

    def charge(
        self,
        deployment: Deployment,
        counted: Usage | None,
        *,
        written: int,
        likely: Callable[[], int] | None = None,
        finish: str = "",
        outcome: str = "ok",
    ) -> None:
        """Add what a provider charges for the reply of the last attempt.

        Args:
            deployment: whose reply.
            counted: the provider's own count, None when it gave none.
            written: our estimate of the output in tokens, cheap enough for every reply.
            likely: a better one, for a deployment that never counted; ``written`` when left out.
            finish: why the reply ended: one that was cut for its length has as many tokens as it might have.
            outcome: what became of the attempt after it had begun well.
        """
        estimated = Usage(self._estimated, written)
        if counted is None:
            usage = self._guess(deployment, estimated, likely() if likely is not None else written)
            bound = self._request.max_tokens
            if bound and (finish == "length" or usage.output_tokens > bound):
                usage = replace(usage, output_tokens=bound)
        else:
            usage = counted
            self._calibration.learn(deployment, counted, estimated, streamed=self.streamed)
            if self._lost:
                self._replace_lost(deployment, counted)
        self._book(deployment, usage, exact=counted is not None)
        if self.attempts and self.attempts[-1].outcome == "ok":
            last = self.attempts[-1]
            self.attempts[-1] = Attempt(last.deployment, outcome, last.milliseconds, usage, last.waited)

    def charge_reply(self, deployment: Deployment, reply: Reply) -> None:
        """Add what a provider charges for a whole reply, of whatever kind."""
        if not isinstance(reply, ProviderReply):
            self.charge(deployment, reply.usage, written=0)
            return
        text, calls = reply.text, reply.tool_calls
        self.charge(
            deployment,
            reply.usage,
            written=estimate_reply(text, calls),
            likely=lambda: likely_reply(text, calls),
            finish=reply.finish_reason,
        )

    def _guess(self, deployment: Deployment, estimated: Usage, written: int) -> Usage:
        likely = Usage(likely_request(self._request), written)
        return self._calibration.usage(deployment, estimated, streamed=self.streamed, likely=likely)

    def charge_failure(self, deployment: Deployment, failure: ProviderFailure) -> Usage | None:
        """Add what a provider charges for an attempt that failed; None when nothing."""
        charged = failure.charged
        if charged is None or isinstance(charged, Usage):
            if charged is not None:
                self._book(deployment, charged, exact=True)
            return charged
        usage = self._guess(deployment, Usage(self._estimated), 0)
        if charged == "reply":
            usage += Usage(output_tokens=self._calibration.usual_output(deployment))
            self._lost.append(len(self._charges))
        self._book(deployment, usage, exact=False)
        return usage

    def _replace_lost(self, deployment: Deployment, counted: Usage) -> None:
        """A reply that was lost is taken to be as long as the one that came when the request was sent again."""
        for place in self._lost:
            loser, guess = self._charges[place]
            read = counted.input_tokens if loser.name == deployment.name else guess.input_tokens
            better = Usage(read, counted.output_tokens)
            self._charges[place] = (loser, better)
            self.attempts[:] = [
                replace(item, usage=better) if item.usage is guess else item for item in self.attempts
            ]
        self._lost.clear()

    def _book(self, deployment: Deployment, usage: Usage, *, exact: bool) -> None:
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
        if len(self._charges) == 1:
            return self._charges[0][1], self._cost(*self._charges[0])
        usage = Usage()
        cost: Decimal | None = Decimal(0)
        for deployment, part in self._charges:
            usage += part
            more = self._cost(deployment, part)
            cost = None if more is None or cost is None else cost + more
        return usage, cost

    def _cost(self, deployment: Deployment, usage: Usage) -> Decimal | None:
        price = self._prices.price(deployment)
        return None if price is None else cost_of(price, usage)

    def close(self, deployment: str, *, error: str = "", unknown: bool = False) -> UsageEntry:
        """Settle with budgets and ledger, once.

        Args:
            deployment: which one answered last.
            error: code of the error the caller gets.
            unknown: nobody knows what the last attempt is charged: the reserved maximum stands for it.
        """
        if self.row is not None:
            return self.row
        usage, cost = self.total()
        outcome: Outcome = "settled" if self.exact else "estimated"
        if unknown:
            outcome = "unsettled"
            usage += Usage(output_tokens=self.intent.tokens)
            cost = None if cost is None or self.intent.cost is None else cost + self.intent.cost
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
        measure(self.row, self.attempts)
        if current_story() is not None:
            self._tell()
        return self.row

    def _tell(self) -> None:
        """Leave the attempts in the story of the request."""
        note(
            "attempts",
            call=self.call_id,
            model=self.intent.model,
            tries=[
                [item.deployment, item.outcome, round(item.milliseconds / 1000, 6), round(item.waited, 3)]
                for item in self.attempts
            ],
        )


def error_for(
    failure: ProviderFailure, model: str, deployment: Deployment | None, attempts: list[Attempt]
) -> ModelError:
    """The error a caller gets, with every attempt."""
    kind, what, remedy = _ERRORS[failure.cause]
    name = deployment.name if deployment is not None else "no deployment"
    said = _without_secrets(failure.detail, deployment)
    details = {} if failure.retry_after is None else {"retry_after": failure.retry_after}
    return kind(
        f"The model '{model}' ({name}) {what}.",
        why=said and f"It said: {said}",
        remedy=remedy,
        model=model,
        provider=deployment.provider if deployment is not None else "",
        attempts=[f"{item.deployment}: {item.outcome} ({item.milliseconds:.0f} ms)" for item in attempts],
        **details,
    )


def _without_secrets(text: str, deployment: Deployment | None) -> str:
    """Some providers repeat the key they refuse; a long message may end in the middle of it."""
    if deployment is None:
        return text
    for secret in (deployment.api_key, *deployment.headers.values()):
        value = secret.get_secret_value() if secret is not None else ""
        if value:
            text = text.replace(value, "***")
            parts = (value[:length] for length in range(len(value) - 1, _SHORTEST_PART, -1))
            text = next((text.removesuffix(part) + "***" for part in parts if text.endswith(part)), text)
    return text
