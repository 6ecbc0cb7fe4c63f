"""Examples of requests and responses, made from their schemas and, where a schema says too little, from what is said here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deskmind.api.contract.bodies import BODIES
from deskmind.api.contract.words import BY_FORMAT, BY_NAME, PARAMETERS

__all__ = ["add_examples", "example_of"]

_JSON = "application/json"
_DEEPEST = 8
_TYPES: dict[str, Any] = {
    **{"string": str, "integer": int, "number": (int, float), "boolean": bool},
    **{"array": list, "object": dict},
}


def add_examples(said: dict[str, Any], components: Mapping[str, Any]) -> None:
    """Give an operation's parameters, request and responses an example each; problems have theirs already."""
    schemas: Mapping[str, Any] = components.get("schemas", {})
    for parameter in said.get("parameters", ()):
        _add_to_parameter(parameter, schemas)
    asked = said.get("requestBody", {}).get("content", {}).get(_JSON)
    if asked is not None:
        name = said["operationId"]
        asked["example"] = BODIES[name] if name in BODIES else example_of(asked["schema"], schemas)
    for response in said["responses"].values():
        body = response.get("content", {}).get(_JSON)
        if body is not None:
            body["example"] = example_of(body["schema"], schemas)


def _add_to_parameter(parameter: dict[str, Any], schemas: Mapping[str, Any]) -> None:
    name, schema = parameter["name"], parameter["schema"]
    if name in PARAMETERS and fits(PARAMETERS[name], schema):
        parameter["example"] = PARAMETERS[name]
    elif parameter.get("required") and "example" not in parameter:
        parameter["example"] = example_of(schema, schemas, name)


def example_of(schema: Mapping[str, Any], schemas: Mapping[str, Any], name: str = "", depth: int = 0) -> Any:
    """A value that the schema takes, by what is known of the field's name where the schema gives none.

    Args:
        schema: JSON schema.
        schemas: those that references lead to, by name.
        name: of the field.
        depth: how deep in the whole it is; below eight levels only what is required is shown.
    """
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas, name, depth)
    for given in ("examples", "enum"):
        if schema.get(given):
            return schema[given][0]
    if "const" in schema:
        return schema["const"]
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return _of_several(schema[several], schemas, name, depth)
    if name in BY_NAME and "format" not in schema and fits(BY_NAME[name], schema):
        return BY_NAME[name]
    return _of_type(schema, schemas, name, depth)


def _of_type(schema: Mapping[str, Any], schemas: Mapping[str, Any], name: str, depth: int) -> Any:
    match schema.get("type"):
        case "object":
            return _object(schema, schemas, depth)
        case "array":
            return _array(schema, schemas, name, depth)
        case "boolean":
            return schema.get("default", False)
        case "integer" | "number":
            return _number(schema)
        case "string":
            return _text(schema, name)
        case "null":
            return None
        case _:
            return BY_NAME.get(name)


def fits(value: Any, schema: Mapping[str, Any]) -> bool:
    """Whether a value is of a schema's type, and what is in it of the type that is said of that."""
    if "anyOf" in schema:
        return any(fits(value, one) for one in schema["anyOf"])
    kind: str = schema.get("type", "")
    if (
        kind not in _TYPES
        or not isinstance(value, _TYPES[kind])
        or isinstance(value, bool) != (kind == "boolean")
    ):
        return False
    if kind == "string":
        return schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value))
    inner: Any = schema.get({"array": "items", "object": "additionalProperties"}.get(kind, ""))
    if not inner or inner is True:
        return True
    return all(fits(one, inner) for one in (value if kind == "array" else value.values()))


def _of_several(given: list[Mapping[str, Any]], schemas: Mapping[str, Any], name: str, depth: int) -> Any:
    """Of what may be null the other; of number and text the number's text, as it is sent."""
    kinds = [one for one in given if one.get("type") != "null"]
    return example_of(kinds[-1] if len(kinds) == 2 and depth else kinds[0], schemas, name, depth)


def _object(schema: Mapping[str, Any], schemas: Mapping[str, Any], depth: int) -> Any:
    fields: Mapping[str, Any] = schema.get("properties", {})
    needed = schema.get("required", ())
    if not fields:
        more: Any = schema.get("additionalProperties")
        return {"name": example_of(more, schemas, "", depth + 1)} if more and more is not True else {}
    shown = fields if depth < _DEEPEST else needed
    return {field: example_of(fields[field], schemas, field, depth + 1) for field in shown}


def _array(schema: Mapping[str, Any], schemas: Mapping[str, Any], name: str, depth: int) -> Any:
    if "prefixItems" in schema:
        return [example_of(one, schemas, "", depth + 1) for one in schema["prefixItems"]]
    items = schema.get("items")
    if not items or depth >= _DEEPEST:
        return []
    return [example_of(items, schemas, name.removesuffix("s"), depth + 1)] * max(1, schema.get("minItems", 1))


def _number(schema: Mapping[str, Any]) -> Any:
    if "default" in schema:
        return schema["default"]
    least = schema.get("minimum", schema.get("exclusiveMinimum", 0))
    return max(1, least) if schema["type"] == "integer" else max(0.5, least)


def _text(schema: Mapping[str, Any], name: str) -> str:
    if schema.get("format") in BY_FORMAT:
        return BY_FORMAT[schema["format"]]
    if schema.get("default"):
        return schema["default"]
    return (name.replace("_", " ") or "text")[: schema.get("maxLength", 100)].ljust(
        schema.get("minLength", 0), "-"
    )
