"""A tracing SDK that keeps its spans in a list."""

import itertools
from collections.abc import Mapping
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags

_ids = itertools.count(1)


class RecordedSpan(Span):
    def __init__(self, name: str, kind: SpanKind, attributes: Mapping[str, Any], parent: Span) -> None:
        above = parent.get_span_context()
        trace_id = above.trace_id if above.is_valid else next(_ids)
        self._context = SpanContext(trace_id, next(_ids), False, TraceFlags(TraceFlags.SAMPLED))
        self.name = name
        self.kind = kind
        self.attributes = dict(attributes)
        self.parent = above.span_id
        self.status = Status(StatusCode.UNSET)
        self.ended = 0
        self.exceptions: list[BaseException] = []

    def get_span_context(self) -> SpanContext:
        return self._context

    def set_attribute(self, key: str, value: Any) -> None:
        self.attributes[key] = value

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        self.attributes.update(attributes)

    def set_status(self, status: Any, description: str | None = None) -> None:
        self.status = status if isinstance(status, Status) else Status(status, description)

    def record_exception(self, exception: BaseException, *_: Any, **__: Any) -> None:
        self.exceptions.append(exception)

    def add_event(self, *_: Any, **__: Any) -> None:
        raise AssertionError("no events are expected")

    def update_name(self, name: str) -> None:
        self.name = name

    def is_recording(self) -> bool:
        return not self.ended

    def end(self, end_time: int | None = None) -> None:
        self.ended += 1


class _Tracer(trace.Tracer):
    def __init__(self, spans: list[RecordedSpan]) -> None:
        self._spans = spans

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Any = None,
        *_: Any,
        **__: Any,
    ) -> Span:
        span = RecordedSpan(name, kind, attributes or {}, trace.get_current_span(context))
        self._spans.append(span)
        return span

    def start_as_current_span(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError


class RecordingProvider(trace.TracerProvider):
    def __init__(self) -> None:
        self.spans: list[RecordedSpan] = []

    def get_tracer(self, *_: Any, **__: Any) -> trace.Tracer:
        return _Tracer(self.spans)
