"""W3C trace context in and out; what strangers send is believed only in its exact form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from deskmind.observability import span
from deskmind.observability.propagation import incoming, outgoing

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{PARENT}-01"


def named(parent: str, state: str = "") -> trace.SpanContext | None:
    context = incoming(parent, state)
    return None if context is None else trace.get_current_span(context).get_span_context()


def test_a_trace_goes_through_with_its_state(traced: InMemorySpanExporter) -> None:
    with span("served", incoming(GOOD, "vendor=1,other=2"), kind="server") as current:
        own = current.get_span_context()
        assert outgoing() == {
            "traceparent": f"00-{TRACE}-{own.span_id:016x}-01",
            "tracestate": "vendor=1,other=2",
        }
    (served,) = traced.get_finished_spans()
    assert served.parent is not None
    assert (f"{served.parent.span_id:016x}", served.parent.is_remote) == (PARENT, True)


def test_a_trace_passes_through_where_nobody_records() -> None:
    with span("served", incoming(GOOD)):
        assert outgoing() == {"traceparent": GOOD}


def test_nothing_goes_out_outside_of_a_trace() -> None:
    assert outgoing() == {}


@pytest.mark.parametrize("later", [f"cc-{TRACE}-{PARENT}-01-of-the-future", f"01-{TRACE}-{PARENT}-00"])
def test_a_later_version_is_read_as_far_as_it_is_known(later: str) -> None:
    assert named(later) is not None


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "hello",
        GOOD.upper().replace("0", "A"),
        GOOD + "-more",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{PARENT}-1",
        f" {GOOD}",
        f"{GOOD}\n",
        f"01-{TRACE}-{PARENT}-01-{'x' * 1_000}",
    ],
)
def test_what_is_not_exactly_of_the_form_is_as_if_nothing_came(wrong: str) -> None:
    assert incoming(wrong) is None


@given(parent=st.text(max_size=80) | st.from_regex(r"[0-9a-f-]{50,60}"), state=st.text(max_size=700))
def test_nothing_a_stranger_sends_is_an_error(parent: str, state: str) -> None:
    incoming(parent, state)
    found = named(GOOD, state)
    assert found is not None
    assert len(found.trace_state.to_header()) <= 512


@pytest.mark.parametrize("state", ["x" * 600, "a=1," * 200, "=,=", "\x00"])
def test_a_state_that_is_too_long_or_not_well_formed_is_dropped(state: str) -> None:
    found = named(GOOD, state)
    assert found is not None
    assert not found.trace_state
