"""Who tries credentials that are not valid is slowed down, without a question to the database."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import TypeVar

from starlette.types import Scope

from deskmind.api.limits.gcra import Decision, Limit
from deskmind.api.limits.limiter import HEADERS
from deskmind.api.limits.local import LocalLimits
from deskmind.cache import CacheLimits, MemoryTier
from deskmind.errors import AuthenticationError, LimitExceededError
from deskmind.observability.instruments import API_REFUSED, counter

__all__ = ["Attempts"]

_T = TypeVar("_T")
_NAME = "refused"
_KNOWN_SECONDS = 600.0
_MOST_KNOWN = 10_000
_refused = counter(API_REFUSED)


@lru_cache(maxsize=4_096)
def _network(address: str) -> str:
    """What one customer of a provider has: an IPv4 address, or 2^64 of IPv6."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    return address if found.version == 4 else str(ip_network((int(found) >> 64 << 64, 64)))


class Attempts:
    """Counts refused credentials by network address, in this process.

    Credentials that were valid within ten minutes pass also where an address has used up its attempts: colleagues come
    from the same address as whoever guesses there.

    Args:
        rate: such as ``120/minute``; empty for no limit.
        clock: in seconds.

    Raises:
        ConfigurationError: the rate is not written so.
    """

    def __init__(self, rate: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = Limit.parse(_NAME, rate) if rate else None
        self._counted = LocalLimits(clock=clock)
        self._known = MemoryTier(CacheLimits(max_entries=_MOST_KNOWN), clock=clock)

    async def of(self, scope: Scope, credential: str, ask: Callable[[str], Awaitable[_T]]) -> _T:
        """What asking for a credential gives.

        Args:
            scope: of the request that carries it.
            credential: a key or a token.
            ask: finds out whose it is.

        Raises:
            AuthenticationError: it is not valid.
            LimitExceededError: too many from this address were not.
        """
        if self._limit is None:
            return await ask(credential)
        network = _network((scope.get("client") or ("",))[0])
        asked = [(network, self._limit)]
        digest = hashlib.sha256(credential.encode()).digest()
        if self._counted.knows(network) and self._known.get(digest) is None:
            self._check(scope, self._counted.take(asked, count=False))
        try:
            found = await ask(credential)
        except AuthenticationError:
            self._counted.take(asked)
            raise
        if self._known.get(digest) is None:
            self._known.put(digest, True, size=1, ttl=_KNOWN_SECONDS)
        return found

    def _check(self, scope: Scope, decision: Decision) -> None:
        if decision.refusing is None:
            return
        _refused.add(1, {"deskmind.limit": _NAME})
        scope[HEADERS] = [(b"retry-after", str(decision.retry_after).encode())]
        raise LimitExceededError(
            "Too many credentials from this address were not valid.",
            remedy=f"Try again in {decision.retry_after} s.",
            limit=_NAME,
            retry_after=decision.retry_after,
        )
