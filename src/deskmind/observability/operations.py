"""What every public operation leaves: a span, its duration, and one log line at the end."""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import Span

from deskmind.errors import DeskmindError
from deskmind.observability.actor import Acting, Visit
from deskmind.observability.correlation import correlation_id
from deskmind.observability.instruments import OPERATION_DURATION, histogram
from deskmind.observability.logs import logger
from deskmind.observability.metering.labels import Bounded, Labels, labels
from deskmind.observability.names import CORRELATION_ID, DESKMIND_OPERATION, TENANT
from deskmind.observability.tracing import Attribute, Kind, error_type, span

__all__ = ["Observation", "observed"]

_MOST_OPERATIONS = 200
_log = logger("deskmind.operation")
_durations = histogram(OPERATION_DURATION)
_named = Bounded(_MOST_OPERATIONS)
_kinds: dict[tuple[str, str], Labels] = {}


class Observation:
    """One operation under observation; made by ``observed``.

    Attributes:
        span: the operation's span, from when the block was entered.
    """

    __slots__ = ("_acting", "_attributes", "_guard", "_name", "_started", "_tenant", "_user", "span")

    span: Span

    def __init__(
        self,
        name: str,
        kind: Kind,
        tenant: str,
        user: str,
        attributes: dict[str, Attribute],
        parent: Context | None = None,
    ) -> None:
        self._name = name
        self._tenant = tenant
        self._user = user
        self._attributes = attributes
        known: dict[str, Attribute] = {DESKMIND_OPERATION: name, **attributes}
        if tenant:
            known[TENANT] = tenant
        if current := correlation_id():
            known[CORRELATION_ID] = current
        self._guard = span(name, parent, kind=kind, **known)

    def note(self, **facts: Attribute) -> None:
        """Add facts known only now, such as counts, to the span (as ``deskmind.{fact}``) and the log line."""
        self._attributes.update(facts)
        for fact, value in facts.items():
            self.span.set_attribute(f"deskmind.{fact}", value)

    def acted_by(self, visit: Visit) -> None:
        """Whose it was, where that showed only inside."""
        if visit.tenant:
            self.span.set_attribute(TENANT, visit.tenant)

    def enter(self) -> Observation:
        """Begin; for what is passed too often for ``async with``."""
        self.span = self._guard.__enter__()
        self._acting = Acting(self._tenant, self._user)
        self._started = time.perf_counter()
        return self

    async def __aenter__(self) -> Observation:
        return self.enter()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.leave(error)

    def leave(self, error: BaseException | None) -> None:
        """It is over; ``error`` ended it."""
        seconds = time.perf_counter() - self._started
        duration = round(seconds * 1000, 2)
        outcome = _outcome(error)
        facts: dict[str, Any] = {
            **self._attributes,
            "outcome": outcome,
            "duration_ms": duration,
        }
        if error is None or outcome == "cancelled":
            _log.info(self._name, **facts)
        elif isinstance(error, DeskmindError) and error.status < 500:
            outcome = "refused"
            _log.info(self._name, **facts, error_code=error.code)
        else:
            _log.error(self._name, **facts, error_code=error_type(error), exc_info=error)
        _durations.record(seconds, _kinds.get((self._name, outcome)) or _labelled(self._name, outcome))
        self._acting.end()
        self._guard.__exit__(None, error, None)


def observed(
    name: str,
    *,
    kind: Kind = "internal",
    tenant: str = "",
    user: str = "",
    parent: Context | None = None,
    **attributes: Attribute,
) -> Observation:
    """Observe one operation: ``async with observed("knowledge.ask", tenant="acme") as operation: …``.

    The line says ``outcome`` (``ok``, ``error`` or ``cancelled``), ``duration_ms``, and on an error its code;
    an unexpected error, or one of ours that is no fault of the caller (status 500 and up), is at level error.

    Args:
        name: the operation, such as ``knowledge.ask``.
        kind: of the span.
        tenant: the tenant's short name.
        user: who acts; appears as a pseudonym.
        parent: where the trace comes from, when that is another process.
        attributes: facts for the span and the line, never content.
    """
    return Observation(name, kind, tenant, user, attributes, parent)


def _outcome(error: BaseException | None) -> str:
    if error is None:
        return "ok"
    return "cancelled" if isinstance(error, (asyncio.CancelledError, GeneratorExit)) else "error"


def _labelled(name: str, outcome: str) -> Labels:
    made = labels({DESKMIND_OPERATION: _named(name), "deskmind.outcome": outcome})
    if len(_kinds) < 4 * _MOST_OPERATIONS:
        _kinds[name, outcome] = made
    return made
