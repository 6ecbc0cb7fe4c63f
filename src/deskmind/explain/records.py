"""A story as a row of ``request_stories``."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson

from deskmind.observability.story import Story, storable

__all__ = ["story_record"]

_LONGEST_QUESTION = 4_000
_drawing = random.Random(os.urandom(32))  # noqa: S311 - no secret
os.register_at_fork(after_in_child=lambda: _drawing.seed(os.urandom(32)))
_ANSWER = ("found", "confidence", "mode", "prompt", "prompt_version", "experiment", "variant", "documents")


def story_record(story: Story) -> bytes:
    """One JSON object with the columns of a story that is over and has a scope.

    Steps are ``[name, parent, begin, seconds, error]``, notes ``[kind, at, facts]``, times in seconds of whole microseconds;
    they are cut, which costs a tenth of rounding.
    """
    scope = story.scope
    assert scope is not None
    story.story_id = story.story_id or _new_id()
    record: dict[str, Any] = {
        "tenant_id": scope.tenant_id,
        "began_at": story.began_at,
        "story_id": story.story_id,
        "principal_id": scope.principal_id,
        "request_id": story.request_id,
        "kind": story.kind,
        "operation": story.operation,
        "error": story.error,
        "seconds": story.seconds,
        "groups": scope.groups,
        "question": storable(story.question[:_LONGEST_QUESTION]),
        "told": _told(story),
        "documents": [],
        **_answer(story),
    }
    return orjson.dumps(record)


def _new_id() -> UUID:
    """Of version 4. No secret, so the system is not asked for each: that lets other threads in between."""
    return UUID(int=_drawing.getrandbits(128), version=4)


def _told(story: Story) -> dict[str, Any]:
    return {
        "role": story.scope.role if story.scope is not None else "",
        "dropped": story.dropped,
        "steps": [
            (storable(name), parent, int(begin * 1e6) / 1e6, int(seconds * 1e6) / 1e6, error)
            for name, parent, begin, seconds, error in story.placed_steps()
        ],
        "notes": [
            (note.kind, int(note.at * 1e6) / 1e6, orjson.Fragment(note.values)) for note in story.notes
        ],
    }


def _answer(story: Story) -> dict[str, Any]:
    """The columns of the answer, where one was given."""
    columns: dict[str, Any] = {}
    for note in story.notes:
        if note.kind == "answer":
            facts = note.facts
            columns = {name: facts[name] for name in _ANSWER if facts.get(name) is not None}
            columns["documents"] = _uuids(columns.get("documents", ()))
    return columns


def _uuids(texts: Sequence[str]) -> list[str]:
    return [str(UUID(text)) for text in dict.fromkeys(texts)]
