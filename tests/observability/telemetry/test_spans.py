"""Our spans are OpenTelemetry's to whoever else uses its API, bounded, and without what errors say."""

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, StatusCode

from deskmind.observability.propagation import incoming
from deskmind.observability.telemetry._spans import LightSpan, LightTracerProvider


class Seen:
    def __init__(self) -> None:
        self.roots: list[LightSpan] = []
        self.spans: list[LightSpan] = []
        self.tracer = LightTracerProvider(self, 1.0).get_tracer("test")

    def begun(self, root: LightSpan) -> None:
        self.roots.append(root)

    def ended(self, span: LightSpan) -> None:
        self.spans.append(span)


def test_other_users_of_the_api_get_nested_spans() -> None:
    seen = Seen()
    with seen.tracer.start_as_current_span("outer", kind=SpanKind.SERVER) as outer:
        assert trace.get_current_span() is outer
        with seen.tracer.start_as_current_span("inner"):
            pass
    inner, outer_seen = seen.spans
    assert (inner.parent_id, inner.trace_id) == (outer_seen.span_id, outer_seen.trace_id)
    assert seen.roots == [outer_seen]


def test_a_span_that_has_ended_does_not_change() -> None:
    seen = Seen()
    span = seen.tracer.start_span("work", context=Context(), attributes={"a": 1})
    span.end()
    span.set_attribute("a", 2)
    span.update_name("other")
    span.add_event("late")
    span.set_status(StatusCode.ERROR)
    span.end()
    assert (span.name, span.attributes, span.events, span.failed) == ("work", {"a": 1}, [], False)
    assert seen.spans == [span]
    assert not span.is_recording()


def test_attributes_and_events_are_bounded() -> None:
    span = Seen().tracer.start_span("work", context=Context())
    for number in range(200):
        span.set_attributes({f"name {number}": number})
        span.add_event(f"event {number}")
    span.set_attribute("name 0", "changed")
    assert (len(span.attributes), len(span.events), span.attributes["name 0"]) == (64, 64, "changed")


def test_an_exception_and_a_status_leave_no_text() -> None:
    span = Seen().tracer.start_span("work", context=Context())
    span.record_exception(ValueError("canary"))
    span.set_status(StatusCode.ERROR, "canary")
    assert span.failed
    assert [(name, dict(attributes)) for name, attributes, _ in span.events] == [
        ("exception", {"exception.type": "ValueError"})
    ]


def test_the_state_of_a_foreign_trace_is_kept_for_those_below() -> None:
    tracer = Seen().tracer
    root = tracer.start_span("root", context=incoming(f"00-{7:032x}-{9:016x}-00", "vendor=1"))
    child = tracer.start_span("child", context=trace.set_span_in_context(root))
    context = child.get_span_context()
    assert (context.trace_id, context.trace_state.to_header(), context.trace_flags.sampled) == (
        7,
        "vendor=1",
        False,
    )
    assert (root.local_root, child.local_root) == (True, False)
