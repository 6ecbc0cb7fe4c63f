"""Budgets: what may be spent, by whom, in which window; reserved before a call, settled after it.

A replica leases quanta of a budget from the store it shares with the others and serves calls from them without asking
again. What is reserved by all replicas never exceeds the limit, so spending exceeds it only where a call costs more than
it reserved: by the error of the input estimate, never by the output, which ``max_tokens`` bounds. Unused quanta of a
replica, at most one hundredth of the limit and a call each, return when it closes or asks for the next quantum.

A call costs O(b) for b budgets that match it, and asks the store once in about a hundred calls.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from typing import Literal, Protocol
from uuid import UUID

from deskmind.errors import BudgetExceededError, UnknownPriceError
from deskmind.gateway.alerts import Alerts, BudgetAlert, Listener
from deskmind.gateway.messages import Caller

__all__ = [
    "Budget",
    "BudgetAlert",
    "BudgetKeeper",
    "BudgetStore",
    "Counter",
    "Dimension",
    "MemoryBudgetStore",
    "Reservation",
    "Window",
    "nanodollars",
    "window_of",
]

Window = Literal["minute", "day", "month"]
Dimension = Literal["tenant", "user", "key", "feature", "model"]

_NANO = Decimal(1_000_000_000)
_QUANTA = 100


def nanodollars(dollars: Decimal) -> int:
    """Whole billionths of a US dollar, rounded up."""
    return int((dollars * _NANO).to_integral_value(ROUND_CEILING))


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit on what matching calls spend in a window.

    Attributes:
        name: unique within its tenant.
        window: ``minute``, ``day`` or ``month``, in UTC.
        usd: limit in US dollars, None for none.
        tokens: limit in tokens, input and output together, None for none.
        per: each value of these has the limit to itself; empty for one limit over all.
        tenant_id, user, key, feature, model: only calls with this value count; None for any.
        alerts: shares of the limit at which an alert is raised, once a window each in each process.
    """

    name: str
    window: Window
    usd: Decimal | None = None
    tokens: int | None = None
    per: tuple[Dimension, ...] = ()
    tenant_id: UUID | None = None
    user: UUID | None = None
    key: str | None = None
    feature: str | None = None
    model: str | None = None
    alerts: tuple[float, ...] = (0.5, 0.8, 1.0)

    def matches(self, caller: Caller, model: str) -> bool:
        """Whether a call counts."""
        return (
            (self.tenant_id is None or self.tenant_id == caller.tenant_id)
            and (self.model is None or self.model == model)
            and (self.feature is None or self.feature == caller.feature)
            and (self.user is None or self.user == caller.user)
            and (self.key is None or self.key == caller.key)
        )

    def subject(self, caller: Caller, model: str) -> str:
        """Whose counter it is."""
        if not self.per:
            return ""
        values: dict[Dimension, object] = {
            "tenant": caller.tenant_id,
            "user": caller.user,
            "key": caller.key,
            "feature": caller.feature,
            "model": model,
        }
        return "/".join(f"{name}={values[name]}" for name in self.per)


@dataclass(frozen=True, slots=True)
class Counter:
    """What the replicas share: one budget's window for one subject, in one unit.

    Attributes:
        budget: the budget.
        subject: see ``Budget.subject``.
        unit: ``usd`` counts billionths of a US dollar, ``tokens`` tokens.
        start: beginning of the window.
        limit: of the unit.
    """

    budget: Budget
    subject: str
    unit: Literal["usd", "tokens"]
    start: datetime
    limit: int


class BudgetStore(Protocol):
    """Where replicas lease from. ``lease`` never grants more than the limit in total."""

    async def lease(self, counter: Counter, wanted: int) -> tuple[int, int]:
        """Take up to ``wanted``; returns what was granted and the total leased now."""
        ...

    async def give_back(self, counter: Counter, amount: int) -> None:
        """Return what was leased and not used; a negative amount is what was used beyond."""
        ...


class MemoryBudgetStore:
    """Counters in this process alone."""

    def __init__(self) -> None:
        self._leased: dict[tuple[str, str, str, datetime, UUID | None], int] = {}

    async def lease(self, counter: Counter, wanted: int) -> tuple[int, int]:
        """Take up to ``wanted``."""
        key = _key(counter)
        leased = self._leased.get(key, 0)
        granted = max(min(wanted, counter.limit - leased), 0)
        self._leased[key] = leased + granted
        return granted, leased + granted

    async def give_back(self, counter: Counter, amount: int) -> None:
        """Return what was not used."""
        key = _key(counter)
        self._leased[key] = max(self._leased.get(key, 0) - amount, 0)


def _key(counter: Counter) -> tuple[str, str, str, datetime, UUID | None]:
    return counter.budget.name, counter.subject, counter.unit, counter.start, counter.budget.tenant_id


@dataclass(slots=True)
class _Lease:
    """This process's part of a counter; ``available`` may be below zero after a call that cost more."""

    counter: Counter
    available: int = 0
    total: int = 0
    alerted: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(slots=True)
class Reservation:
    """What a call holds of each matching budget until it is settled."""

    tokens: int
    nanos: int | None
    parts: list[tuple[_Lease, int]] = field(default_factory=list[tuple[_Lease, int]])


class BudgetKeeper:
    """Reserves and settles against all budgets that match a call."""

    def __init__(
        self,
        budgets: Iterable[Budget] = (),
        *,
        store: BudgetStore | None = None,
        on_alert: Listener | Iterable[Listener] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """A keeper of budgets.

        Args:
            budgets: that hold for every call they match.
            store: where replicas lease from; this process alone when left out.
            on_alert: hears of budgets that pass a threshold; never holds up or fails a call.
            clock: seconds since the epoch.
        """
        self._budgets = tuple(budgets)
        self._store = store or MemoryBudgetStore()
        listeners = (on_alert,) if callable(on_alert) else on_alert or ()
        self._alerts = Alerts(listeners)
        self._clock = clock
        self._leases: dict[tuple[str, str, str, UUID | None], _Lease] = {}
        self._windows: dict[Window, tuple[float, datetime]] = {}

    def matching(self, caller: Caller, model: str, more: Sequence[Budget] = ()) -> list[Budget]:
        """The budgets a call counts against."""
        return [budget for budget in (*self._budgets, *more) if budget.matches(caller, model)]

    async def reserve(
        self, budgets: Sequence[Budget], caller: Caller, model: str, *, tokens: int, nanos: int | None
    ) -> Reservation:
        """Hold the most a call can cost.

        Args:
            budgets: from ``matching``.
            caller: who calls.
            model: the configured name.
            tokens: the most it can use, input and output.
            nanos: the most it can cost in billionths of a US dollar; None when the price is not known.

        Raises:
            BudgetExceededError: a budget has no room; nothing is held.
            UnknownPriceError: a budget in dollars matches and the price is not known.
        """
        reservation = Reservation(tokens, nanos)
        try:
            for budget in budgets:
                if budget.usd is not None and nanos is None:
                    raise UnknownPriceError(
                        f"The model '{model}' has no known price, and the budget '{budget.name}' is in US dollars.",
                        remedy="State the deployment's price (price.input, price.output), zero for a local model.",
                        model=model,
                        budget=budget.name,
                    )
                if budget.usd is not None and nanos is not None:
                    await self._take(reservation, budget, caller, model, "usd", nanos)
                if budget.tokens is not None:
                    await self._take(reservation, budget, caller, model, "tokens", tokens)
        except BaseException:
            for lease, held in reservation.parts:
                lease.available += held
            raise
        return reservation

    async def extend(self, reservation: Reservation) -> None:
        """Hold as much again, for a further attempt after one that is charged.

        Raises:
            BudgetExceededError: a budget has no room; what was held stays held.
        """
        for lease in {id(lease): lease for lease, _ in reservation.parts}.values():
            amount = (reservation.nanos or 0) if lease.counter.unit == "usd" else reservation.tokens
            await self._draw(lease, amount)
            reservation.parts.append((lease, amount))

    def settle(self, reservation: Reservation, *, tokens: int, nanos: int | None) -> None:
        """Give back what the call did not use; more than was reserved comes off the next quantum."""
        spent: dict[int, int] = {}
        for lease, held in reservation.parts:
            place = id(lease)
            if place not in spent:
                used = tokens if lease.counter.unit == "tokens" else (nanos if nanos is not None else held)
                spent[place] = used
                lease.available -= used
            lease.available += held
        reservation.parts.clear()

    def used(self) -> list[tuple[Budget, Literal["usd", "tokens"], float]]:
        """The share of each counter's limit that is taken, as of its last lease: what others lease, and what we used."""
        found: list[tuple[Budget, Literal["usd", "tokens"], float]] = []
        for lease in list(self._leases.values()):
            counter = lease.counter
            current = counter.start == self._start(counter.budget.window)
            taken = max(lease.total - lease.available, 0) if current else 0
            found.append((counter.budget, counter.unit, taken / counter.limit if counter.limit else 1.0))
        return found

    async def close(self) -> None:
        """Return every lease, and wait for who hears of alerts."""
        for lease in tuple(self._leases.values()):
            await self._return(lease)
        self._leases.clear()
        await self._alerts.close()

    async def _take(
        self,
        reservation: Reservation,
        budget: Budget,
        caller: Caller,
        model: str,
        unit: Literal["usd", "tokens"],
        amount: int,
    ) -> None:
        start = self._start(budget.window)
        subject = budget.subject(caller, model)
        lease = self._leases.get((budget.name, subject, unit, budget.tenant_id))
        if lease is None or lease.counter.budget is not budget or lease.counter.start is not start:
            lease = await self._lease(budget, subject, unit, start)
        if lease.available >= amount:
            lease.available -= amount
        else:
            await self._draw(lease, amount)
        reservation.parts.append((lease, amount))

    async def _lease(
        self, budget: Budget, subject: str, unit: Literal["usd", "tokens"], start: datetime
    ) -> _Lease:
        """The lease of a budget that is new or was changed, or of a window that has begun."""
        key = (budget.name, subject, unit, budget.tenant_id)
        lease = self._leases.get(key)
        limit = nanodollars(budget.usd or Decimal(0)) if unit == "usd" else budget.tokens or 0
        if lease is not None and lease.counter.start == start:
            lease.counter = Counter(budget, subject, unit, start, limit)
            return lease
        fresh = self._leases[key] = _Lease(Counter(budget, subject, unit, start, limit))
        if lease is not None:
            await self._return(lease)
        return fresh

    async def _draw(self, lease: _Lease, amount: int) -> None:
        counter = lease.counter
        async with lease.lock:
            granted = 0
            if lease.available < amount:
                missing = amount - lease.available
                wanted = max(missing, min(counter.limit // _QUANTA, counter.limit))
                granted, total = await self._store.lease(counter, wanted)
                lease.available += granted
                lease.total = total
                self._alert(lease, total)
            if lease.available < amount:
                if granted:  # others may have room for it
                    await self._return(lease)
                raise _exceeded(counter)
            lease.available -= amount

    async def _return(self, lease: _Lease) -> None:
        amount, lease.available = lease.available, 0
        lease.total -= amount
        if amount:
            await self._store.give_back(lease.counter, amount)

    def _alert(self, lease: _Lease, total: int) -> None:
        counter = lease.counter
        share = total / counter.limit if counter.limit else 1.0
        passed = sum(share >= threshold for threshold in counter.budget.alerts)
        if passed > lease.alerted:
            lease.alerted = passed
            self._alerts.tell(
                BudgetAlert(
                    counter.budget.name,
                    counter.subject,
                    sorted(counter.budget.alerts)[passed - 1],
                    counter.start,
                    counter.budget.tenant_id,
                    counter.unit,
                    counter.limit,
                )
            )

    def _start(self, window: Window) -> datetime:
        now = self._clock()
        known = self._windows.get(window)
        if known is None or now >= known[0]:
            start, end = window_of(window, datetime.fromtimestamp(now, UTC))
            self._forget(window, start if known is None else known[1])
            known = self._windows[window] = (end.timestamp(), start)
        return known[1]

    def _forget(self, window: Window, before: datetime) -> None:
        """Drop leases of the window before the last; a subject that comes back returns those of the last."""
        self._leases = {
            key: lease
            for key, lease in self._leases.items()
            if lease.counter.budget.window != window or lease.counter.start >= before
        }


def window_of(window: Window, moment: datetime) -> tuple[datetime, datetime]:
    """Beginning and end of the window a moment lies in."""
    if window == "minute":
        start = moment.replace(second=0, microsecond=0)
        return start, start + timedelta(minutes=1)
    start = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if window == "day":
        return start, start + timedelta(days=1)
    start = start.replace(day=1)
    return start, (start + timedelta(days=32)).replace(day=1)


def _exceeded(counter: Counter) -> BudgetExceededError:
    budget = counter.budget
    end = window_of(budget.window, counter.start)[1]
    limit = f"{budget.usd} US dollars" if counter.unit == "usd" else f"{counter.limit:,} tokens"
    return BudgetExceededError(
        f"The budget '{budget.name}' of {limit} a {budget.window} is used up.",
        why="The most this call could cost does not fit into what is left of it.",
        remedy=f"Wait until {end:%Y-%m-%d %H:%M} UTC, ask for less with max_tokens, or have the budget raised.",
        budget=budget.name,
        window=budget.window,
        resets_at=end.isoformat(),
    )
