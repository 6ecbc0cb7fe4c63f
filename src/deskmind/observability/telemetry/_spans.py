"""Spans as light as they can be: they are made in every request, and most are thrown away.

The SDK's own span costs several times as much, with a lock, bounded copies of its attributes and a copy of itself at its
end. These become the SDK's only when they are exported, in the exporting thread.
"""

from __future__ import annotations

import random
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from time import time_ns
from typing import Any, Protocol

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TracerProvider,
    TraceState,
)
from opentelemetry.util.types import Attributes, AttributeValue

from deskmind.observability.current import current_span

__all__ = ["LightSpan", "LightTracer", "LightTracerProvider", "Sink"]

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_UNSAMPLED = TraceFlags(TraceFlags.DEFAULT)
_RANDOM_BITS = (1 << 56) - 1
_MOST_ATTRIBUTES = 64
_MOST_EVENTS = 64


class Sink(Protocol):
    """Told of spans: of local roots when they begin, of all when they end."""

    def begun(self, root: LightSpan) -> None:
        """A local root begins: a span whose parent is in another process, or nowhere."""
        ...

    def ended(self, span: LightSpan) -> None:
        """A span has ended and does not change any more."""
        ...


class LightSpan(Span):
    """One span.

    Attributes:
        name: may change until the end.
        kind: of work.
        trace_id: 128 bits.
        span_id: 64 bits.
        parent_id: of the span above, 0 for the first of a trace.
        local_root: whether the parent is in another process, or nowhere.
        sampled: whether the trace has a place in the share that is kept anyway.
        attributes: by name.
        events: name, attributes and nanoseconds since the epoch.
        started: nanoseconds since the epoch.
        ended: likewise, 0 until then.
        failed: whether its status is error.
    """

    __slots__ = (
        "_context", "_sink", "_state", "attributes", "ended", "events", "failed", "kind", "local_root", "name",
        "parent_id", "sampled", "span_id", "started", "trace_id",
    )  # fmt: skip

    def __init__(
        self, sink: Sink, name: str, kind: SpanKind, attributes: Attributes, above: Span, sampled_below: int
    ) -> None:
        self._sink = sink
        self._context: SpanContext | None = None
        self.name = name
        self.kind = kind
        self.attributes: dict[str, AttributeValue] = dict(attributes) if attributes else {}
        self.events: list[tuple[str, Mapping[str, AttributeValue], int]] = []
        self.failed = False
        self.ended = 0
        self.span_id = random.getrandbits(64) or 1
        if type(above) is LightSpan:
            self.trace_id = above.trace_id
            self.sampled = above.sampled
            self.local_root = False
            self.parent_id = above.span_id
            self._state = above._state
        else:
            self._begin_locally(above.get_span_context(), sampled_below)
        self.started = time_ns()

    def _begin_locally(self, above: SpanContext, sampled_below: int) -> None:
        self.local_root = True
        if above.is_valid:
            self.trace_id, self.parent_id = above.trace_id, above.span_id
            self.sampled = above.trace_flags.sampled
            self._state: TraceState | None = above.trace_state or None
        else:
            self.trace_id, self.parent_id = random.getrandbits(128) or 1, 0
            self.sampled = (self.trace_id & _RANDOM_BITS) < sampled_below
            self._state = None

    @property
    def identity(self) -> tuple[str, str]:
        """Ids of the trace and the span as logs have them: 32 and 16 hexadecimal digits."""
        return self.trace_id.to_bytes(16).hex(), self.span_id.to_bytes(8).hex()

    @property
    def trace_state(self) -> TraceState | None:
        """What other systems attached to the trace."""
        return self._state

    def get_span_context(self) -> SpanContext:
        """Its identity, made when it is first asked for."""
        if self._context is None:
            flags = _SAMPLED if self.sampled else _UNSAMPLED
            self._context = SpanContext(self.trace_id, self.span_id, False, flags, self._state)
        return self._context

    def is_recording(self) -> bool:
        """Until it has ended."""
        return not self.ended

    def set_attribute(self, key: str, value: Any) -> None:
        """Set one, of at most 64."""
        if not self.ended and (len(self.attributes) < _MOST_ATTRIBUTES or key in self.attributes):
            self.attributes[key] = value

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Set several."""
        if not self.ended and len(self.attributes) + len(attributes) <= _MOST_ATTRIBUTES:
            self.attributes.update(attributes)
            return
        for key, value in attributes.items():
            self.set_attribute(key, value)

    def add_event(self, name: str, attributes: Attributes = None, timestamp: int | None = None) -> None:
        """Add one, of at most 64."""
        if not self.ended and len(self.events) < _MOST_EVENTS:
            self.events.append((name, attributes or {}, timestamp or time_ns()))

    def update_name(self, name: str) -> None:
        """Change the name."""
        if not self.ended:
            self.name = name

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Note a failure; its description is left out, since it may quote what was said."""
        code = status.status_code if isinstance(status, Status) else status
        if not self.ended and code is not StatusCode.UNSET:
            self.failed = code is StatusCode.ERROR

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        """Note an exception by its type alone, since its text may quote what was said."""
        self.add_event("exception", {"exception.type": type(exception).__name__}, timestamp)

    def end(self, end_time: int | None = None) -> None:
        """End it, once."""
        if not self.ended:
            self.ended = end_time or time_ns()
            self._sink.ended(self)


class LightTracer(trace.Tracer):
    """Makes spans.

    Args:
        sink: told of them.
        ratio: share of traces, 0 to 1, that are sampled, by their id.
    """

    def __init__(self, sink: Sink, ratio: float) -> None:
        self._sink = sink
        self._below = round(ratio * (_RANDOM_BITS + 1))

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = (),
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> LightSpan:
        """Begin a span; links are left out."""
        span = LightSpan(self._sink, name, kind, attributes, current_span(context), self._below)
        if start_time is not None:
            span.started = start_time
        if span.local_root:
            self._sink.begun(span)
        return span

    @contextmanager  # pyright: ignore[reportDeprecated]
    def start_as_current_span(self, name: str, *args: Any, **kwargs: Any) -> Generator[Span]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Begin a span that is current inside a block, for other users of the API than us."""
        end_on_exit = kwargs.pop("end_on_exit", True)
        begun = self.start_span(name, *args, **kwargs)
        with trace.use_span(begun, end_on_exit=end_on_exit, record_exception=False) as span:
            yield span


class LightTracerProvider(TracerProvider):
    """Gives everybody the same tracer."""

    def __init__(self, sink: Sink, ratio: float) -> None:
        self._tracer = LightTracer(sink, ratio)

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes = None,
    ) -> LightTracer:
        """The tracer."""
        return self._tracer
