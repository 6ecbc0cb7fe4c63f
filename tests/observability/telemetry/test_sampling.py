"""Which traces are kept: a share by id, and of the rest those that failed or were slow; held within bounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, StatusCode

from deskmind.observability.propagation import incoming
from deskmind.observability.telemetry._outbox import Outbox, Sized
from deskmind.observability.telemetry._sampling import TailSampler
from deskmind.observability.telemetry._spans import LightTracer, LightTracerProvider

SLOW = 2.0


class Kept:
    """Where kept spans go."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.dropped = 0

    def put(self, spans: Sequence[Sized]) -> None:
        self.names += [span.name for span, _ in spans]

    def drop(self, count: int) -> None:
        self.dropped += count


class Traces:
    """Spans made and ended one by one."""

    def __init__(self, ratio: float = 0.0, **bounds: int) -> None:
        self.kept = Kept()
        self.sampler = TailSampler(cast("Outbox", self.kept), slow_seconds=SLOW, **bounds)
        self.tracer = LightTracerProvider(self.sampler, ratio).get_tracer("test")

    def begin(self, name: str, parent: Span | None = None, remote: str = "") -> Span:
        context = trace.set_span_in_context(parent) if parent is not None else incoming(remote) or Context()
        return self.tracer.start_span(name, context=context, start_time=0)

    @staticmethod
    def end(span: Span, *, failed: bool = False, seconds: float = 0.1) -> None:
        if failed:
            span.set_status(StatusCode.ERROR)
        span.end(end_time=int(seconds * 1e9))


def remote(sampled: bool, trace_id: int = 7) -> str:
    return f"00-{trace_id:032x}-{9:016x}-0{int(sampled)}"


def test_a_good_quick_trace_without_a_place_in_the_share_is_not_kept() -> None:
    traces = Traces()
    root = traces.begin("root")
    traces.end(traces.begin("child", root))
    traces.end(root)
    assert traces.kept.names == []
    assert traces.sampler.held == (0, 0, 0)


@pytest.mark.parametrize("failing", ["child", "root"])
def test_a_failure_keeps_the_whole_trace(failing: str) -> None:
    traces = Traces()
    root = traces.begin("root")
    for name in ("before", "child", "after"):
        traces.end(traces.begin(name, root), failed=name == failing)
    traces.end(root, failed=failing == "root")
    assert traces.kept.names == ["before", "child", "after", "root"]


def test_a_slow_root_keeps_its_trace_and_a_slow_child_does_not() -> None:
    traces = Traces()
    for name, seconds in (("slow", SLOW + 1), ("quick", 0.5)):
        root = traces.begin(name)
        traces.end(traces.begin(f"child of {name}", root), seconds=SLOW + 1)
        traces.end(root, seconds=seconds)
    assert traces.kept.names == ["child of slow", "slow"]


def test_the_parents_decision_is_followed_and_a_failure_kept_regardless() -> None:
    traces = Traces(ratio=1.0)
    traces.end(traces.begin("wanted", remote=remote(True)))
    traces.end(traces.begin("not wanted", remote=remote(False)))
    traces.end(traces.begin("failed", remote=remote(False, 8)), failed=True)
    assert traces.kept.names == ["wanted", "failed"]


def test_a_trace_is_decided_when_its_last_local_root_has_ended() -> None:
    traces = Traces()
    request = traces.begin("request", remote=remote(False))
    job = traces.begin("job", remote=remote(False))
    traces.end(request)
    assert traces.kept.names == []
    traces.end(job, failed=True)
    assert traces.kept.names == ["request", "job"]


def test_a_span_that_ends_late_shares_the_fate_of_its_trace() -> None:
    traces = Traces()
    for name, failed in (("good", False), ("bad", True)):
        root = traces.begin(name)
        late = traces.begin(f"late of {name}", root)
        traces.end(root, failed=failed)
        traces.end(late)
    assert traces.kept.names == ["bad", "late of bad"]


def sampled(ratio: float, trace_ids: Sequence[int]) -> list[bool]:
    """Whether traces of these ids are sampled."""
    tracer = LightTracer(Traces().sampler, ratio)
    decided: list[bool] = []
    for number in trace_ids:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("deskmind.observability.telemetry._spans.random.getrandbits", lambda _: number)  # noqa: B023
            decided.append(tracer.start_span("root", context=Context()).sampled)
    return decided


@given(ratio=st.floats(0, 1), ids=st.lists(st.integers(1, 2**128 - 1), min_size=1, max_size=20))
@settings(max_examples=50, deadline=None)
def test_every_process_gives_the_same_trace_the_same_share(ratio: float, ids: list[int]) -> None:
    decided = sampled(ratio, ids)
    assert decided == sampled(ratio, ids)
    if ratio in {0.0, 1.0}:
        assert set(decided) == {bool(ratio)}
    else:
        assert all(
            greater for less, greater in zip(decided, sampled((1 + ratio) / 2, ids), strict=True) if less
        )


def test_the_share_is_what_was_asked_for() -> None:
    step = (1 << 56) // 1_000
    assert sum(sampled(0.25, [number * step + step // 2 for number in range(1_000)])) == 250


@dataclass
class Open:
    """A span that has not ended."""

    span: Span
    trace: int


class Bounds(RuleBasedStateMachine):
    """Whatever is begun and ended in whatever order, what is held stays within its bounds and adds up."""

    def __init__(self) -> None:
        super().__init__()
        self.traces = Traces(most_traces=5, most_spans=12, most_bytes=9_000, most_of_trace=6)
        self.open: list[Open] = []
        self.number = 0

    @rule(sampled=st.booleans())
    def begin_root(self, sampled: bool) -> None:
        self.number += 1
        span = self.traces.begin(f"root {self.number}", remote=remote(sampled, self.number % 7 + 1))
        self.open.append(Open(span, self.number))

    @rule(data=st.data(), size=st.integers(0, 3_000))
    def begin_child(self, data: Any, size: int) -> None:
        if self.open:
            parent = data.draw(st.sampled_from(self.open))
            self.number += 1
            span = self.traces.begin(f"child {self.number}", parent.span)
            span.set_attribute("filler", "x" * size)
            self.open.append(Open(span, parent.trace))

    @rule(data=st.data(), failed=st.booleans(), seconds=st.sampled_from([0.1, 9.0]))
    def end(self, data: Any, failed: bool, seconds: float) -> None:
        if self.open:
            item = self.open.pop(data.draw(st.integers(0, len(self.open) - 1)))
            self.traces.end(item.span, failed=failed, seconds=seconds)

    @invariant()
    def bounded(self) -> None:
        held, spans, size = self.traces.sampler.held
        assert held <= 5
        assert spans <= 12
        assert size <= 9_000

    @invariant()
    def no_span_is_kept_twice(self) -> None:
        assert len(set(self.traces.kept.names)) == len(self.traces.kept.names)

    def teardown(self) -> None:
        for item in self.open:
            self.traces.end(item.span)
        _, spans, size = self.traces.sampler.held
        assert spans == size == 0


Bounds.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestBounds = Bounds.TestCase
