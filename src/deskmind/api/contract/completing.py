"""Each part of the document gets what the parts beside it say of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from deskmind.api.contract.examples import add_examples
from deskmind.api.contract.headers import HEADERS, add_headers
from deskmind.api.contract.links import add_links
from deskmind.api.contract.models import add_models
from deskmind.api.contract.problems import add_problems
from deskmind.api.contract.retiring import VERSION, mark_retired
from deskmind.api.schemas import Problem

__all__ = ["complete"]

_SCHEMAS = "#/components/schemas/"
_UNSIGNED = frozenset({"receiveWebhook", "health", "ready"})
_DESCRIPTION = (
    "Every resource needs an API key, or a token of the configured issuer. Errors are problem details (RFC 9457) with a"
    " stable `type`. What is not for the caller to see does not exist for the caller: 404."
)


class Operation(NamedTuple):
    """One of the document's."""

    path: str
    method: str
    said: dict[str, Any]


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """The document that FastAPI made, with what it cannot say; changed in place."""
    document["info"] |= {"description": _DESCRIPTION, "x-api-version": VERSION}
    components: dict[str, Any] = document.setdefault("components", {})
    components["headers"] = HEADERS
    components["securitySchemes"] = {"apiKey": {"type": "http", "scheme": "bearer", "bearerFormat": "dk_…"}}
    _name_ours(components["schemas"])
    add_models(document)
    for operation in _operations(document):
        if operation.said["operationId"] not in _UNSIGNED:
            operation.said["security"] = [{"apiKey": []}]
        _leave_null_out(operation.said)
        mark_retired(operation.said)
        _refer(operation.said, components["schemas"])
        add_headers(operation.path, operation.method, operation.said, document["paths"][operation.path])
        add_problems(operation.said, components)
        add_links(operation.said)
        add_examples(operation.said, components)
    return document


def _leave_null_out(said: dict[str, Any]) -> None:
    """A header, or a part of an address, is there or is not: it cannot be null."""
    for parameter in said.get("parameters", ()):
        schema: dict[str, Any] = parameter.get("schema", {})
        kinds = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
        if len(kinds) == 1:
            del schema["anyOf"]
            schema.update(kinds[0])
        elif kinds:
            schema["anyOf"] = kinds


def _name_ours(schemas: dict[str, Any]) -> None:
    """Nobody else's models are in this document: the problem needs no name that tells it from theirs."""
    schemas["Problem"] = schemas.pop(Problem.__name__)
    ordered = sorted(schemas.items())
    schemas.clear()
    schemas.update(ordered)


def _refer(said: dict[str, Any], schemas: Mapping[str, Any]) -> None:
    """Events of models, and problems, by the names that these have here."""
    for response in said["responses"].values():
        for media in response.get("content", {}).values():
            schema = media.get("schema", {})
            if schema.get("$ref") == f"{_SCHEMAS}{Problem.__name__}":
                schema["$ref"] = f"{_SCHEMAS}Problem"
            events: dict[str, Any] = media.get("x-deskmind-events", {})
            for kind, event in events.items():
                if event.get("title") in schemas:
                    events[kind] = {"$ref": f"{_SCHEMAS}{event['title']}"}


def _operations(document: dict[str, Any]) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            yield Operation(path, method, said)
