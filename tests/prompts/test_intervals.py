"""Intervals against published values, and their coverage by simulation."""

from __future__ import annotations

import random
import statistics

import pytest

from deskmind.prompts.intervals import (
    Interval,
    mean_difference,
    mean_interval,
    proportion_difference,
    student_quantile,
    wilson,
)


@pytest.mark.parametrize(
    ("probability", "freedom", "value"),
    [
        (0.975, 1, 12.7062047),
        (0.975, 2, 4.3026527),
        (0.975, 10, 2.2281389),
        (0.95, 5, 2.0150484),
        (0.995, 30, 2.7499957),
        (0.975, 1e6, 1.9599664),
        (0.5, 7, 0.0),
    ],
)
def test_quantiles_are_those_of_the_tables(probability: float, freedom: float, value: float) -> None:
    assert student_quantile(probability, freedom) == pytest.approx(value, abs=1e-6)


def test_proportions_as_published() -> None:
    """Newcombe, Statistics in Medicine 17 (1998): 81 of 263; differences of 56/70 - 48/80 and 9/10 - 3/10."""
    interval = wilson(81, 263)
    assert (round(interval.low or 0, 4), round(interval.high or 0, 4)) == (0.2553, 0.3662)
    interval = wilson(0, 20)
    assert (interval.low, round(interval.high or 0, 4)) == (0.0, 0.1611)
    assert wilson(29, 29).high == 1.0
    difference = proportion_difference((48, 80), (56, 70))
    assert (round(difference.low or 0, 4), round(difference.high or 0, 4)) == (0.0524, 0.3339)
    difference = proportion_difference((3, 10), (9, 10))
    assert (round(difference.low or 0, 4), round(difference.high or 0, 4)) == (0.1705, 0.8090)


def test_little_data_says_little() -> None:
    assert wilson(0, 0).low is None
    assert mean_interval(3.0, None, 1).high is None
    assert mean_difference((1.0, 1.0, 5), (2.0, None, 1)).low is None
    assert mean_difference((1.0, 0.0, 2), (2.0, 0.0, 2)) == Interval(1.0, None, None)
    assert mean_difference((1.0, 0.0, 2), (1.0, 0.0, 2)) == Interval(0.0, None, None)
    assert mean_difference((0.0, 0.0, 2), (0.1, 1e-34, 30)) == Interval(0.1, None, None), (
        "what rounding leaves"
    )
    assert mean_difference((1.0, 0.0, 9), (2.0, 1.0, 9)).low is not None
    assert mean_interval(3.0, 0.0, 5) == Interval(3.0, None, None)
    assert mean_interval(0.1, 1e-34, 5) == Interval(0.1, None, None)
    assert proportion_difference((0, 0), (1, 2)).low is None


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    generator = random.Random(7)
    covered = {"wilson": 0, "newcombe": 0, "student": 0, "welch": 0}
    rounds = 1500
    for _ in range(rounds):
        ones = [sum(generator.random() < share for _ in range(40)) for share in (0.3, 0.5)]
        covered["wilson"] += _holds(wilson(ones[0], 40), 0.3)
        covered["newcombe"] += _holds(proportion_difference((ones[0], 40), (ones[1], 40)), 0.2)
        few = [generator.gauss(1.0, 1.0) for _ in range(8)]
        many = [generator.gauss(3.0, 4.0) for _ in range(20)]
        tallies = [
            (statistics.fmean(sample), statistics.variance(sample), len(sample)) for sample in (few, many)
        ]
        covered["student"] += _holds(mean_interval(*tallies[0]), 1.0)
        covered["welch"] += _holds(mean_difference(*tallies), 2.0)
    assert all(0.93 < count / rounds < 0.97 for count in covered.values()), covered


def _holds(interval, truth: float) -> bool:
    return interval.low <= truth <= interval.high
