"""A meter provider of the OpenTelemetry API that records into memory which other processes can read.

Recording with a known label set costs a look-up and an addition, a tenth of the SDK's (docs/design/observability.md), and
needs no package beyond the API. It does what Deskmind needs: counters, up-down counters, gauges, histograms with given
buckets, observed or recorded. Views, exemplars and delta temporality it has not.
"""

from __future__ import annotations

import math
import threading
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from opentelemetry import metrics
from opentelemetry.context import Context
from opentelemetry.metrics import (
    CallbackOptions,
    Counter,
    Histogram,
    Meter,
    MeterProvider,
    ObservableCounter,
    ObservableGauge,
    ObservableUpDownCounter,
    UpDownCounter,
)
from opentelemetry.metrics import _Gauge as Gauge
from opentelemetry.metrics import _NoOpGauge as NoOpGauge

from deskmind.observability._instrument import STEP_SECONDS
from deskmind.observability.instruments import BY_NAME
from deskmind.observability.logs import logger
from deskmind.observability.metering.labels import Labels
from deskmind.observability.metering.memory import FIRST_SLOT, ProcessMemory

__all__ = ["OVERFLOW", "MemoryMeterProvider"]

OVERFLOW = {"otel.metric.overflow": "true"}
"""The series of everything beyond the bound, as the OpenTelemetry specification has it."""

_MOST_SERIES = 2_000
_log = logger("deskmind.metrics")
_Attributes = Mapping[str, Any] | None
_NOTHING: Mapping[str, Any] = {}


class _Series:
    """The slots of one instrument's label sets."""

    def __init__(self, memory: ProcessMemory, number: int, size: int, most: int) -> None:
        self._memory = memory
        self._number = number
        self._size = size
        self._most = most
        self._known: dict[int, int] = {}
        self._kept: list[Labels] = []
        self._by_values: dict[tuple[tuple[str, str], ...], int] = {}
        self.lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._by_values)

    def slot(self, attributes: _Attributes) -> int:
        """Where the values of a label set are."""
        slot = self._known.get(id(attributes))
        return self._find(attributes or _NOTHING) if slot is None else slot

    def _find(self, attributes: Mapping[str, Any]) -> int:
        with self.lock:
            values = tuple(sorted((name, str(value)) for name, value in attributes.items()))
            slot = self._by_values.get(values)
            if slot is None:
                slot = self._add(values)
            if type(attributes) is Labels and len(self._kept) < 2 * self._most:
                self._kept.append(attributes)  # so that no other object gets its id
                self._known[id(attributes)] = slot
            return slot

    def _add(self, values: tuple[tuple[str, str], ...]) -> int:
        if len(self._by_values) >= self._most:
            overflow = tuple(OVERFLOW.items())
            if overflow not in self._by_values:
                self._by_values[overflow] = self._take(overflow)
            return self._by_values[overflow]
        slot = self._by_values[values] = self._take(values)
        return slot

    def _take(self, values: tuple[tuple[str, str], ...]) -> int:
        slot = self._memory.allocate(self._size)
        if slot >= FIRST_SLOT:
            self._memory.explain({"series": self._number, "slot": slot, "labels": dict(values)})
        return slot


class _Counter(Counter):
    """Adds without drift: what rounding loses is carried on (Neumaier, 1974). The published value never falls."""

    def __init__(
        self, name: str, unit: str, description: str, series: _Series, memory: ProcessMemory
    ) -> None:
        super().__init__(name, unit, description)
        self._series = series
        self._values = memory.values
        self._sums: dict[int, tuple[float, float]] = {}

    def add(self, amount: float, attributes: _Attributes = None, context: Context | None = None) -> None:
        """Count."""
        if amount < 0:
            return
        series = self._series
        slot = series.slot(attributes)
        with series.lock:
            total, lost = self._sums.get(slot, (0.0, 0.0))
            sum_ = total + amount
            lost += (total - sum_) + amount if total >= amount else (amount - sum_) + total
            self._sums[slot] = (sum_, lost)
            exact = sum_ + lost
            self._values[slot] = max(self._values[slot], exact)


class _UpDownCounter(UpDownCounter):
    def __init__(
        self, name: str, unit: str, description: str, series: _Series, memory: ProcessMemory
    ) -> None:
        super().__init__(name, unit, description)
        self._series = series
        self._values = memory.values

    def add(self, amount: float, attributes: _Attributes = None, context: Context | None = None) -> None:
        """Count up or down."""
        slot = self._series.slot(attributes)
        with self._series.lock:
            self._values[slot] += amount


class _Gauge(Gauge):
    def __init__(
        self, name: str, unit: str, description: str, series: _Series, memory: ProcessMemory
    ) -> None:
        super().__init__(name, unit, description)
        self._series = series
        self._values = memory.values

    def set(self, amount: float, attributes: _Attributes = None, context: Context | None = None) -> None:
        """Say what is."""
        self._values[self._series.slot(attributes)] = amount


class _Histogram(Histogram):
    """Counts by bucket, then their sum."""

    def __init__(
        self,
        name: str,
        unit: str,
        description: str,
        bounds: tuple[float, ...],
        series: _Series,
        memory: ProcessMemory,
    ) -> None:
        super().__init__(name, unit, description, bounds)
        self._series = series
        self._values = memory.values
        self._bounds = bounds
        self._sum = len(bounds) + 1

    def record(self, amount: float, attributes: _Attributes = None, context: Context | None = None) -> None:
        """Record."""
        series = self._series
        slot = series.slot(attributes)
        if slot < 0 or not amount >= 0:
            return
        place = slot + bisect_left(self._bounds, amount)
        with series.lock:
            values = self._values
            values[place] += 1.0
            values[slot + self._sum] += amount


class _Observed:
    """Asks its callbacks and writes down what they say; what they no longer say is absent."""

    def __init__(self, series: _Series, memory: ProcessMemory, *, lasting: bool) -> None:
        self._series = series
        self._values = memory.values
        self.callbacks: list[Any] = []
        self._lasting = lasting
        self._shown: set[int] = set()

    def observe(self) -> None:
        """Ask now."""
        shown: dict[int, float] = {}
        for callback in self.callbacks:
            for observation in callback(CallbackOptions()):
                shown[self._series.slot(observation.attributes)] = observation.value
        for slot, value in shown.items():
            self._values[slot] = max(self._values[slot], value) if self._lasting else value
        if not self._lasting:
            for slot in self._shown - shown.keys():
                self._values[slot] = math.nan
        self._shown = set(shown)


class _ObservableCounter(ObservableCounter):
    """Observed by its provider."""

    def __init__(self, name: str, unit: str, description: str) -> None:
        super().__init__(name, unit=unit, description=description)


class _ObservableUpDownCounter(ObservableUpDownCounter):
    """Observed by its provider."""

    def __init__(self, name: str, unit: str, description: str) -> None:
        super().__init__(name, unit=unit, description=description)


class _ObservableGauge(ObservableGauge):
    """Observed by its provider."""

    def __init__(self, name: str, unit: str, description: str) -> None:
        super().__init__(name, unit=unit, description=description)


class MemoryMeterProvider(MeterProvider):
    """See the module. One instrument a name, whoever asks for it.

    Args:
        memory: where to.
        most_series: of one instrument; what would be more is one series, ``otel.metric.overflow``.
    """

    def __init__(self, memory: ProcessMemory, *, most_series: int = _MOST_SERIES) -> None:
        self.memory = memory
        self._most = most_series
        self._instruments: dict[str, Any] = {}
        self._series: dict[str, _Series] = {}
        self._observed: dict[str, _Observed] = {}
        self._lock = threading.Lock()
        self._troubled: set[str] = set()

    def get_meter(
        self,
        name: str,
        version: str | None = None,
        schema_url: str | None = None,
        attributes: _Attributes = None,
    ) -> Meter:
        """A meter; its name is not part of a metric's."""
        return _Meter(self, name, version, schema_url)

    def observe(self) -> None:
        """Ask what is observed rather than recorded. A source that fails is logged once and leaves its values as they are."""
        for name, observed in list(self._observed.items()):
            try:
                observed.observe()
                self._troubled.discard(name)
            except Exception as error:  # whatever a host's callback raises
                if name not in self._troubled:
                    self._troubled.add(name)
                    _log.warning("metrics.not_observed", metric=name, exc_info=error)

    def series(self) -> dict[str, int]:
        """How many label sets each instrument has."""
        return {name: len(series) for name, series in self._series.items()}

    def close(self) -> None:
        """Record nothing more."""
        self._observed.clear()

    def make(
        self,
        kind: type[Any],
        name: str,
        unit: str,
        description: str,
        *,
        bounds: Sequence[float] = (),
        callbacks: Iterable[Any] | None = None,
    ) -> Any:
        """The instrument of a name, made at its first use."""
        with self._lock:
            known = self._instruments.get(name)
            if known is None:
                known = self._instruments[name] = self._new(kind, name, unit, description, tuple(bounds))
            if not isinstance(known, kind):
                _log.warning("metrics.two_kinds", metric=name)
                return _NOWHERE[kind](name, unit=unit, description=description)
            if callbacks:
                self._observed[name].callbacks.extend(callbacks)
            return known

    def _new(self, kind: type[Any], name: str, unit: str, description: str, bounds: tuple[float, ...]) -> Any:
        series = self._describe(kind, name, unit, description, bounds)
        if kind is _Histogram:
            return kind(name, unit, description, bounds, series, self.memory)
        if kind not in _OBSERVED:
            return kind(name, unit, description, series, self.memory)
        self._observed[name] = _Observed(series, self.memory, lasting=kind is _ObservableCounter)
        return kind(name, unit, description)

    def _describe(
        self, kind: type[Any], name: str, unit: str, description: str, bounds: tuple[float, ...]
    ) -> _Series:
        number = len(self._series)
        catalogued = BY_NAME.get(name)
        self.memory.explain(
            {
                "instrument": number,
                "name": name,
                "kind": _KINDS[kind],
                "unit": unit,
                "description": description,
                "bounds": bounds,
                "across": catalogued.across if catalogued is not None else "sum",
            }
        )
        size = len(bounds) + 2 if kind is _Histogram else 1
        series = self._series[name] = _Series(self.memory, number, size, self._most)
        return series


_KINDS: dict[type[Any], str] = {
    _Counter: "counter",
    _ObservableCounter: "counter",
    _UpDownCounter: "up_down_counter",
    _ObservableUpDownCounter: "up_down_counter",
    _Gauge: "gauge",
    _ObservableGauge: "gauge",
    _Histogram: "histogram",
}
_OBSERVED = {_ObservableCounter, _ObservableUpDownCounter, _ObservableGauge}
_NOWHERE: dict[type[Any], type[Any]] = {
    _Counter: metrics.NoOpCounter,
    _ObservableCounter: metrics.NoOpObservableCounter,
    _UpDownCounter: metrics.NoOpUpDownCounter,
    _ObservableUpDownCounter: metrics.NoOpObservableUpDownCounter,
    _Gauge: NoOpGauge,
    _ObservableGauge: metrics.NoOpObservableGauge,
    _Histogram: metrics.NoOpHistogram,
}


class _Meter(Meter):
    def __init__(
        self, provider: MemoryMeterProvider, name: str, version: str | None, schema_url: str | None
    ) -> None:
        super().__init__(name, version, schema_url)
        self._provider = provider

    def create_counter(self, name: str, unit: str = "", description: str = "") -> Counter:
        return self._provider.make(_Counter, name, unit, description)

    def create_up_down_counter(self, name: str, unit: str = "", description: str = "") -> UpDownCounter:
        return self._provider.make(_UpDownCounter, name, unit, description)

    def create_gauge(self, name: str, unit: str = "", description: str = "") -> Gauge:
        return self._provider.make(_Gauge, name, unit, description)

    def create_histogram(
        self,
        name: str,
        unit: str = "",
        description: str = "",
        *,
        explicit_bucket_boundaries_advisory: Sequence[float] | None = None,
    ) -> Histogram:
        bounds = tuple(explicit_bucket_boundaries_advisory or STEP_SECONDS)
        return self._provider.make(_Histogram, name, unit, description, bounds=bounds)

    def create_observable_counter(
        self, name: str, callbacks: Sequence[Any] | None = None, unit: str = "", description: str = ""
    ) -> ObservableCounter:
        return self._provider.make(_ObservableCounter, name, unit, description, callbacks=callbacks or ())

    def create_observable_up_down_counter(
        self, name: str, callbacks: Sequence[Any] | None = None, unit: str = "", description: str = ""
    ) -> ObservableUpDownCounter:
        return self._provider.make(
            _ObservableUpDownCounter, name, unit, description, callbacks=callbacks or ()
        )

    def create_observable_gauge(
        self, name: str, callbacks: Sequence[Any] | None = None, unit: str = "", description: str = ""
    ) -> ObservableGauge:
        return self._provider.make(_ObservableGauge, name, unit, description, callbacks=callbacks or ())
