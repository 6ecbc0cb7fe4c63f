"""What the catalogue's entries are, and the buckets of its histograms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

__all__ = [
    "MODEL_SECONDS",
    "OTHER",
    "REQUEST_SECONDS",
    "RESULTS",
    "STEP_SECONDS",
    "TOKENS",
    "WORK_SECONDS",
    "Instrument",
    "Kind",
    "Label",
]

Kind = Literal["counter", "up_down_counter", "gauge", "histogram"]
Across = Literal["sum", "max"]

OTHER: Final = "other"
"""Stands for every value beyond a bound."""


@dataclass(frozen=True, slots=True)
class Label:
    """A label of an instrument.

    Attributes:
        name: as an OpenTelemetry attribute.
        bound: why it has few values.
        values: all of them, where they are few enough to list.
        most: how many there can be, in an installation of 10 models, 20 deployments and 10 features.
    """

    name: str
    bound: str
    values: tuple[str, ...] = ()
    most: int = 0

    @property
    def size(self) -> int:
        """Most values."""
        return len(self.values) or self.most


@dataclass(frozen=True, slots=True)
class Instrument:
    """A metric.

    Attributes:
        name: of OpenTelemetry.
        kind: of instrument.
        unit: in UCUM; braces hold what is counted.
        description: what it says.
        labels: what it is split by.
        buckets: upper bounds of a histogram.
        across: how the values of several processes become one; a gauge is summed or the greatest is shown.
        observed: read from its source when metrics are asked for, not recorded as it happens.
    """

    name: str
    kind: Kind
    unit: str
    description: str
    labels: tuple[Label, ...] = ()
    buckets: tuple[float, ...] = field(default=(), repr=False)
    across: Across = "sum"
    observed: bool = False

    @property
    def most_series(self) -> int:
        """An upper bound on the combinations of its labels."""
        product = 1
        for label in self.labels:
            product *= label.size
        return product


def _doubling(first: float, count: int) -> tuple[float, ...]:
    return tuple(round(first * 2**number, 6) for number in range(count))


MODEL_SECONDS: Final = _doubling(0.01, 14)
"""0.01 × 2ⁿ to 81.92: the conventions' own for calls of models."""
TOKENS: Final = tuple(float(4**number) for number in range(14))
REQUEST_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""The conventions' own for HTTP."""
STEP_SECONDS: Final = _doubling(0.0005, 15)
"""0.5 ms to 8.2 s: steps inside a request."""
WORK_SECONDS: Final = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
"""Background work."""
RESULTS: Final = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0)
