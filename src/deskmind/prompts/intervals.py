"""Confidence intervals of means, proportions and their differences.

Sources: Wilson (1927) for a proportion; Newcombe (1998), method 10, for a difference of proportions; Welch (1947)
for a difference of means; the regularised incomplete beta function by continued fraction (Numerical Recipes, 6.4).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

__all__ = [
    "Interval",
    "mean_difference",
    "mean_interval",
    "proportion_difference",
    "student_quantile",
    "wilson",
]

_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate between two bounds; the bounds are None when there is too little to say."""

    estimate: float
    low: float | None
    high: float | None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"estimate": self.estimate, "low": self.low, "high": self.high}


def wilson(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    """A proportion: Wilson's score interval, which holds for few trials and for none or all successes."""
    if trials == 0:
        return Interval(0.0, None, None)
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share, scale = successes / trials, 1 + z * z / trials
    middle = (share + z * z / (2 * trials)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return Interval(
        share,
        0.0 if successes == 0 else max(0.0, middle - half),
        1.0 if successes == trials else min(1.0, middle + half),
    )


def proportion_difference(
    first: tuple[int, int], second: tuple[int, int], confidence: float = 0.95
) -> Interval:
    """Second proportion minus first, each given as successes and trials (Newcombe's hybrid score interval)."""
    a, b = wilson(*first, confidence), wilson(*second, confidence)
    difference = b.estimate - a.estimate
    if a.low is None or a.high is None or b.low is None or b.high is None:
        return Interval(difference, None, None)
    low = difference - math.hypot(b.estimate - b.low, a.high - a.estimate)
    high = difference + math.hypot(b.high - b.estimate, a.estimate - a.low)
    return Interval(difference, max(-1.0, low), min(1.0, high))


def mean_interval(mean: float, variance: float | None, count: int, confidence: float = 0.95) -> Interval:
    """A mean (Student's t). ``variance`` is the sample's; None for fewer than two values.

    Equal values alone do not say how far others lie from them: then there are no bounds.
    """
    if count < 2 or variance is None or not _varied(mean, variance):
        return Interval(mean, None, None)
    half = student_quantile(0.5 + confidence / 2, count - 1) * math.sqrt(variance / count)
    return Interval(mean, mean - half, mean + half)


def mean_difference(
    first: tuple[float, float | None, int], second: tuple[float, float | None, int], confidence: float = 0.95
) -> Interval:
    """Second mean minus first, each given as mean, sample variance and count (Welch's t).

    There are no bounds where all values on both sides are equal: two users each would show a certain difference.
    """
    difference = second[0] - first[0]
    if first[1] is None or second[1] is None or first[2] < 2 or second[2] < 2:
        return Interval(difference, None, None)
    if not _varied(first[0], first[1]) and not _varied(second[0], second[1]):
        return Interval(difference, None, None)
    a, b = first[1] / first[2], second[1] / second[2]
    freedom = (a + b) ** 2 / (a * a / (first[2] - 1) + b * b / (second[2] - 1))
    half = student_quantile(0.5 + confidence / 2, freedom) * math.sqrt(a + b)
    return Interval(difference, difference - half, difference + half)


def _varied(mean: float, variance: float) -> bool:
    """Whether values differ by more than the rounding of their sum."""
    return math.sqrt(max(variance, 0.0)) > _ROUNDING * abs(mean)


def student_quantile(probability: float, freedom: float) -> float:
    """The value below which Student's t lies with this probability (0.5 to below 1)."""
    low, high = 0.0, 1.0
    while _student(high, freedom) < probability and high < 1e12:
        low, high = high, high * 2
    for _ in range(200):
        middle = (low + high) / 2
        if middle in {low, high}:
            break
        low, high = (middle, high) if _student(middle, freedom) < probability else (low, middle)
    return (low + high) / 2


def _student(value: float, freedom: float) -> float:
    """The distribution function of Student's t for a value of 0 or more."""
    return 1 - 0.5 * _incomplete_beta(freedom / 2, 0.5, freedom / (freedom + value * value))


def _incomplete_beta(a: float, b: float, x: float) -> float:
    if x <= 0 or x >= 1:
        return float(x >= 1)
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(a, b, x) / a
    return 1 - front * _fraction(b, a, 1 - x) / b


def _fraction(a: float, b: float, x: float) -> float:
    """Lentz's method for the continued fraction of the incomplete beta function."""
    tiny = 1e-300
    c, d = 1.0, 1 / _away_from_zero(1 - (a + b) * x / (a + 1), tiny)
    value = d
    for m in range(1, 1000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _away_from_zero(1 + term * d, tiny)
            c = _away_from_zero(1 + term / c, tiny)
            value *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return value


def _away_from_zero(value: float, tiny: float) -> float:
    return value if abs(value) > tiny else tiny
