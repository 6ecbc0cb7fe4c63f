"""Who tries credentials that are not valid is slowed down, without a question to the database."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from starlette.types import Scope

from deskmind.api.limits.gcra import Limit
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
        asked = [((scope.get("client") or ("",))[0], self._limit)]
        decision = self._counted.take(asked, count=False)
        digest = hashlib.sha256(credential.encode()).digest()
        if decision.refusing is not None and self._known.get(digest) is None:
            _refused.add(1, {"deskmind.limit": _NAME})
            scope[HEADERS] = [(b"retry-after", str(decision.retry_after).encode())]
            raise LimitExceededError(
                "Too many credentials from this address were not valid.",
                remedy=f"Try again in {decision.retry_after} s.",
                limit=_NAME,
                retry_after=decision.retry_after,
            )
        try:
            found = await ask(credential)
        except AuthenticationError:
            self._counted.take(asked)
            raise
        if self._known.get(digest) is None:
            self._known.put(digest, True, size=1, ttl=_KNOWN_SECONDS)
        return found
