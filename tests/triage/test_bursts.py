"""Major incidents: a burst among noise is found as one cluster, however large; ordinary days have none."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

from tests.triage.tickets import FILLERS

from deskmind.triage import TrainingTicket, find_clusters
from deskmind.triage.features import Vocabulary

DAY = datetime(2026, 5, 4, tzinfo=UTC)
DAYS = 60
"""Each drawn anew, and the same in every run."""
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


def test_a_burst_among_noise_is_one_cluster() -> None:
    """A rate, not a law: what people write is drawn, and two of them may share two rare words."""
    whole = 0
    for seed in range(DAYS):
        chance = random.Random(seed)
        size = chance.randint(6, 60)
        some = ordinary(chance, chance.randint(0, 120))
        some += burst(chance, chance.choice(TROUBLES), size, chance.randint(5, 100))
        chance.shuffle(some)
        found = find_clusters(some, background=history())
        ours = {f"B{place}" for place in range(size)}
        whole += len(found) == 1 and ours <= set(found[0].references) and len(found[0].references) <= size + 2
    assert whole >= 0.95 * DAYS


def test_ordinary_days_give_none() -> None:
    found = 0
    for seed in range(DAYS):
        chance = random.Random(1_000 + seed)
        found += bool(find_clusters(ordinary(chance, chance.randint(0, 150)), background=history()))
    assert found <= 0.02 * DAYS
