"""What people of the demo company write tickets about."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

__all__ = ["Topic", "topics"]


@dataclass(frozen=True, slots=True)
class Topic:
    """Sentences about one kind of trouble; `{slots}` in them are filled for each ticket.

    `team` and `service` are keys, `item_kind` is the kind of configuration item concerned. The last four fields
    make a knowledge article.
    """

    key: str
    category: str
    subcategory: str
    team: str
    service: str
    item_kind: str
    summaries: tuple[str, ...]
    details: tuple[str, ...]
    checks: tuple[str, ...]
    fixes: tuple[str, ...]
    title: str
    symptom: str
    cause: str
    steps: tuple[str, ...]

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Topic:
        """The topic that one entry of `topics.json` describes."""
        article: dict[str, Any] = data["article"]
        flat: dict[str, Any] = {name: data.get(name, article.get(name)) for name in cls.__slots__}
        for name in ("summaries", "details", "checks", "fixes", "steps"):
            flat[name] = tuple(flat[name])
        return cls(**flat)


@cache
def topics() -> tuple[Topic, ...]:
    """All topics, the most frequent first."""
    text = resources.files(__package__ or "").joinpath("topics.json").read_text("utf-8")
    return tuple(Topic.from_json(entry) for entry in json.loads(text))
