"""Variants are sticky, weighted, and disturbed as little as possible."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskmind.errors import InvalidRequestError
from deskmind.prompts.assignment import choose_variant

PEOPLE = [f"person-{n}" for n in range(4000)]
_WEIGHTS = st.dictionaries(
    st.sampled_from("abcde"), st.sampled_from([0.0, 0.5, 1.0, 3.0]), min_size=1
).filter(lambda weights: any(weights.values()))


def shares(weights: dict[str, float], experiment: str = "e") -> dict[str, float]:
    chosen = [choose_variant(experiment, person, weights) for person in PEOPLE]
    return {variant: chosen.count(variant) / len(PEOPLE) for variant in weights}


@given(_WEIGHTS, st.text(max_size=10))
def test_the_same_person_gets_the_same_whatever_the_order(weights: dict[str, float], person: str) -> None:
    chosen = choose_variant("e", person, weights)
    assert weights[chosen] > 0
    assert choose_variant("e", person, dict(reversed(weights.items()))) == chosen


def test_shares_follow_weights() -> None:
    found = shares({"a": 1.0, "b": 3.0, "c": 0.0})
    assert found["c"] == 0
    assert abs(found["a"] - 0.25) < 0.03  # 4.4 standard deviations
    assert abs(found["b"] - 0.75) < 0.03


@given(_WEIGHTS, st.sampled_from("abcde"), st.sampled_from([0.0, 0.5, 1.0, 3.0]))
def test_only_the_changed_variant_gains_or_loses(
    weights: dict[str, float], variant: str, weight: float
) -> None:
    changed = {**weights, variant: weight}
    if not any(changed.values()):
        return
    grew = weight > weights.get(variant, 0.0)
    for person in PEOPLE[:200]:
        before, after = choose_variant("e", person, weights), choose_variant("e", person, changed)
        if before != after:
            assert (after if grew else before) == variant


def test_experiments_draw_independently() -> None:
    weights = {"a": 1.0, "b": 1.0}
    both = [
        choose_variant("e1", person, weights) == choose_variant("e2", person, weights) for person in PEOPLE
    ]
    assert abs(sum(both) / len(both) - 0.5) < 0.035


def test_someone_must_be_given_something() -> None:
    with pytest.raises(InvalidRequestError):
        choose_variant("e", "p", {"a": 0.0})
