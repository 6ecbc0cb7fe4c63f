"""What a connector sends, held against the vendors' OpenAPI and Swagger documents.

Unlike answers, requests are held to the letter: a parameter or field that no document names is a mistake.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import jsonschema

from deskmind.sandbox.web import Call, Reply, SandboxServer

_TYPES = {
    "integer": re.compile(r"-?\d+"),
    "number": re.compile(r"-?\d+(\.\d+)?"),
    "boolean": re.compile("true|false"),
}
_IDS = re.compile(r"/\d{3,}(?=/|$)")


@dataclass(frozen=True)
class Sent:
    """One request as it arrived."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    content_type: str
    content: bytes

    @property
    def shape(self) -> tuple[str, str]:
        """Requests that differ in ids alone have one shape."""
        return self.method, re.sub(r"/[\w-]*\d[\w-]*(?=/|$)", "/#", self.path)


@contextmanager
def captured(box: SandboxServer) -> Iterator[list[Sent]]:
    """All that a sandbox is sent meanwhile."""
    sent: list[Sent] = []
    answer = box.answer

    async def listening(call: Call) -> Reply:
        kind = call.headers.get("Content-Type", "").partition(";")[0]
        query = tuple(
            (name, value) for name in dict.fromkeys(call.query) for value in call.query.getall(name)
        )
        sent.append(Sent(call.method, call.path, query, kind, call.content))
        return await answer(call)

    with patch.object(box, "answer", listening):
        yield sent


class Document:
    """The operations of one vendor's document, OpenAPI 3 or Swagger 2."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        paths = sorted(document["paths"], key=lambda one: one.count("{"))
        self._paths = [(re.compile(re.sub(r"\\{[^}]+\\}", "([^/]+)", re.escape(one))), one) for one in paths]

    def knows(self, sent: Sent) -> bool:
        """Whether there is an operation for the method and path."""
        return self._found(sent) is not None

    def wrong(self, sent: Sent) -> list[str]:
        """What of a request the document does not permit."""
        found = self._found(sent)
        if found is None:
            return [f"no operation {sent.method} {_IDS.sub('/#', sent.path)}"]
        return [*self._parameters(found, sent), *self._body(found, sent)]

    def _found(self, sent: Sent) -> dict[str, Any] | None:
        for pattern, path in self._paths:
            operations = self._document["paths"][path]
            if sent.method.lower() in operations and pattern.fullmatch(sent.path):
                shared = operations.get("parameters", [])
                operation = operations[sent.method.lower()]
                values = dict(
                    zip(re.findall(r"\{([^}]+)\}", path), pattern.fullmatch(sent.path).groups(), strict=True)
                )  # type: ignore[union-attr]
                given = [self._resolved(one) for one in (*shared, *operation.get("parameters", []))]
                return {**operation, "parameters": given, "values": values}
        return None

    def _parameters(self, operation: Mapping[str, Any], sent: Sent) -> Iterator[str]:
        known = {one["name"]: one for one in operation["parameters"] if one["in"] == "query"}
        for name, value in sent.query:
            if name not in known:
                yield f"query parameter {name} is not documented"
            elif not self._fits(known[name], value):
                yield f"query parameter {name} may not be {value}"
        asked = {name for name, _ in sent.query}
        yield from (
            f"query parameter {name} is missing"
            for name, one in known.items()
            if one.get("required") and name not in asked
        )
        for one in operation["parameters"]:
            if one["in"] == "path" and not self._fits(one, operation["values"][one["name"]]):
                yield f"{one['name']} in the path may not be {operation['values'][one['name']]}"

    def _fits(self, parameter: Mapping[str, Any], value: str) -> bool:
        schema = self._resolved(parameter.get("schema") or parameter)
        if schema.get("type") == "array":
            return self._fits({"schema": schema["items"]}, value)
        if "enum" in schema and value not in map(str, schema["enum"]):
            return False
        return _TYPES.get(schema.get("type", ""), re.compile(".*", re.DOTALL)).fullmatch(value) is not None

    def _body(self, operation: Mapping[str, Any], sent: Sent) -> Iterator[str]:
        schemas = self._schemas(operation)
        if not sent.content:
            if operation.get("requestBody", {}).get("required"):
                yield "the body is missing"
            return
        if sent.content_type not in schemas:
            yield f"a body of {sent.content_type} is not documented"
            return
        if sent.content_type == "application/json":
            parts = {
                name: self._document[name] for name in ("components", "definitions") if name in self._document
            }
            validator = jsonschema.Draft7Validator({**parts, **schemas[sent.content_type]})
            for each in validator.iter_errors(json.loads(sent.content)):
                yield f"body {'/'.join(map(str, each.absolute_path))}: {each.message[:200]}"

    def _schemas(self, operation: Mapping[str, Any]) -> dict[str, Any]:
        if "requestBody" in operation:
            return {
                kind: one.get("schema", {})
                for kind, one in self._resolved(operation["requestBody"])["content"].items()
            }
        bodies = [one["schema"] for one in operation["parameters"] if one["in"] == "body"]
        return dict.fromkeys(operation.get("consumes", ["application/json"]), bodies[0]) if bodies else {}

    def _resolved(self, value: Mapping[str, Any]) -> Mapping[str, Any]:
        if "$ref" not in value:
            return value
        found: Any = self._document
        for part in value["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return found
