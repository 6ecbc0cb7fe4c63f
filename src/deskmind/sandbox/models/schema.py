"""A JSON value that fits a JSON schema, made of given words."""

from __future__ import annotations

import itertools
import math
from typing import Any

from deskmind.sandbox.models import shape

_FORMATS = {
    "date-time": "2026-01-02T03:04:05Z",
    "date": "2026-01-02",
    "time": "03:04:05Z",
    "email": "someone@example.com",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "uri": "https://example.com/",
    "ipv4": "192.0.2.1",
}
_DEEP = 6


def fill(schema: dict[str, Any], words: list[str]) -> Any:
    """The value for `schema`, the same each time for the same schema and words.

    Understands types, properties, items, enum, const, bounds of numbers, strings and arrays, formats, `$ref`
    into the schema itself, allOf, and the first fitting branch of anyOf and oneOf; `pattern` is not understood.
    """
    supply = itertools.cycle(words or ["ok"])
    return _Filler(schema, supply).value(schema, 0)


class _Filler:
    def __init__(self, root: dict[str, Any], supply: itertools.cycle[str]) -> None:
        self._root = root
        self._supply = supply

    def value(self, schema: dict[str, Any], depth: int) -> Any:
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if choices := shape.items(schema.get("enum")):
            return choices[0]
        for key in ("anyOf", "oneOf"):
            if branches := [shape.mapping(branch) for branch in shape.items(schema.get(key))]:
                rest = {name: part for name, part in schema.items() if name != key}
                return self.value({**rest, **self._branch(branches, depth)}, depth)
        kind = _kind(schema)
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, depth)
        if kind == "string":
            return self._string(schema)
        if kind in ("integer", "number"):
            return _number(schema, whole=kind == "integer")
        return {"boolean": True, "null": None}.get(kind)

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        seen = 0
        while (ref := shape.text(schema.get("$ref"))) and seen < 50:
            found: Any = self._root
            for step in ref.removeprefix("#").strip("/").split("/"):
                found = (
                    shape.mapping(found).get(step.replace("~1", "/").replace("~0", "~")) if step else found
                )
            schema = {**shape.mapping(found), **{k: v for k, v in schema.items() if k != "$ref"}}
            seen += 1
        if parts := [self._resolved(shape.mapping(part)) for part in shape.items(schema.get("allOf"))]:
            schema = _merged([*parts, {k: v for k, v in schema.items() if k != "allOf"}])
        return schema

    def _branch(self, branches: list[dict[str, Any]], depth: int) -> dict[str, Any]:
        plain = [branch for branch in branches if _kind(self._resolved(branch)) != "null"]
        deep = depth >= _DEEP and len(plain) < len(branches)
        return {"type": "null"} if deep or not plain else self._resolved(plain[0])

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        required = shape.items(schema.get("required"))
        names = list(shape.mapping(schema.get("properties")).items())
        found = {
            name: self.value(shape.mapping(part), depth + 1)
            for name, part in names
            if depth < _DEEP or name in required
        }
        for name in required:
            found.setdefault(name, next(self._supply))
        return found

    def _array(self, schema: dict[str, Any], depth: int) -> list[Any]:
        least = shape.whole_number(schema.get("minItems")) or 0
        most = shape.whole_number(schema.get("maxItems"))
        wanted = max(least, 1 if depth < _DEEP else 0)
        size = wanted if most is None else min(wanted, most)
        prefix = [shape.mapping(part) for part in shape.items(schema.get("prefixItems"))]
        rest = shape.mapping(schema.get("items")) or {"type": "string"}
        return [self.value(prefix[i] if i < len(prefix) else rest, depth + 1) for i in range(size)]

    def _string(self, schema: dict[str, Any]) -> str:
        if known := _FORMATS.get(shape.text(schema.get("format"))):
            return known
        made = next(self._supply)
        least = shape.whole_number(schema.get("minLength")) or 0
        while len(made) < least:
            made += " " + next(self._supply)
        most = shape.whole_number(schema.get("maxLength"))
        return made if most is None else made[:most]


def _kind(schema: dict[str, Any]) -> str:
    kind: Any = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in shape.items(schema["type"]) if one != "null"), "null")
    if kind is None:
        kind = "object" if "properties" in schema else "array" if "items" in schema else "string"
    return shape.text(kind).lower()


def _number(schema: dict[str, Any], *, whole: bool) -> int | float:
    low, high = _bounds(schema, whole=whole)
    value: float = 1
    if low > value or high < value:
        value = low if low > value else high
    if step := schema.get("multipleOf"):
        value = math.ceil(value / step) * step
        if value > high:
            value = math.floor(high / step) * step
    return int(value) if whole else value


def _bounds(schema: dict[str, Any], *, whole: bool) -> tuple[float, float]:
    """The least and the greatest number allowed, both allowed themselves; infinite without a bound."""
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    above, below = schema.get("exclusiveMinimum", -math.inf), schema.get("exclusiveMaximum", math.inf)
    if whole:
        low = low if math.isinf(low) else math.ceil(low)
        high = high if math.isinf(high) else math.floor(high)
        above = above if math.isinf(above) else math.floor(above) + 1
        below = below if math.isinf(below) else math.ceil(below) - 1
        return max(low, above), min(high, below)
    middle = (max(low, above) + min(high, below)) / 2
    inside = 1.0 if math.isnan(middle) else middle
    if above >= low and not math.isinf(above):
        low = above + 1 if math.isinf(inside) else inside
    if below <= high and not math.isinf(below):
        high = below - 1 if math.isinf(inside) else inside
    return low, high


def _merged(parts: list[dict[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for part in parts:
        properties = {**shape.mapping(merged.get("properties")), **shape.mapping(part.get("properties"))}
        required = [*shape.items(merged.get("required")), *shape.items(part.get("required"))]
        merged.update(part)
        if properties:
            merged["properties"] = properties
        if required:
            merged["required"] = list(dict.fromkeys(required))
    return merged
