"""The outbox is bounded whatever happens, and loses no count."""

import subprocess
import sys
import threading
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.trace import INVALID_SPAN, SpanKind
from tests.observability.counting import Counted

from deskmind.observability.instruments import TELEMETRY_DROPPED
from deskmind.observability.telemetry._outbox import Outbox, sized
from deskmind.observability.telemetry._spans import LightSpan

_OBSERVED = """
import threading
from opentelemetry import metrics
from deskmind.observability.metering import MemoryMeterProvider
from deskmind.observability.metering.families import families_of
from deskmind.observability.metering.memory import ProcessMemory
from deskmind.observability.telemetry._outbox import Outbox, sized
from tests.observability.telemetry.test_outbox import Scripted, made

provider = MemoryMeterProvider(ProcessMemory())
metrics.set_meter_provider(provider)
gate, offered = threading.Event(), threading.Event()


class Exporter(Scripted):
    def export(self, spans):
        taken = super().export(spans)
        if not taken:
            gate.clear()
        offered.set()
        return taken


def shown():
    provider.observe()
    series = families_of(provider.memory.explanations(), provider.memory.values)["deskmind.telemetry.failing"].series
    ((labels, values),) = series.items()
    assert dict(labels) == {"deskmind.signal": "traces"}
    print(values.values()[0])


outbox = Outbox(Exporter(["fail"], gate), "here", interval=0.001)
shown()
outbox.put([sized(span) for span in made(1)])
gate.set()
offered.wait(60)
while not outbox.failing:
    pass
shown()
gate.set()
assert outbox.flush(60)
shown()
"""


class Scripted:
    """Succeeds, fails or raises as told, then succeeds."""

    def __init__(self, script: Sequence[str], gate: threading.Event) -> None:
        self.script = list(script)
        self.gate = gate
        self.batches: list[list[LightSpan]] = []

    def export(self, spans: list[LightSpan]) -> bool:
        self.gate.wait()
        told = self.script.pop(0) if self.script else "ok"
        if told == "raise":
            raise OSError("the collector is on fire")
        if told == "fail":
            return False
        self.batches.append(list(spans))
        return True

    def shutdown(self) -> None:
        self.gate.set()


class Nowhere:
    """Is told of spans and does nothing."""

    def begun(self, root: LightSpan) -> None:
        del root

    def ended(self, span: LightSpan) -> None:
        del span


def made(count: int) -> list[LightSpan]:
    return [
        LightSpan(
            Nowhere(),
            f"span {number}",
            SpanKind.INTERNAL,
            {"filler": "x" * (number % 7) * 100},
            INVALID_SPAN,
            0,
        )
        for number in range(count)
    ]


@given(
    counts=st.lists(st.integers(0, 40), max_size=12),
    script=st.lists(st.sampled_from(["ok", "fail", "raise"]), max_size=12),
    most_spans=st.integers(1, 60),
    most_bytes=st.integers(500, 40_000),
    batch=st.integers(1, 30),
)
@settings(max_examples=60, deadline=None)
def test_bounds_hold_and_every_span_is_counted(
    counts: list[int], script: list[str], most_spans: int, most_bytes: int, batch: int
) -> None:
    gate = threading.Event()
    exporter = Scripted(script, gate)
    outbox = Outbox(
        exporter, "here", most_spans=most_spans, most_bytes=most_bytes, batch_spans=batch, batch_bytes=5_000,
        interval=0.001, patience=0,
    )  # fmt: skip
    for count in counts:
        outbox.put([sized(span) for span in made(count)])
        now = outbox.counts()
        assert now.waiting <= most_spans + batch
        assert now.waiting_bytes <= most_bytes
    gate.set()
    assert outbox.flush(60)
    outbox.close(10)
    end = outbox.counts()
    assert end.exported == sum(map(len, exporter.batches))
    assert (end.exported + end.dropped, end.waiting) == (sum(counts), 0)
    assert all(len(sent) <= batch for sent in exporter.batches)


def test_a_batch_that_is_never_taken_does_not_block_those_behind_it() -> None:
    gate = threading.Event()
    exporter = Scripted(["fail"] * 3, gate)
    outbox = Outbox(exporter, "here", batch_spans=1, interval=0.001, patience=0)
    outbox.put([sized(span) for span in made(2)])
    gate.set()
    assert outbox.flush(60)
    outbox.close(10)
    assert [[span.name for span in batch] for batch in exporter.batches] == [["span 1"]]
    assert outbox.counts().dropped == 1


def test_the_oldest_make_room_for_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch, "deskmind.observability.telemetry._outbox._lost", TELEMETRY_DROPPED)
    gate = threading.Event()
    exporter = Scripted([], gate)
    outbox = Outbox(exporter, "here", most_spans=3, interval=60)
    outbox.put([sized(span) for span in made(10)])
    gate.set()
    outbox.close(10)
    assert [span.name for batch in exporter.batches for span in batch] == ["span 7", "span 8", "span 9"]
    assert counted.values() == {("traces",): 7}


def test_a_collector_that_fails_is_on_the_metrics_until_it_takes_spans_again() -> None:
    """As an observer of the catalogue's gauge reads it, in a process of its own."""
    done = subprocess.run([sys.executable, "-c", _OBSERVED], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0.0", "1.0", "0.0"], done.stderr


def test_what_comes_during_an_export_gathers_until_the_next() -> None:
    """Else, under load, each request's few spans would travel alone."""
    entered, gate = threading.Event(), threading.Event()

    class Watched(Scripted):
        def export(self, spans: list[LightSpan]) -> bool:
            entered.set()
            return super().export(spans)

    exporter = Watched([], gate)
    outbox = Outbox(exporter, "here", batch_spans=3, interval=600)
    outbox.put([sized(span) for span in made(3)])
    assert entered.wait(60)
    outbox.put([sized(span) for span in made(1)])
    gate.set()
    while outbox.counts().exported < 3:
        pass
    outbox.put([sized(span) for span in made(1)])
    assert outbox.flush(60)
    assert [len(batch) for batch in exporter.batches] == [3, 2]
    outbox.close(20)
