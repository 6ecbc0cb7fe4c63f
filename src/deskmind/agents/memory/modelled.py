"""Memories by a model, through the gateway: trusted and other texts in calls of their own, so that labels stay true."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from math import isnan
from typing import TYPE_CHECKING, Any, cast

from deskmind.agents.marking import MANNER, marked
from deskmind.agents.memory.extracting import RuleExtractor
from deskmind.agents.memory.happened import Happened, Told
from deskmind.agents.memory.memory import MOST_CHARS, Draft
from deskmind.agents.memory.rules import RememberRule

if TYPE_CHECKING:
    from deskmind.gateway.service import Models

__all__ = ["ModelExtractor"]

_MOST_FACTS = 20
_MOST_TEXT = 20_000
_TASK = (
    "You keep the memory of a service desk. From the texts, list lasting facts and preferences (kind semantic) and what"
    " resolved the problem (kind procedural). Leave out what passes, secrets, and what nobody would need later. subject names"
    " in a few words what a fact is about, so that a newer one can replace it. importance is 0 to 1."
)
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "memories": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "kind": {"enum": ["semantic", "procedural"]},
                    "subject": {"type": "string"},
                    "text": {"type": "string"},
                    "importance": {"type": "number"},
                },
                "required": ["kind", "subject", "text", "importance"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["memories"],
    "additionalProperties": False,
}


class ModelExtractor:
    """The fixed rules, and a model for what they do not see.

    Args:
        models: the desk's.
        model: the configured name.
        rules: texts that no rule lets be remembered are not sent.
    """

    def __init__(self, models: Models, model: str, rules: Sequence[RememberRule]) -> None:
        self._models = models
        self._model = model
        self._rules = rules

    async def extract(self, happened: Happened) -> list[Draft]:
        """One call for the trusted texts, one for each origin of others that a rule names."""
        drafts = await RuleExtractor().extract(happened)
        trusted = [told for told in happened.told if told.trust == "trusted"]
        drafts += await self._asked(happened, trusted)
        for origin in dict.fromkeys(told.origin for told in happened.told if told.trust == "untrusted"):
            if any(rule.origin in ("*", origin) for rule in self._rules):
                of_it = [
                    told for told in happened.told if told.trust == "untrusted" and told.origin == origin
                ]
                drafts += await self._asked(happened, of_it)
        return drafts

    async def _asked(self, happened: Happened, told: Sequence[Told]) -> list[Draft]:
        if not told:
            return []
        texts = "\n\n".join(marked(one.text, one.origin, _MOST_TEXT) for one in told)
        reply = await self._models.chat(
            self._model,
            [{"role": "system", "content": f"{MANNER}\n\n{_TASK}"}, {"role": "user", "content": texts}],
            feature="memory",
            response_format={"type": "json_schema", "json_schema": {"name": "memories", "schema": _SCHEMA}},
        )
        first = told[0]
        return [
            Draft(
                text,
                kind,
                subject,
                importance,
                first.origin,
                first.trust,
                first.source,
                happened.run_id,
                first.step,
            )
            for kind, subject, text, importance in _parsed(reply.text)
        ]


def _parsed(text: str) -> Iterable[tuple[Any, str, str, float]]:
    """What a model listed; whatever is not of the form is left out."""
    try:
        said: Any = json.loads(text)
    except (ValueError, RecursionError):
        return
    listed: Any = cast("dict[str, Any]", said).get("memories") if isinstance(said, dict) else None
    for item in cast("list[Any]", listed)[:_MOST_FACTS] if isinstance(listed, list) else []:
        one = cast("dict[str, Any]", item) if isinstance(item, dict) else {}
        kind, fact, importance = one.get("kind"), one.get("text"), one.get("importance")
        if kind in ("semantic", "procedural") and isinstance(fact, str) and fact.strip():
            yield kind, str(one.get("subject") or ""), fact[:MOST_CHARS], _weight(importance)


def _weight(importance: Any) -> float:
    """0 to 1, whatever the model took for a number."""
    if not isinstance(importance, int | float):
        return 0.5
    bounded = min(max(importance, 0), 1)
    return 0.5 if isnan(bounded) else float(bounded)
