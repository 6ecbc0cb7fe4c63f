"""What a panel is, before Grafana's own form of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = [
    "BAD",
    "GOOD",
    "WARN",
    "WINDOW",
    "Board",
    "Panel",
    "Query",
    "Section",
    "q",
    "quantile",
    "rate",
    "series",
]

GOOD, WARN, BAD = "green", "orange", "red"
WINDOW = "$__rate_interval"
Kind = Literal["timeseries", "stat", "bars", "table"]


@dataclass(frozen=True, slots=True)
class Query:
    """An expression and the legend of its series.

    Attributes:
        empty: why it may rightly return nothing on a service that works; empty when it always returns data.
    """

    expression: str
    legend: str = ""
    empty: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture.

    Attributes:
        title: what is shown.
        description: how to read it, and what to do when it is bad.
        unit: one of Grafana's unit ids.
        queries: at least one.
        kind: how it is drawn.
        thresholds: values from which on a colour holds; what is below the first is green (or without judgement).
        width: of 24 columns.
        stacked: whether series add up.
        most: the upper end of the axis.
    """

    title: str
    description: str
    unit: str
    queries: tuple[Query, ...]
    kind: Kind = "timeseries"
    thresholds: tuple[tuple[float, str], ...] = ()
    width: int = 8
    stacked: bool = False
    most: float | None = None
    decimals: int | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """A row of panels with a title."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard; its file and its address are named after ``name``."""

    name: str
    title: str
    description: str
    sections: tuple[Section, ...]

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All panels."""
        return tuple(panel for section in self.sections for panel in section.panels)


def q(expression: str, legend: str = "", *, empty: str = "") -> Query:
    """A query."""
    return Query(expression, legend, empty)


def series(metric: str, labels: str = "") -> str:
    """The series of a metric on the chosen instances.

    >>> series("up", 'job="x"')
    'up{instance=~"$instance",job="x"}'
    """
    return f'{metric}{{instance=~"$instance"{"," if labels else ""}{labels}}}'


def rate(metric: str, labels: str = "", *, by: str = "") -> str:
    """The sum of a counter's growth per second."""
    return f"sum{f' by ({by})' if by else ''} (rate({series(metric, labels)}[{WINDOW}]))"


def quantile(share: float, histogram: str, labels: str = "", *, by: str = "") -> str:
    """A quantile of a histogram over the window."""
    grouped = f"le, {by}" if by else "le"
    return f"histogram_quantile({share:g}, {rate(f'{histogram}_bucket', labels, by=grouped)})"
