"""Metrics as they are read: families of series, and how those of several processes become one.

A sum over processes must not depend on which of them have ended, or a counter would seem to fall by a rounding error and
Prometheus would take that for a restart. So cells are kept as exact sums: a few floats that add up without error (Shewchuk,
1997), rounded once when they are shown.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

__all__ = ["Family", "Series", "families_of", "merge", "stored", "unstored"]

LabelValues = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Series:
    """One label set's cells: one value; of a histogram the count of each bucket, then their sum."""

    cells: list[list[float]]

    def values(self) -> list[float]:
        """Each cell's sum, rounded once."""
        return [cell[0] if len(cell) == 1 else math.fsum(cell) for cell in self.cells]


@dataclass(slots=True)
class Family:
    """A metric with its series.

    Attributes:
        name, kind, unit, description: as in the catalogue.
        bounds: of a histogram's buckets.
        across: ``sum`` or ``max``.
        series: by labels, which are sorted.
    """

    name: str
    kind: str
    unit: str
    description: str
    bounds: tuple[float, ...]
    across: str
    series: dict[LabelValues, Series] = field(default_factory=dict[LabelValues, Series])

    @property
    def accumulates(self) -> bool:
        """Whether what a process counted still counts when it is gone."""
        return self.kind in {"counter", "histogram"}


Families = dict[str, Family]


def families_of(explanations: bytes, values: Sequence[float]) -> Families:
    """What one process says: its explanations and its doubles. A line that is not whole yet is left out."""
    families: Families = {}
    by_number: dict[int, Family] = {}
    for line in explanations.split(b"\n"):
        try:
            told: dict[str, Any] = orjson.loads(line)
            if "instrument" in told:
                family = by_number[told["instrument"]] = _family(told)
                families[family.name] = family
            else:
                _take(by_number[told["series"]], told, values)
        except (orjson.JSONDecodeError, KeyError, IndexError):
            continue
    return families


def merge(into: Families, more: Families, *, lasting: bool = False) -> None:
    """Add families to others.

    Args:
        into: is changed.
        more: of one process.
        lasting: only what still counts when the process is gone.
    """
    for name, family in more.items():
        if lasting and not family.accumulates:
            continue
        known = into.get(name)
        if known is None:
            into[name] = known = _family(_described(family))
        if known.kind != family.kind or known.bounds != family.bounds:
            continue  # of another release: two kinds of buckets have no sum
        for labels, series in family.series.items():
            _join(known, labels, series)


def stored(families: Families) -> list[dict[str, Any]]:
    """For JSON."""
    return [
        {
            **_described(family),
            "series": [
                [labels, [_exact(cell) for cell in item.cells]] for labels, item in family.series.items()
            ],
        }
        for family in families.values()
    ]


def unstored(records: Iterable[Mapping[str, Any]]) -> Families:
    """The reverse of ``stored``."""
    families: Families = {}
    for record in records:
        family = families[record["name"]] = _family(record)
        for labels, cells in record["series"]:
            family.series[tuple((name, value) for name, value in labels)] = Series(cells)
    return families


def _family(told: Mapping[str, Any]) -> Family:
    return Family(
        told["name"], told["kind"], told["unit"], told["description"], tuple(told["bounds"]), told["across"]
    )


def _described(family: Family) -> dict[str, Any]:
    return {
        "name": family.name,
        "kind": family.kind,
        "unit": family.unit,
        "description": family.description,
        "bounds": family.bounds,
        "across": family.across,
    }


def _take(family: Family, told: Mapping[str, Any], values: Sequence[float]) -> None:
    size = len(family.bounds) + 2 if family.kind == "histogram" else 1
    slot: int = told["slot"]
    found = [values[slot + place] for place in range(size)]
    if not math.isnan(found[0]):
        labels: dict[str, str] = told["labels"]
        family.series[tuple(sorted(labels.items()))] = Series([[value] for value in found])


def _join(family: Family, labels: LabelValues, series: Series) -> None:
    known = family.series.get(labels)
    if known is None:
        family.series[labels] = Series([list(cell) for cell in series.cells])
    elif family.across == "max" and not family.accumulates:
        known.cells = [[max(*known.values(), *series.values())]]
    else:
        for cell, more in zip(known.cells, series.cells, strict=True):
            cell.extend(more)


def _exact(cell: Sequence[float]) -> list[float]:
    """Floats without overlap that have the same sum."""
    parts: list[float] = []
    for value in cell:
        place = 0
        for part in parts:
            larger, smaller = (value, part) if abs(value) >= abs(part) else (part, value)
            total = larger + smaller
            if rest := smaller - (total - larger):
                parts[place] = rest
                place += 1
            value = total  # noqa: PLW2901
        parts[place:] = [value]
    return parts
