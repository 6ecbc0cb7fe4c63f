"""A story as a row of ``request_stories``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID, uuid4

import orjson

from deskmind.observability.story import Story, bounded

__all__ = ["story_record"]

_LONGEST_QUESTION = 4_000
_ANSWER = ("found", "confidence", "mode", "prompt", "prompt_version", "experiment", "variant", "documents")


def story_record(story: Story) -> bytes:
    """One JSON object with the columns of a story that is over and has a scope.

    Steps are ``[name, parent, begin, seconds, error]``, notes ``[kind, at, facts]``, times in seconds.
    """
    scope = story.scope
    assert scope is not None
    record: dict[str, Any] = {
        "tenant_id": str(scope.tenant_id),
        "began_at": story.began_at,
        "story_id": str(uuid4()),
        "principal_id": str(scope.principal_id),
        "request_id": story.request_id,
        "kind": story.kind,
        "operation": story.operation,
        "error": story.error,
        "seconds": story.seconds,
        "groups": [str(group) for group in scope.groups],
        "question": _storable(story.question[:_LONGEST_QUESTION]),
        "told": _told(story),
        "documents": [],
        **_answer(story),
    }
    return orjson.dumps(record)


def _told(story: Story) -> dict[str, Any]:
    return {
        "role": story.scope.role if story.scope is not None else "",
        "dropped": story.dropped,
        "steps": [
            [_storable(step.name), step.parent, round(step.begin, 6), round(step.seconds, 6), step.error]
            for step in story.steps()
        ],
        "notes": [[note.kind, round(note.at, 6), _clean(bounded(note.facts))] for note in story.notes],
    }


def _answer(story: Story) -> dict[str, Any]:
    """The columns of the answer; the prompt that was taken last is the answer's unless it says otherwise."""
    facts: dict[str, object] = {}
    for note in story.notes:
        if note.kind == "prompt":
            facts = {**facts, **_prompt(note.facts)}
        elif note.kind == "answer":
            facts = {**facts, **{name: value for name, value in note.facts.items() if value is not None}}
    if "found" not in facts:
        return {}
    columns = {name: _clean(bounded(facts[name])) for name in _ANSWER if name in facts}
    columns["documents"] = _uuids(columns.get("documents"))
    return columns


def _prompt(facts: Mapping[str, object]) -> dict[str, object]:
    named = {"name": "prompt", "version": "prompt_version", "experiment": "experiment", "variant": "variant"}
    return {column: facts[name] for name, column in named.items() if facts.get(name) not in (None, "")}


def _uuids(value: Any) -> list[str]:
    return [str(UUID(item)) for item in dict.fromkeys(value or ())]


def _clean(value: object) -> Any:
    if isinstance(value, str):
        return _storable(value)
    if isinstance(value, dict):
        items = cast("dict[str, object]", value).items()
        return {_storable(name): _clean(item) for name, item in items}
    return [_clean(item) for item in cast("list[object]", value)] if isinstance(value, list) else value


def _storable(text: str) -> str:
    """Without what PostgreSQL or UTF-8 cannot hold."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.replace("\x00", "").encode("utf-8", "replace").decode()
