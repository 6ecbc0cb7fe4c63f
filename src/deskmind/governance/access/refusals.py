"""Credentials that were refused: recorded in the log of the tenant that they concern, so that nobody who tries can fill it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, get_args
from uuid import UUID

from deskmind.database import Database
from deskmind.ending import ended
from deskmind.errors import DeskmindError, TenantNotFoundError
from deskmind.governance.audit import Person, record_alone
from deskmind.governance.audit.circumstances import current_address
from deskmind.observability import logger
from deskmind.observability.instruments import AUTHENTICATION_REFUSED, counter
from deskmind.observability.metering import labels
from deskmind.scope import Scope

__all__ = ["ACTION", "Concerned", "Refusals", "Why"]

ACTION = "access.authenticate"
"""How the events are called."""

Why = Literal["malformed", "unknown", "secret", "expired", "revoked", "user", "token", "signature"]
"""A key that is no key; of no tenant, or that no tenant has; with a wrong secret; past its end; ended; whose user is gone or
disabled; a token that is not valid; a call of a connected system that is not signed."""

_FIRST_SECONDS, _LONGEST_SECONDS = 60.0, 3_600.0
_AGAIN_SECONDS = 5.0
_MOST_WATCHED = 10_000

_refused = counter(AUTHENTICATION_REFUSED)
_labels = {why: labels({"deskmind.reason": why}) for why in get_args(Why)}
_log = logger("deskmind.access")


@dataclass(frozen=True, slots=True)
class Concerned:
    """The tenant that a refusal concerns."""

    tenant_id: UUID
    tenant: str


@dataclass(slots=True)
class _Window:
    """From one event to the next of the same kind."""

    concerned: Concerned
    why: Why
    ends: float
    seconds: float = _FIRST_SECONDS
    attempts: int = 0
    resources: set[str] = field(default_factory=set[str])

    def count(self, resource: str) -> None:
        """One more attempt."""
        self.attempts += 1
        if len(self.resources) < 2:
            self.resources.add(resource)


class Refusals:
    """Records the first refusal of a tenant and kind at once, with the network address, encrypted.

    Those that follow within a minute are counted and become one event when the minute ends. Under a lasting attempt the time
    doubles, up to an hour: at most about 30 events in the first day, then 24, for each kind, tenant and process. What concerns
    no known tenant is counted in the metric ``deskmind.authentication.refused`` alone, and so is what comes when 10,000 kinds
    are watched already.

    Args:
        database: of the logs.
        clock: in seconds.
    """

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._windows: dict[tuple[UUID, Why], _Window] = {}
        self._watching: asyncio.Task[None] | None = None

    async def note(self, concerned: Concerned | None, why: Why, resource: str = "") -> None:
        """A credential was refused.

        Args:
            concerned: None where no known tenant is.
            why: which kind.
            resource: the id of the key, or the name of the connection, where that is one of the tenant's.
        """
        _refused.add(1, _labels[why])
        if concerned is None:
            return
        window = self._windows.get((concerned.tenant_id, why))
        if window is not None:
            window.count(resource)
            return
        if len(self._windows) >= _MOST_WATCHED:
            return
        self._open(concerned, why)
        try:
            await self._record(concerned, why, 1, resource, current_address())
        except DeskmindError as error:  # the caller hears of the credential, not of the log
            _log.warning("access.refusals_not_recorded", code=error.code)
            self._open(concerned, why).count(resource)

    def _open(self, concerned: Concerned, why: Why) -> _Window:
        """The window of a kind, which is watched."""
        fresh = _Window(concerned, why, self._clock() + _FIRST_SECONDS)
        window = self._windows.setdefault((concerned.tenant_id, why), fresh)
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch())
        return window

    async def settle(self, *, everything: bool = False) -> None:
        """Record what was counted in the windows that have ended, or in all.

        Raises:
            DeskmindError: the log does not take it; it stays counted.
        """
        now = self._clock()
        for key, window in list(self._windows.items()):
            if not everything and now < window.ends:
                continue
            if not window.attempts:
                del self._windows[key]
                continue
            attempts, resources = window.attempts, window.resources
            ends, seconds = window.ends, window.seconds
            window.attempts, window.resources = 0, set()
            window.seconds = min(_LONGEST_SECONDS, 2 * seconds)
            window.ends = now + window.seconds
            resource = next(iter(resources)) if len(resources) == 1 else ""
            try:
                await self._record(window.concerned, window.why, attempts, resource, "")
            except BaseException:
                window.attempts += attempts
                window.resources |= resources
                window.ends, window.seconds = ends, seconds
                self._windows[key] = self._windows.pop(key)  # the others first, next time
                raise

    async def close(self) -> None:
        """Record what was counted."""
        if self._watching is not None:
            await ended(self._watching)
        try:
            await self.settle(everything=True)
        except DeskmindError as error:  # the server went first
            _log.warning("access.refusals_not_recorded", code=error.code)

    async def _watch(self) -> None:
        """As long as there is a window."""
        while self._windows:
            await asyncio.sleep(
                max(0.0, min(window.ends for window in self._windows.values()) - self._clock())
            )
            try:
                await self.settle()
            except DeskmindError as error:
                _log.warning("access.refusals_not_recorded", code=error.code)
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _record(
        self, concerned: Concerned, why: Why, attempts: int, resource: str, address: str
    ) -> None:
        scope = Scope.operator(concerned.tenant_id, concerned.tenant, "authentication")
        origin = {"address": Person(address)} if address else {}
        with contextlib.suppress(TenantNotFoundError):  # it was deleted meanwhile
            await record_alone(
                self._database,
                scope,
                ACTION,
                resource=resource,
                outcome="denied",
                reason=why,
                attempts=attempts,
                **origin,
            )
