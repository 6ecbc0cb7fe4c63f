"""Major incidents: a burst among noise is found as one cluster, whenever and however large; ordinary days have none."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.triage.tickets import FILLERS

from deskmind.triage import TrainingTicket, find_clusters
from deskmind.triage.features import Vocabulary

DAY = datetime(2026, 5, 4, tzinfo=UTC)
TROUBLES = (
    ("mail server", "offline", "cannot send", "outlook"),
    ("badge reader", "gate closed", "warehouse door", "no entry"),
    ("payroll export", "bank file", "rejected", "salary run"),
    ("wireless controller", "access points", "no network", "building four"),
)
SYLLABLES = ("ba", "ko", "ri", "mu", "ten", "sa", "lo", "ver", "di", "pal", "no", "gra")
WORDS = tuple(f"{first}{second}{third}" for first in SYLLABLES for second in SYLLABLES for third in SYLLABLES)


def ordinary(chance: random.Random, count: int) -> list[TrainingTicket]:
    """A day's tickets, of 8 to 20 words each; as in any language, few words are in many of them and most in few."""
    return [
        TrainingTicket(
            " ".join((*_words(chance, chance.randint(8, 20)), chance.choice(FILLERS))),
            created_at=DAY + timedelta(seconds=chance.randrange(86_400)),
            reference=f"N{place}",
        )
        for place in range(count)
    ]


def _words(chance: random.Random, count: int) -> list[str]:
    """The n-th most frequent word is n times rarer than the first (Zipf's law)."""
    return [WORDS[int(len(WORDS) ** chance.random()) - 1] for _ in range(count)]


def burst(chance: random.Random, trouble: Sequence[str], count: int, minutes: int) -> list[TrainingTicket]:
    """People write of one trouble in their own words: three of its four expressions, and four words of their own."""
    began = DAY + timedelta(hours=chance.randrange(22))
    return [
        TrainingTicket(
            " ".join((*chance.sample(trouble, 3), *_words(chance, 4), chance.choice(FILLERS))),
            created_at=began + timedelta(minutes=chance.uniform(0, minutes)),
            reference=f"B{place}",
        )
        for place in range(count)
    ]


@cache
def history() -> Vocabulary:
    """How common words are on other days: what a tenant's model knows."""
    return Vocabulary.of([one.text for one in ordinary(random.Random(99), 600)])[0]


@settings(max_examples=15)
@given(
    seed=st.integers(0, 2**32 - 1),
    trouble=st.sampled_from(TROUBLES),
    size=st.integers(6, 60),
    minutes=st.integers(5, 100),
    noise=st.integers(0, 120),
)
def test_a_burst_among_noise_is_one_cluster(
    seed: int, trouble: Sequence[str], size: int, minutes: int, noise: int
) -> None:
    chance = random.Random(seed)
    some = [*ordinary(chance, noise), *burst(chance, trouble, size, minutes)]
    chance.shuffle(some)
    (found,) = find_clusters(some, background=history())
    ours = {f"B{place}" for place in range(size)}
    assert ours <= set(found.references)
    assert len(set(found.references) - ours) <= 3
    assert {word for said in trouble for word in said.split()} & {*found.terms}


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 150))
def test_ordinary_days_give_none(seed: int, count: int) -> None:
    assert find_clusters(ordinary(random.Random(seed), count), background=history()) == []
