"""The bytes we write are those that OpenTelemetry's own encoder would send."""

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as some
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from deskmind.observability.telemetry._protobuf import SpanEncoder
from deskmind.observability.telemetry._spans import LightSpan, LightTracer

RESOURCE = {"service.name": "desk", "service.version": "1.2.3"}
REMOTE = 0x200
WITHOUT_TRACE_FLAGS = ~0xFF

texts = some.text(some.characters(exclude_categories=["Cs"]), max_size=300)
numbers = some.integers(-(2**63), 2**63 - 1)
values = some.one_of(
    texts,
    numbers,
    some.booleans(),
    some.floats(allow_nan=False),
    some.lists(texts, max_size=3),
    some.lists(numbers, max_size=3),
)
attributes = some.dictionaries(texts.filter(bool), values, max_size=6)


class Nowhere:
    """Spans that are looked at where they were made."""

    def begun(self, root: LightSpan) -> None:
        """Nothing."""

    def ended(self, span: LightSpan) -> None:
        """Nothing."""


def remote_parent(trace_id: int, span_id: int, sampled: bool) -> Any:
    flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
    context = SpanContext(trace_id, span_id, True, flags, TraceState([("vendor", "x=1"), ("desk", "y")]))
    return set_span_in_context(NonRecordingSpan(context))


def as_the_sdk_has_it(span: LightSpan) -> ReadableSpan:
    context = span.get_span_context()
    parent = (
        SpanContext(span.trace_id, span.parent_id, span.local_root, context.trace_flags)
        if span.parent_id
        else None
    )
    return ReadableSpan(
        name=span.name,
        context=context,
        parent=parent,
        resource=Resource(RESOURCE),
        attributes=span.attributes,
        events=[Event(name, given, at) for name, given, at in span.events],
        kind=span.kind,
        status=Status(StatusCode.ERROR if span.failed else StatusCode.UNSET),
        start_time=span.started,
        end_time=span.ended,
        instrumentation_scope=InstrumentationScope("deskmind", "1.2.3"),
    )


def parsed(spans: list[LightSpan]) -> ExportTraceServiceRequest:
    encoder = SpanEncoder(RESOURCE, "deskmind", "1.2.3")
    return ExportTraceServiceRequest.FromString(encoder.encode(spans))


@given(
    name=texts,
    kind=some.sampled_from(SpanKind),
    attributes=attributes,
    events=some.lists(some.tuples(texts, attributes), max_size=2),
    failed=some.booleans(),
    below=some.none()
    | some.tuples(some.integers(1, 2**128 - 1), some.integers(1, 2**64 - 1), some.booleans()),
)
def test_every_span_is_written_as_the_sdk_writes_it(
    name: str,
    kind: SpanKind,
    attributes: dict[str, Any],
    events: list[tuple[str, dict[str, Any]]],
    failed: bool,
    below: tuple[int, int, bool] | None,
) -> None:
    tracer = LightTracer(Nowhere(), 1.0)
    span = tracer.start_span(name, remote_parent(*below) if below else None, kind, attributes)
    for event, given_with in events:
        span.add_event(event, given_with)
    span.set_status(StatusCode.ERROR if failed else StatusCode.UNSET)
    span.end()
    under = tracer.start_span("under", set_span_in_context(span))
    under.end()

    ours, theirs = parsed([span, under]), encode_spans([as_the_sdk_has_it(span), as_the_sdk_has_it(under)])
    for written in ours.resource_spans[0].scope_spans[0].spans:
        assert written.flags & 1 == int(span.sampled)
        written.flags &= WITHOUT_TRACE_FLAGS  # the SDK leaves the sampling flag out
    for written in theirs.resource_spans[0].scope_spans[0].spans:
        if not written.HasField("status") or written.status.code == 0:
            written.ClearField("status")
    assert ours == theirs


def test_a_parent_in_another_process_is_marked() -> None:
    tracer = LightTracer(Nowhere(), 1.0)
    outer = tracer.start_span("outer", remote_parent(5, 6, True))
    inner = tracer.start_span("inner", set_span_in_context(outer))
    outer.end()
    inner.end()
    flags = [written.flags for written in parsed([outer, inner]).resource_spans[0].scope_spans[0].spans]
    assert [bool(value & REMOTE) for value in flags] == [True, False]


def test_odd_values_are_written_and_long_ones_are_cut() -> None:
    span = LightTracer(Nowhere(), 1.0).start_span("odd")
    span.set_attributes({"cut": "x" * 50_000, "broken": "\ud800", "nan": math.nan, "object": object()})
    span.end()
    written = parsed([span]).resource_spans[0].scope_spans[0].spans[0]
    found = {item.key: item.value for item in written.attributes}
    assert len(found["cut"].string_value) == 20_000
    assert found["broken"].string_value == "?"
    assert math.isnan(found["nan"].double_value)
    assert found["object"].string_value.startswith("<object")
