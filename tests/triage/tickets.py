"""Small tickets whose label can be told from their words, with some noise."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from deskmind.triage import TrainingTicket

SUBJECTS = {
    "Network": ("vpn tunnel drops", "wireless is slow", "switch port is dead", "dns does not resolve"),
    "Hardware": ("laptop fan is loud", "monitor flickers", "docking station broken", "battery swollen"),
    "Access": ("password reset", "locked account", "new token needed", "group membership for share"),
}
FILLERS = (
    "please help",
    "since this morning",
    "kind regards",
    "thank you",
    "at my desk",
    "it is urgent",
    "again",
)
TEAMS = {"Network": "net-ops", "Hardware": "field", "Access": "identity"}


def tickets(count: int = 240, *, seed: int = 1) -> list[TrainingTicket]:
    """Tickets with a category and a group; every twelfth has another category's words."""
    chance = random.Random(seed)
    began = datetime(2026, 3, 2, 8, tzinfo=UTC)
    made: list[TrainingTicket] = []
    for number in range(count):
        category = chance.choice(sorted(SUBJECTS))
        words = chance.choice(sorted(SUBJECTS)) if number % 12 == 0 else category
        text = " ".join(
            (chance.choice(SUBJECTS[words]), *chance.sample(FILLERS, 3), f"asset{chance.randrange(40)}")
        )
        made.append(
            TrainingTicket(
                text,
                {"category": category, "group": TEAMS[category]},
                resolved=number % 3 > 0,
                created_at=began + timedelta(minutes=37 * number),
                reference=f"INC{number:05}",
            )
        )
    return made
