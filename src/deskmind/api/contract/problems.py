"""An example of each problem, from the tree of errors, beside each response that may be it."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from deskmind import errors
from deskmind.errors import DeskmindError

__all__ = ["add_problems", "problem_examples"]

_PROBLEM = "application/problem+json"
_NOT_OVER_HTTP = frozenset(
    {
        *("configuration", "missing-extra", "keyring", "schema-version", "embedded-server"),
        *("uncacheable-value", "triage-model"),
    }
)
"""Of commands and of the start, where nobody is served."""

_SPECIAL: tuple[tuple[type[DeskmindError], frozenset[str]], ...] = (
    (errors.DocumentTooLargeError, frozenset()),
    (errors.DocumentError, frozenset({"documents"})),
    (errors.PromptError, frozenset({"prompts"})),
    (errors.PromptNotFoundError, frozenset({"prompts", "experiments"})),
    (errors.ConversationNotFoundError, frozenset({"conversations", "knowledge"})),
    (errors.PrincipalNotFoundError, frozenset({"directory", "access", "privacy"})),
    (errors.TenantNotFoundError, frozenset({"tenants"})),
    (errors.StreamGoneError, frozenset({"knowledge"})),
    (errors.LegalHoldError, frozenset({"privacy", "tenants"})),
    (errors.SuppressedError, frozenset({"privacy", "directory", "documents"})),
    (errors.ModelError, frozenset({"knowledge", "conversations", "agents", "memories"})),
    (errors.SourceError, frozenset({"connectors", "writes"})),
    (errors.AgentError, frozenset({"agents", "workflows", "approvals"})),
)
"""Problems that only operations of these tags have; of no tag: all operations. The first class that fits counts."""


def add_problems(said: dict[str, Any], components: dict[str, Any]) -> None:
    """Problems have their own media type, which FastAPI cannot say, and examples."""
    named: dict[str, Any] = components.setdefault("examples", {})
    if not named:
        named.update(problem_examples())
    tags = set(said.get("tags", ()))
    for status, response in said["responses"].items():
        content = response.get("content", {})
        body = content.get("application/json", content.get(_PROBLEM, {}))
        if not body.get("schema", {}).get("$ref", "").endswith("/Problem"):
            continue
        shown = {
            kind.code: {"$ref": f"#/components/examples/{kind.code}"}
            for kind in _shown()
            if kind.status == int(status) and _concerns(kind, tags)
        }
        response["content"] = {_PROBLEM: {**body, **({"examples": shown} if shown else {})}}


def problem_examples() -> dict[str, Any]:
    """By the last part of their type."""
    return {kind.code: _example(kind) for kind in _shown()}


@functools.cache
def _shown() -> tuple[type[DeskmindError], ...]:
    kinds = [kind for kind in _kinds(DeskmindError) if kind.code not in _NOT_OVER_HTTP]
    return tuple(sorted(kinds, key=lambda kind: kind.code))


def _concerns(kind: type[DeskmindError], tags: set[str]) -> bool:
    special = next((only for base, only in _SPECIAL if issubclass(kind, base)), frozenset[str]())
    return not special or bool(special & tags)


def _kinds(kind: type[DeskmindError]) -> Iterator[type[DeskmindError]]:
    """Those of the documented tree; a class that takes its parent's code over is the same problem."""
    for below in kind.__subclasses__():
        if below.__name__ in errors.__all__:
            yield from _kinds(below)
            if "code" in vars(below):
                yield below


def _example(kind: type[DeskmindError]) -> dict[str, Any]:
    told = (kind.__doc__ or "").split("\n", 1)[0]
    problem = kind(f"{kind.title}.", why=told, remedy="See `detail`.").problem()
    return {"summary": told, "value": {**problem, "request_id": "0b9f6a52e4c34d7e8a1f5c2d9e7b6a41"}}
