"""What an experiment found: each metric by variant, and each variant against the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from deskmind.prompts.intervals import (
    Interval,
    mean_difference,
    mean_interval,
    proportion_difference,
    wilson,
)

__all__ = ["ExperimentReport", "MetricReport", "Tally", "VariantResult", "compare"]


@dataclass(frozen=True, slots=True)
class Tally:
    """One metric of one variant, each user counted once with the mean of their values.

    Attributes:
        users: how many users.
        observations: how many values.
        mean: of the users' means.
        variance: of the users' means; None for fewer than two users.
        binary: every user has one value, 0 or 1.
    """

    users: int
    observations: int
    mean: float
    variance: float | None
    binary: bool

    @property
    def successes(self) -> tuple[int, int]:
        """Ones and users of a binary metric."""
        return round(self.mean * self.users), self.users

    @property
    def moments(self) -> tuple[float, float | None, int]:
        """Mean, variance and users."""
        return self.mean, self.variance, self.users


@dataclass(frozen=True, slots=True)
class VariantResult:
    """A variant's value of a metric.

    Attributes:
        users: how many users have outcomes.
        observations: how many outcomes there are.
        value: mean or proportion over users.
        difference: to the first variant; None for the first itself.
    """

    users: int
    observations: int
    value: Interval
    difference: Interval | None

    @property
    def differs(self) -> bool:
        """Whether the interval of the difference excludes zero."""
        found = self.difference
        return (
            found is not None
            and found.low is not None
            and found.high is not None
            and (found.low > 0 or found.high < 0)
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "users": self.users,
            "observations": self.observations,
            "value": self.value.as_dict(),
            "difference": self.difference.as_dict() if self.difference else None,
            "differs": self.differs,
        }


@dataclass(frozen=True, slots=True)
class MetricReport:
    """One metric.

    Attributes:
        metric: its name.
        kind: ``proportion`` (one 0 or 1 a user: Wilson, Newcombe) or ``mean`` (Student, Welch).
        variants: results by variant, the one that others are compared with first.
    """

    metric: str
    kind: Literal["proportion", "mean"]
    variants: Mapping[str, VariantResult]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "metric": self.metric,
            "kind": self.kind,
            "variants": {name: result.as_dict() for name, result in self.variants.items()},
        }


@dataclass(frozen=True, slots=True)
class ExperimentReport:
    """What an experiment found so far.

    Attributes:
        experiment: its name.
        running: whether it still runs.
        confidence: of every interval, each taken alone: with many metrics or many looks some will exclude zero by chance.
        metrics: by name.
    """

    experiment: str
    running: bool
    confidence: float
    metrics: tuple[MetricReport, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "experiment": self.experiment,
            "running": self.running,
            "confidence": self.confidence,
            "metrics": [metric.as_dict() for metric in self.metrics],
        }


def compare(
    metric: str, order: Sequence[str], tallies: Mapping[str, Tally], confidence: float
) -> MetricReport:
    """A metric's report. ``order`` names the variants, the one that others are compared with first."""
    binary = all(tally.binary for tally in tallies.values())
    base = tallies.get(order[0])
    results: dict[str, VariantResult] = {}
    for variant in order:
        mine = tallies.get(variant)
        if mine is None:
            continue
        against = base if base is not None and variant != order[0] else None
        if binary:
            value = wilson(*mine.successes, confidence)
            difference = against and proportion_difference(against.successes, mine.successes, confidence)
        else:
            value = mean_interval(*mine.moments, confidence)
            difference = against and mean_difference(against.moments, mine.moments, confidence)
        results[variant] = VariantResult(mine.users, mine.observations, value, difference)
    return MetricReport(metric, "proportion" if binary else "mean", results)
