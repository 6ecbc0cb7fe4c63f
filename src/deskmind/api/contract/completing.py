"""Each part of the document gets what the parts beside it say of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from deskmind.api.contract.examples import add_examples
from deskmind.api.contract.headers import HEADERS, add_headers
from deskmind.api.contract.links import add_links
from deskmind.api.contract.models import add_models
from deskmind.api.contract.problems import add_problems
from deskmind.api.contract.retiring import VERSION, mark_retired

__all__ = ["complete"]

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
    add_models(document)
    for operation in _operations(document):
        if operation.said["operationId"] not in _UNSIGNED:
            operation.said["security"] = [{"apiKey": []}]
        _leave_null_out(operation.said)
        mark_retired(operation.said)
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


def _operations(document: dict[str, Any]) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            yield Operation(path, method, said)
