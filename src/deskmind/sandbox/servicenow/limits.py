"""Inbound rate limits: rules an hour for a user, a role or everybody, and what a client is told of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from deskmind.sandbox.servicenow.errors import Refused
from deskmind.sandbox.servicenow.store import Row, Store
from deskmind.sandbox.servicenow.users import User
from deskmind.sandbox.web import Clock

__all__ = ["RateLimits"]

_TABLE = "sys_rate_limit_rules"


@dataclass(slots=True)
class _Count:
    window: int
    used: int = 0
    committed: int = 0
    committed_at: float = 0.0


class RateLimits:
    """Counts requests by rule and user. Nodes tell the database every `enforcement_lag` seconds how many there were.

    `window` is an hour at the vendor.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self.window = 3600.0
        self.enforcement_lag = 30.0
        self._counts: dict[tuple[str, str], _Count] = {}

    def count(self, user: User) -> dict[str, str]:
        """Counts one request; the headers that tell of its rule, none without one. Raises `Refused` (429)."""
        rule = self._rule(user)
        if rule is None:
            return {}
        read, now = self._store.read, self._clock.timestamp()
        sys_id, limit = read(_TABLE, rule, "sys_id"), int(read(_TABLE, rule, "request_limit") or 0)
        window = int(now // self.window)
        ends = (window + 1) * self.window
        headers = {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Reset": str(int(ends)),
            "X-RateLimit-Rule": sys_id,
        }
        count = self._counts.get((sys_id, user.name))
        if count is None or count.window != window:
            count = self._counts[sys_id, user.name] = _Count(window, committed_at=now)
        if now - count.committed_at >= self.enforcement_lag:
            count.committed, count.committed_at = count.used, now
        if count.committed >= limit:
            wait = {"Retry-After": str(max(1, math.ceil(ends - now)))}
            detail = f"Rate limit of {limit} requests per hour exceeded"
            raise Refused(429, "Rate limit exceeded", detail, {**headers, **wait})
        count.used += 1
        return headers

    def _rule(self, user: User) -> Row | None:
        """Rules for a user go before those for roles, of which the lowest counts, and those before the rest."""
        read = self._store.read
        active = [row for row in self._store.rows(_TABLE) if read(_TABLE, row, "active") == "true"]
        roles = {read("sys_user_role", row, "sys_id") for name in user.roles for row in self._store.by("sys_user_role", "name", name)}  # fmt: skip
        own = [row for row in active if read(_TABLE, row, "user") == user.sys_id]
        for_role = [row for row in active if read(_TABLE, row, "role") in roles]
        rest = [row for row in active if not read(_TABLE, row, "user") and not read(_TABLE, row, "role")]
        fitting = own or for_role or rest
        return min(fitting, key=lambda row: int(read(_TABLE, row, "request_limit") or 0), default=None)
