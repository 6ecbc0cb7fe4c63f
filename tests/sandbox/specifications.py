"""Validating answers against the vendors' OpenAPI and Swagger documents.

Real answers carry more fields than `additionalProperties: false` allows, and null where the documents do not say so:
both are relaxed.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import jsonschema
import yaml

ROOT = Path(__file__).parents[2]


@functools.cache
def jira_document(name: str) -> dict[str, Any]:
    """One of the documents that come with `jira-as`: `platform` or `servicedesk`."""
    found = next(
        (ROOT / ".clients").glob(f"lib/python*/site-packages/jira_as/specs/jira-{name}-swagger-v3.json")
    )
    return json.loads(found.read_text("utf-8"))


@functools.cache
def freshservice_document(path: Path) -> dict[str, Any]:
    """The vendor's Swagger document."""
    return yaml.load(path.read_text("utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


_DOCUMENTS: dict[int, dict[str, Any]] = {}


@functools.cache
def _parts(number: int) -> dict[str, Any]:
    """What schemas refer to, relaxed once for each document."""
    document = _DOCUMENTS[number]
    return _relaxed({name: document[name] for name in ("components", "definitions") if name in document})


def check(document: dict[str, Any], schema: dict[str, Any], body: Any) -> list[str]:
    """What of an answer contradicts the schema."""
    _DOCUMENTS[id(document)] = document
    validator = jsonschema.Draft7Validator({**_parts(id(document)), **_relaxed(schema)})
    return [
        f"{'/'.join(map(str, each.absolute_path))}: {each.message[:160]}"
        for each in validator.iter_errors(body)
    ]


def response_schema(document: dict[str, Any], method: str, path: str, status: int) -> dict[str, Any]:
    """The schema of an operation's answer; an empty one where the document has none."""
    responses = document["paths"][path][method.lower()]["responses"]
    content = responses[str(status)].get("content", {})
    return content.get("application/json", {}).get("schema", {})


def _relaxed(value: Any) -> Any:
    if isinstance(value, list):
        return [_relaxed(each) for each in value]
    if not isinstance(value, dict):
        return value
    found = {
        key: _relaxed(each) for key, each in value.items() if key not in ("additionalProperties", "example")
    }
    if isinstance(value.get("type"), str) and not isinstance(value.get("properties", {}).get("type"), str):
        found["type"] = [value["type"], "null"]
        if "enum" in found:
            found["enum"] = [*found["enum"], None]
    return found
