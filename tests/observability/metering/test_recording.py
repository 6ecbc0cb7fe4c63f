"""What is recorded is what is read: against exact sums, and against the OpenTelemetry SDK."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View

from deskmind.observability.metering import Bounded, MemoryMeterProvider, TenantLabel, labels
from deskmind.observability.metering.families import Families, families_of
from deskmind.observability.metering.memory import SLOTS, ProcessMemory

amounts = st.lists(st.floats(0, 1e6, allow_nan=False), max_size=30)


@pytest.fixture
def provider() -> MemoryMeterProvider:
    """In this process's own memory."""
    return MemoryMeterProvider(ProcessMemory())


def read(provider: MemoryMeterProvider) -> Families:
    """What it recorded."""
    provider.observe()
    return families_of(provider.memory.explanations(), provider.memory.values)


def values(provider: MemoryMeterProvider, name: str) -> dict[tuple[tuple[str, str], ...], list[float]]:
    """The values of one metric by labels; nothing when it has none."""
    family = read(provider).get(name)
    return {} if family is None else {key: series.values() for key, series in family.series.items()}


def test_ten_thousand_small_costs_add_up_to_the_last_digit(provider: MemoryMeterProvider) -> None:
    """Ten thousand calls at a tenth of a thousandth of a cent: floats added up naively end elsewhere."""
    cost = provider.get_meter("t").create_counter("cost")
    cents = [Decimal(number % 97 + 1) / 10_000_000 for number in range(10_000)]
    naive = 0.0
    for amount in cents:
        cost.add(float(amount), labels({"model": "fast"}))
        naive += float(amount)
    assert values(provider, "cost") == {(("model", "fast"),): [float(sum(cents))]}
    assert naive != float(sum(cents)), "the amounts no longer show the drift"


@given(st.lists(st.floats(0, 1e9, allow_nan=False), min_size=1, max_size=50))
def test_a_counter_neither_drifts_nor_falls(added: Sequence[float]) -> None:
    """At each step it is the exact sum, rounded once or to its neighbour, and not below what it was."""
    provider = MemoryMeterProvider(ProcessMemory())
    counter = provider.get_meter("t").create_counter("c")
    exact, shown = Fraction(0), 0.0
    for amount in added:
        counter.add(amount, labels())
        exact += Fraction(amount)
        now = values(provider, "c")[()][0]
        assert shown <= now
        assert abs(Fraction(now) - exact) <= Fraction(math.ulp(now))
        shown = now


@settings(max_examples=50)
@given(amounts, amounts)
def test_histograms_are_those_of_the_sdk(fast: Sequence[float], slow: Sequence[float]) -> None:
    """Counts of each bucket and the sum, for amounts on and beside the bounds."""
    bounds = (0.0, 1.0, 10.0, 1000.0)
    reader = InMemoryMetricReader()
    view = View(instrument_name="h", aggregation=ExplicitBucketHistogramAggregation(bounds))
    theirs = (
        MeterProvider([reader], views=[view], shutdown_on_exit=False).get_meter("t").create_histogram("h")
    )
    provider = MemoryMeterProvider(ProcessMemory())
    ours = provider.get_meter("t").create_histogram("h", explicit_bucket_boundaries_advisory=bounds)
    for kind, given_ in (("fast", fast), ("slow", slow)):
        for amount in (*given_, 1.0):
            theirs.record(amount, {"kind": kind})
            ours.record(amount, labels({"kind": kind}))
    data = reader.get_metrics_data()
    assert data is not None
    points = data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points
    found = values(provider, "h")
    assert len(found) == len(points) == 2
    for point in points:
        *counts, total = found[tuple((point.attributes or {}).items())]
        assert counts == list(point.bucket_counts)
        assert total == pytest.approx(point.sum)


def test_equal_label_sets_are_one_series(provider: MemoryMeterProvider) -> None:
    """However they are given."""
    counter = provider.get_meter("t").create_counter("c")
    counter.add(1, labels({"a": "1", "b": "2"}))
    counter.add(1, {"b": "2", "a": "1"})
    counter.add(1, {"a": "1", "b": 2})
    assert values(provider, "c") == {(("a", "1"), ("b", "2")): [3.0]}


def test_a_label_set_that_is_gone_lends_its_place_to_no_other(provider: MemoryMeterProvider) -> None:
    """Plain mappings come and go, and a new one may lie where an old one lay."""
    counter = provider.get_meter("t").create_counter("c")
    for number in range(2_000):
        counter.add(1, {"n": str(number % 7)})
    assert sorted(values(provider, "c").values()) == sorted([[285.0]] * 2 + [[286.0]] * 5)


def test_what_is_beyond_the_bound_is_one_series() -> None:
    """Nothing is lost, and nothing grows."""
    provider = MemoryMeterProvider(ProcessMemory(), most_series=10)
    counter = provider.get_meter("t").create_counter("c")
    for number in range(1_000):
        counter.add(1, {"user": str(number)})
    found = values(provider, "c")
    assert len(found) == 11
    assert found[(("otel.metric.overflow", "true"),)] == [990.0]


def test_a_full_memory_loses_series_and_says_so(provider: MemoryMeterProvider) -> None:
    """Recording goes on without an error, for counters and for histograms."""
    provider.memory.allocate(SLOTS - 200)
    meter = provider.get_meter("t")
    histogram, counter = meter.create_histogram("h"), meter.create_counter("c")
    for number in range(300):
        histogram.record(1.0, {"n": str(number)})
        counter.add(1, {"n": str(number)})
    assert provider.memory.lost
    assert 0 < len(values(provider, "h")) < 20
    assert all(value == [1.0] for value in values(provider, "c").values())


def test_what_an_observed_gauge_no_longer_says_is_absent(provider: MemoryMeterProvider) -> None:
    """A database that is away is not a database of zero jobs; what is counted stays."""
    queues = {"ingest": 3.0, "sync": 1.0}

    def observe(_: CallbackOptions) -> list[Observation]:
        return [Observation(value, {"queue": name}) for name, value in queues.items()]

    meter = provider.get_meter("t")
    meter.create_observable_gauge("depth", [observe])
    meter.create_observable_counter("done", [observe])
    assert values(provider, "depth") == {(("queue", "ingest"),): [3.0], (("queue", "sync"),): [1.0]}
    del queues["sync"]
    queues["ingest"] = 2.0
    assert values(provider, "depth") == {(("queue", "ingest"),): [2.0]}
    assert values(provider, "done") == {(("queue", "ingest"),): [3.0], (("queue", "sync"),): [1.0]}


def test_a_source_that_fails_takes_no_other_with_it(provider: MemoryMeterProvider) -> None:
    """Its last values stand."""

    def fail(_: CallbackOptions) -> list[Observation]:
        raise RuntimeError("dictionary changed size during iteration")

    meter = provider.get_meter("t")
    meter.create_observable_gauge("bad", [fail])
    meter.create_observable_gauge("good", [lambda _: [Observation(1)]])
    assert values(provider, "good") == {(): [1.0]}
    assert values(provider, "bad") == {}


def test_threads_lose_nothing(provider: MemoryMeterProvider) -> None:
    """Counters, histograms and new series at once."""
    meter = provider.get_meter("t")
    counter, histogram = meter.create_counter("c"), meter.create_histogram("h")

    def work() -> None:
        for number in range(2_000):
            counter.add(1, {"n": str(number % 5)})
            histogram.record(0.5, labels())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(value for (value,) in values(provider, "c").values()) == 8_000
    assert values(provider, "h")[()][-1] == 4_000


def test_one_name_is_one_instrument(provider: MemoryMeterProvider) -> None:
    """Of whichever meter; a second kind under the same name records nowhere rather than wrongly."""
    provider.get_meter("a").create_counter("c").add(1, {})
    provider.get_meter("b").create_counter("c").add(1, {})
    provider.get_meter("b").create_histogram("c").record(5, {})
    assert values(provider, "c") == {(): [2.0]}


def test_up_down_counters_and_gauges(provider: MemoryMeterProvider) -> None:
    """They may fall; a counter may not."""
    meter = provider.get_meter("t")
    active, level, counter = (
        meter.create_up_down_counter("active"),
        meter.create_gauge("level"),
        meter.create_counter("c"),
    )
    active.add(3)
    active.add(-2)
    level.set(7.5)
    level.set(2.5)
    counter.add(1)
    counter.add(-1)
    assert [values(provider, name)[()] for name in ("active", "level", "c")] == [[1.0], [2.5], [1.0]]


def test_a_folder_without_room_or_rights(tmp_path: Path) -> None:
    """Is an error when metrics begin, not later."""
    with pytest.raises(OSError, match="No such file"):
        ProcessMemory(tmp_path / "nowhere")


@given(st.lists(st.text(), max_size=60))
def test_bounded_values(given_: Sequence[str]) -> None:
    """Never more than stated, and the same answer every time."""
    bounded = Bounded(5, known=["chat"])
    first = [bounded(value) for value in given_]
    assert len(set(first) - {"other"}) <= 6
    assert all(len(value) <= 60 for value in first)
    assert bounded("chat") == "chat"
    assert [bounded(value) for value in given_] == first or len(set(given_)) > 5


def test_the_busiest_tenants_have_places() -> None:
    """Five of a thousand tenants make most of the calls; strangers pass by in between."""
    place = TenantLabel("top", 10)
    for round_ in range(200):
        for busy in ("t1", "t2", "t3", "t4", "t5"):
            place(busy)
        place(f"stranger-{round_}")
    assert [place(f"t{number}") for number in range(1, 6)] == [f"t{number}" for number in range(1, 6)]
    assert len({place(f"stranger-{number}") for number in range(200)} - {"other"}) <= 5


def test_tenants_off_or_all() -> None:
    """As the setting says."""
    assert TenantLabel("off")("t1") == ""
    assert [TenantLabel("id")(f"t{number}") for number in range(50)] == [f"t{number}" for number in range(50)]
