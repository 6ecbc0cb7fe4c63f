"""Triage alone: learn from tickets of the past, predict, explain, compare. No database; the extra ``triage``.

Run it: python examples/parts/triage.py
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from deskmind.triage import TrainingTicket, find_clusters, learn, read_model, write_model

WORDS = {
    "Network": ("vpn tunnel drops", "wireless is slow", "dns does not resolve"),
    "Hardware": ("laptop fan is loud", "monitor flickers", "battery is swollen"),
    "Access": ("password reset", "account is locked", "new token needed"),
}
FILLERS = ("please help", "since this morning", "kind regards", "thank you", "at my desk")


def past() -> list[TrainingTicket]:
    chance = random.Random(1)
    labels = [chance.choice(sorted(WORDS)) for _ in range(150)]
    return [
        TrainingTicket(
            f"{chance.choice(WORDS[label])} {' '.join(chance.sample(FILLERS, 2))}",
            {"category": label},
            reference=f"INC{number:04}",
        )
        for number, label in enumerate(labels)
    ]


def storm() -> list[TrainingTicket]:
    began = datetime(2026, 5, 4, 9, tzinfo=UTC)
    return [
        TrainingTicket(
            f"{text} the mail server", created_at=began + timedelta(minutes=place), reference=f"NEW{place}"
        )
        for place, text in enumerate(
            ("cannot reach", "no answer from", "offline:", "I do not reach", "error from")
        )
    ]


def main() -> None:
    with TemporaryDirectory() as folder:
        write_model(learn(past()), Path(folder))
        model = read_model(Path(folder))
    for text in ("My VPN tunnel drops, please help!", "Canteen menu, Friday?"):
        guess = model.predict([text])[0].guesses["category"]
        if guess.abstained:
            print(f"{text} -> a person decides")
        else:
            print(f"{text} -> {guess.label}, because of: {guess.terms[0].text}")
    for cluster in find_clusters(storm()):
        print(f"one incident? {len(cluster.references)} tickets: {', '.join(cluster.terms[:2])}")


if __name__ == "__main__":
    main()
