"""Spans through the OpenTelemetry API; next to free until somebody records them.

They go to the provider that ``telemetry.start`` made from the settings, else to the host application's own.
"""

from __future__ import annotations

from types import TracebackType
from typing import Literal

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, TracerProvider
from opentelemetry.util.types import AttributeValue

from deskmind.errors import DeskmindError
from deskmind.observability.current import with_span
from deskmind.observability.leaving import leave
from deskmind.observability.names import ERROR_TYPE
from deskmind.observability.story import Step, begin_step

__all__ = ["Attribute", "Kind", "OpenSpan", "fail", "span", "start_span", "use_provider"]

Attribute = str | int | float | bool
Kind = Literal["internal", "server", "client", "producer", "consumer"]

_KINDS: dict[str, SpanKind] = {kind.name.lower(): kind for kind in SpanKind}
_FAILED = Status(StatusCode.ERROR)
_tracer = trace.get_tracer("deskmind")


def use_provider(provider: TracerProvider | None, version: str = "") -> None:
    """Send spans to a provider; None for the host application's, which is the default."""
    global _tracer  # noqa: PLW0603 - the one tracer
    _tracer = trace.get_tracer("deskmind", version, tracer_provider=provider)


class span:  # noqa: N801
    """A span around work, awaits included: ``with span("retrieval kb", kind="client") as current: …``.

    Errors leave their type or code on it (``error.type``), never their text.

    Args:
        name: low in cardinality, such as ``retrieval {data_source}``.
        parent: where the trace comes from, when that is another process; see ``propagation``.
        kind: ``client`` for calls to other services, ``server`` for requests served, else ``internal``.
        attributes: see ``deskmind.observability.names``; never content.
    """

    __slots__ = ("_attributes", "_context", "_kind", "_name", "_parent", "_span", "_step", "_token")

    def __init__(
        self, name: str, parent: Context | None = None, /, *, kind: Kind = "internal", **attributes: Attribute
    ) -> None:
        self._name = name
        self._kind = _KINDS[kind]
        self._parent = parent
        self._attributes = attributes

    def __enter__(self) -> Span:
        self._step = begin_step(self._name)
        around = contexts.get_current()
        self._span = _tracer.start_span(
            self._name,
            context=around if self._parent is None else self._parent,
            kind=self._kind,
            attributes=self._attributes,
        )
        self._context = with_span(self._span, around)
        self._token = contexts.attach(self._context)
        return self._span

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            fail(self._span, error)
        self._span.end()
        if self._step is not None:
            self._step.end(error)
        # A stream may end in another task: nothing was attached there, or the token is not of its context,
        # which contexts.detach() would log as an error.
        if contexts.get_current() is self._context:
            leave(self._token)


class OpenSpan:
    """A span that is ended by a call, as streams need, with its step of the story."""

    __slots__ = ("_step", "span")

    def __init__(self, begun: Span, step: Step | None) -> None:
        self.span = begun
        self._step = step

    def end(self, error: BaseException | None = None) -> None:
        """It is over."""
        if error is not None:
            fail(self.span, error)
        self.span.end()
        if self._step is not None:
            self._step.end(error)


def start_span(name: str, kind: Kind, attributes: dict[str, AttributeValue]) -> OpenSpan:
    """A span that somebody else ends; it is nobody's parent unless made so."""
    step = begin_step(name, around=False)
    return OpenSpan(_tracer.start_span(name, kind=_KINDS[kind], attributes=attributes), step)


def fail(failed: Span, error: BaseException) -> None:
    """Note on a span what went wrong: the error's code or type."""
    failed.set_attribute(ERROR_TYPE, error_type(error))
    failed.set_status(_FAILED)


def error_type(error: BaseException) -> str:
    """An error's code when it is ours, else the name of its type."""
    return error.code if isinstance(error, DeskmindError) else type(error).__name__
