"""Which limits a request falls under, and what its response says of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from weakref import WeakKeyDictionary

from starlette.types import Scope

from deskmind.api.limits.classes import CLASSES, RouteClass, class_of
from deskmind.api.limits.gcra import Decision, Limit
from deskmind.api.limits.local import Asked, LocalLimits
from deskmind.api.limits.shared import SharedLimits
from deskmind.desk import Desk
from deskmind.errors import ConfigurationError, LimitExceededError
from deskmind.observability.instruments import API_REFUSED, counter
from deskmind.scope import Scope as DeskScope

__all__ = ["HEADERS", "Limiter"]

HEADERS = "deskmind.headers"
"""Where in a request's scope the headers are kept that its response gets."""

_WHOSE = ("tenant", "user", "key")
_refused = counter(API_REFUSED)


class Limiter:
    """Counts requests by tenant, user and API key, each over all requests or over those of a class.

    Args:
        rates: by name, ``tenant``, ``user`` or ``key``, also of a class as in ``user:models``; such as ``600/minute``.
        url: of the server that processes share; None counts in this process.
        clock: in seconds, of this process.

    Raises:
        ConfigurationError: a name or a rate is not valid.
    """

    def __init__(
        self, rates: Mapping[str, str], *, url: str | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limits: dict[tuple[str, str], Limit] = {}
        for name, text in rates.items():
            self._limits[_parts(name)] = Limit.parse(name, text)
        self._known: WeakKeyDictionary[Desk, dict[RouteClass, tuple[Asked, tuple[bytes, bytes]]]] = (
            WeakKeyDictionary()
        )
        self._local = LocalLimits(clock=clock)
        self._shared = SharedLimits(url, self._local) if url is not None and rates else None

    @property
    def alone(self) -> bool:
        """Whether this process counts alone although it should not."""
        return self._shared is not None and self._shared.alone

    async def admit(self, scope: Scope, desk: Desk) -> None:
        """Count a request of a desk and note the headers of its response.

        Raises:
            LimitExceededError: a limit does not admit it; it counted for none.
        """
        if not self._limits:
            return
        asked, policy = self._under(desk, class_of(scope))
        if not asked:
            return
        decision = await self._shared.take(asked) if self._shared is not None else self._local.take(asked)
        scope[HEADERS] = [policy, *_standing(decision)]
        refusing = decision.refusing
        if refusing is not None:
            _refused.add(1, {"deskmind.limit": refusing.limit.name.partition(":")[0]})
            raise LimitExceededError(
                "Too many requests.",
                why=f"The limit '{refusing.limit.name}' is {refusing.limit.quota:,} in {refusing.limit.window:,} s.",
                remedy=f"Try again in {decision.retry_after} s.",
                limit=refusing.limit.name,
                retry_after=decision.retry_after,
            )

    async def close(self) -> None:
        """Let go of the shared server."""
        if self._shared is not None:
            await self._shared.close()

    def _under(self, desk: Desk, kind: RouteClass) -> tuple[Asked, tuple[bytes, bytes]]:
        """The limits that a desk's requests of a class fall under, and what responses say of them."""
        known = self._known.get(desk)
        if known is None:
            known = self._known[desk] = {}
        found = known.get(kind)
        if found is None:
            asked = self._asked(desk.scope, kind)
            policy = ", ".join(limit.policy for _, limit in asked).encode()
            found = known[kind] = (asked, (b"ratelimit-policy", policy))
        return found

    def _asked(self, who: DeskScope, kind: RouteClass) -> Asked:
        """One tenant's names share a hash tag, so that one server of a cluster has them all."""
        ids = {"tenant": who.tenant_id, "user": who.principal_id, "key": who.key_id}
        return [
            (f"dk:limit:{{{who.tenant_id}}}:{limit.name}:{ids[whose]}", limit)
            for whose in _WHOSE
            if ids[whose] is not None
            for of in ("", kind)
            if (limit := self._limits.get((whose, of))) is not None
        ]


def _parts(name: str) -> tuple[str, str]:
    whose, _, kind = name.partition(":")
    if whose not in _WHOSE or (":" in name and kind not in CLASSES):
        raise ConfigurationError(
            f"There is no limit '{name[:80]}'.",
            remedy=f"A name is one of {', '.join(_WHOSE)}, also followed by : and one of {', '.join(CLASSES)}.",
        )
    return whose, kind


def _standing(decision: Decision) -> list[tuple[bytes, bytes]]:
    headers = [(b"ratelimit", ", ".join([each.item for each in decision.standings]).encode())]
    if wait := decision.retry_after:
        headers.append((b"retry-after", str(wait).encode()))
    return headers
