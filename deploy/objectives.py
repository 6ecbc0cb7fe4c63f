"""Reads ``objectives.yaml``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

__all__ = ["OBJECTIVES", "Objective", "read"]


@dataclass(frozen=True, slots=True)
class Objective:
    """One promise: see the comment in ``objectives.yaml``."""

    slo: str
    title: str
    objective: float
    total: str
    bad: str = ""
    faster_than: float | None = None

    @property
    def budget(self) -> float:
        """Share of events that may be bad."""
        return round(1 - self.objective, 6)

    @property
    def alert(self) -> str:
        """What its alerts' names begin with."""
        return "Deskmind" + "".join(word.capitalize() for word in self.slo.split("-"))

    def ratio(self, window: str) -> str:
        """The share of bad events over a window; nothing where there were no events."""
        if self.faster_than is None:
            bad = f"(sum(rate({self.bad}[{window}])) or vector(0))"
            return f"{bad} / (sum(rate({self.total}[{window}])) > 0)"
        name, _, labels = self.total.partition("{")
        labels = labels.removesuffix("}")
        within = f'sum(rate({name}_bucket{{{labels},le="{self.faster_than}"}}[{window}]))'
        return f"1 - {within} / (sum(rate({name}_count{{{labels}}}[{window}])) > 0)"


def read(path: Path) -> tuple[Objective, ...]:
    """The objectives of a file."""
    return tuple(Objective(**given) for given in yaml.safe_load(path.read_text("utf-8"))["objectives"])


OBJECTIVES = read(Path(__file__).with_name("objectives.yaml"))
