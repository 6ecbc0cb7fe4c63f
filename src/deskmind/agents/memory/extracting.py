"""Memories by fixed rules: what people say of themselves, what a run did, and what helped. Needs no model; English only."""

from __future__ import annotations

import re
from collections.abc import Iterator

from deskmind.agents.memory.happened import Happened, Told
from deskmind.agents.memory.memory import Draft

__all__ = ["RuleExtractor"]

_MOST_FACTS = 10
_MOST_SENTENCE = 300
_SHORT = 160
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_REMEMBER = re.compile(r"^(?:please\s+)?remember(?:\s+that)?[:,]?\s+(?P<fact>.+)$", re.IGNORECASE)
_PREFER = re.compile(
    r"\b(?:I|we)\s+(?:always\s+|usually\s+)?prefer\s+.+?(?:\s+for\s+(?P<what>.+?))?[.!]?$", re.IGNORECASE
)
_OWN = re.compile(
    r"\b(?P<whose>my|our)\s+(?P<what>[\w-]+(?:\s+[\w-]+){0,3}?)\s+(?:is|are)\s+(?P<value>.+?)[.!]?$",
    re.IGNORECASE,
)
_CALL_ME = re.compile(r"\bcall me\s+\w+", re.IGNORECASE)
_PLACE = re.compile(r"\bI(?:'m| am)\s+(?:based|located|working)\s+(?:in|at|from)\s+\S+", re.IGNORECASE)
_USE = re.compile(r"\b(?:I|we)\s+use\s+.+?\s+for\s+(?P<what>.+?)[.!]?$", re.IGNORECASE)
_PASSING = re.compile(
    r"^(?:not|no longer|broken|down|slow|stuck|dead|offline|full|gone|lost|locked|missing|failing|unable|very|so|too|still)\b",
    re.IGNORECASE,
)


class RuleExtractor:
    """The default: the same run gives the same drafts. O(characters of the texts)."""

    async def extract(self, happened: Happened) -> list[Draft]:
        """Facts of each text but the output, one memory of the run, and one of what helped."""
        facts = [draft for told in happened.told[:-1] for draft in _facts(told, happened)]
        return [*facts, *_episode(happened), *_procedure(happened)]


def _facts(told: Told, happened: Happened) -> list[Draft]:
    found: list[Draft] = []
    for sentence in _SENTENCE.split(told.text):
        said = " ".join(sentence.split())
        if not said or said.endswith("?") or len(said) > _MOST_SENTENCE or len(found) == _MOST_FACTS:
            continue
        for subject, text, importance in _read(said):
            found.append(
                Draft(
                    text,
                    "semantic",
                    subject,
                    importance,
                    told.origin,
                    told.trust,
                    told.source,
                    happened.run_id,
                    told.step,
                )
            )
    return found


def _read(said: str) -> Iterator[tuple[str, str, float]]:
    """Subject, text and importance of what a sentence says that lasts; nothing of what passes, such as a fault."""
    if match := _REMEMBER.match(said):
        fact = match["fact"]
        subject = next((subject for subject, _, _ in _read(fact)), "")
        yield subject, fact, 0.9
    elif match := _PREFER.search(said):
        yield f"preference for {match['what']}" if match["what"] else "", said, 0.7
    elif _CALL_ME.search(said):
        yield "form of address", said, 0.7
    elif _PLACE.search(said):
        yield "place of work", said, 0.6
    elif match := _USE.search(said):
        yield f"what is used for {match['what']}", said, 0.6
    elif (match := _OWN.search(said)) and not _PASSING.match(match["value"]):
        yield f"{match['whose']} {match['what']}", said, 0.6


def _episode(happened: Happened) -> list[Draft]:
    """What happened, with the output; and, for where others' text went into that, the same in our words alone."""
    asked = f"{happened.agent} was asked: “{_short(happened.prompt.text)}”"
    answered = f"{asked}; it answered: “{_short(happened.output.text)}”"
    output = happened.output
    full = Draft(
        answered,
        "episodic",
        "",
        0.4,
        output.origin,
        output.trust,
        happened.agent,
        happened.run_id,
        output.step,
    )
    if not happened.tainted:
        return [full]
    plain = Draft(
        f"{asked}; it was done.",
        "episodic",
        "",
        0.3,
        "prompt",
        happened.prompt.trust,
        happened.agent,
        happened.run_id,
    )
    return [full, plain]


def _procedure(happened: Happened) -> list[Draft]:
    if not happened.done:
        return []
    did = "; ".join(
        f"{tool}({', '.join(f'{name}={_short(str(value), 60)}' for name, value in arguments.items())})"
        for tool, arguments in happened.done
    )
    text = f"What was done for “{_short(happened.prompt.text)}”: {did}"
    output = happened.output
    return [
        Draft(
            text[:1000],
            "procedural",
            "",
            0.7,
            "output",
            output.trust,
            happened.agent,
            happened.run_id,
            output.step,
        )
    ]


def _short(text: str, most: int = _SHORT) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"
