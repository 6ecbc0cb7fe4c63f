"""The client against the OpenAPI document, read here independently of the script that makes its classes."""

from __future__ import annotations

import functools
import importlib.util
import json
import keyword
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import pytest
from fastapi import FastAPI, Request, Response

from deskmind.api import create_app
from deskmind.client import AsyncClient, Body
from deskmind.client.made.resources import OPERATIONS

_SCRIPT = Path(__file__).parents[2] / "scripts" / "client_code.py"
_ID = "0190a3c2-8f4e-7c3d-9a41-2b6f0e9d1c55"
_TEXTS = {"uuid": _ID, "date-time": "2026-01-31T12:00:00Z", "decimal": "25.50", None: "a b+ü"}


@functools.cache
def document() -> dict[str, Any]:
    """Not made on import: each process that collects the tests would."""
    return create_app().openapi()


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("client_code", _SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["client_code"] = module
    spec.loader.exec_module(module)
    return module


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            if operation["operationId"] != "receiveWebhook":  # connected systems call it
                yield method.upper(), path, operation


def schema_of(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def first_of(kind: str | list[str] | None) -> str | None:
    return kind[0] if isinstance(kind, list) else kind


def sample(schema: dict[str, Any], depth: int = 0) -> Any:
    """A value that a schema allows, with everything in it that it names."""
    schema = schema_of(schema)
    if "anyOf" in schema:
        return sample(next(one for one in schema["anyOf"] if one.get("type") != "null"), depth)
    if "enum" in schema:
        return schema["enum"][0]
    kind = first_of(schema.get("type"))
    if kind == "object":
        if depth > 6:
            return {}
        fields = {name: sample(one, depth + 1) for name, one in schema.get("properties", {}).items()}
        more = schema.get("additionalProperties")
        return {**fields, **({"key": sample(more, depth + 1)} if isinstance(more, dict) else {})}
    if kind == "array":
        return [sample(schema.get("items", {}), depth + 1)]
    if kind == "integer":
        return int(schema.get("minimum", 3))
    if kind == "number":
        return max(0.75, schema.get("minimum", 0))
    return {"boolean": True, "string": schema.get("const") or _TEXTS.get(schema.get("format"))}.get(
        kind, "any"
    )


def check(told: Any, schema: dict[str, Any], where: str) -> None:
    """The value that the client gives is of the type that the document says, at any depth."""
    named, schema = "$ref" in schema, schema_of(schema)
    if "anyOf" in schema:
        check(told, next(one for one in schema["anyOf"] if one.get("type") != "null"), where)
        return
    kind, form = first_of(schema.get("type")), schema.get("format")
    if kind == "object" and "properties" in schema and (named or isinstance(told, Body)):
        assert isinstance(told, Body), where
        for name, one in schema["properties"].items():
            check(getattr(told, name), one, f"{where}.{name}")
    elif kind == "object":
        assert isinstance(told, dict), where
        if isinstance(schema.get("additionalProperties"), dict):
            check(told.get("key"), schema["additionalProperties"], f"{where}.key")
    elif kind == "array":
        assert isinstance(told, tuple), where
        check(told[0], schema["items"], f"{where}[0]")
    elif kind is not None:
        kinds = {"uuid": UUID, "date-time": datetime, "decimal": Decimal}
        plain = {"string": str, "integer": int, "number": float, "boolean": bool}
        wanted = kinds.get(form, str) if kind == "string" else plain[kind]
        assert type(told) is wanted, f"{where} is {type(told)} and not {wanted}"


@pytest.fixture(scope="module")
async def echo(
    serving: Callable[[FastAPI], AbstractAsyncContextManager[str]],
) -> AsyncIterator[tuple[AsyncClient, list[dict[str, Any]]]]:
    """A server that notes what comes and answers each operation with a sample of what the document promises."""
    service, seen = (
        FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False}),
        [],
    )

    def answering(operation: dict[str, Any]) -> Callable[[Request], Any]:
        status, reply = next((int(s), r) for s, r in operation["responses"].items() if s[0] == "2")
        content = reply.get("content", {})

        async def answer(request: Request) -> Response:
            seen.append(
                {
                    "operation": operation["operationId"],
                    "path": request.path_params,
                    "query": parse_qs(request.url.query),
                    "type": request.headers.get("content-type", ""),
                    "body": await request.body(),
                    "key": request.headers.get("idempotency-key"),
                    "match": request.headers.get("if-match"),
                }
            )
            wanted = request.headers["accept"]
            if wanted in content and wanted == "text/event-stream":
                kinds = content[wanted]["x-deskmind-events"]
                text = "".join(
                    f"id: {name}\nevent: {name}\ndata: {json.dumps(sample(one))}\n\n"
                    for name, one in kinds.items()
                )
                return Response(text, media_type=wanted)
            if "application/json" in content:
                value = json.dumps(sample(content["application/json"]["schema"]))
                tag = {"ETag": '"7"'} if "ETag" in reply.get("headers", {}) else {}
                return Response(value, status, tag, media_type="application/json")
            return Response(b"PK" if content else b"", status)

        return answer

    for method, path, operation in operations():
        service.add_api_route(path, answering(operation), methods=[method])
    async with serving(service) as address, AsyncClient(address, api_key="dk_x") as client:
        yield client, seen


def method_of(client: Any, operation: str) -> Callable[..., Any]:
    found: Any = client
    for name in OPERATIONS[operation].split("."):
        found = getattr(found, name)
    return found


def answered(operation: dict[str, Any]) -> dict[str, Any]:
    """The media types of its success."""
    return next(reply for status, reply in operation["responses"].items() if status[0] == "2").get(
        "content", {}
    )


def arguments_of(operation: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any], bool]:
    """Samples of parameters and of the body's fields, and whether a file is sent."""
    parameters = {
        one["name"]: sample(one["schema"]) for one in operation.get("parameters", ()) if one["in"] != "header"
    }
    content = operation.get("requestBody", {}).get("content", {})
    body = sample(content["application/json"]["schema"]) if "application/json" in content else {}
    return parameters, body, "multipart/form-data" in content


def test_every_operation_has_a_method() -> None:
    assert {one["operationId"] for _, _, one in operations()} == set(OPERATIONS)


@pytest.mark.parametrize("name", OPERATIONS)
async def test_an_operation_is_asked_and_answered_as_the_document_says(
    echo: tuple[AsyncClient, list[dict[str, Any]]], name: str
) -> None:
    client, seen = echo
    operation = next(one for _, _, one in operations() if one["operationId"] == name)
    content = answered(operation)
    parameters, body, upload = arguments_of(operation)
    values = {_python(key): value for key, value in (parameters | body).items()}
    headers = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "header"}
    if conditional := "If-Match" in headers:
        values["if_match"] = '"7"'
    if set(content) != {"text/event-stream"}:
        told = await method_of(client, name)(**values, **({"file": ("a.md", b"# A")} if upload else {}))
        asked = seen[-1]
        assert asked["operation"] == name
        assert asked["path"] == {one: str(parameters[one]) for one in asked["path"]}
        assert asked["query"] == {one: _worded(parameters[one]) for one in asked["query"]}
        assert parameters.keys() == asked["path"].keys() | asked["query"].keys()
        assert not body or json.loads(asked["body"]) == body
        assert asked["match"] == ('"7"' if conditional else None)
        assert not conditional or asked["key"] is not None  # the second of two attempts would be refused
        if isinstance(told, Body):
            assert told.etag == ('"7"' if "If-None-Match" in headers else "")
        assert upload == asked["type"].startswith("multipart/form-data; boundary=")
        if "$ref" in content.get("application/json", {}).get("schema", {}):
            check(told, content["application/json"]["schema"], name)
    if "x-deskmind-events" in content.get(
        "text/event-stream", {}
    ):  # chat completions are for OpenAI's clients
        stream = name if set(content) == {"text/event-stream"} else f"{name}_stream"
        method = method_of(client, name) if stream == name else getattr(client, stream)
        events = {event.name: event.data async for event in method(**values)}
        for kind, schema in content["text/event-stream"]["x-deskmind-events"].items():
            check(events[kind], schema, f"{name} {kind}")


def test_code_that_waits_has_the_same_methods() -> None:
    from deskmind.client import Client

    with Client("http://localhost:1") as waiting:
        for operation in OPERATIONS:
            assert callable(method_of(waiting, operation)), operation


def test_the_classes_are_those_of_the_document_of_now(script: ModuleType) -> None:
    """`python scripts/client_code.py` makes them anew."""
    for name, text in script.written().items():
        assert (script.FOLDER / name).read_text(encoding="utf-8") == text, name


def test_the_parameters_that_take_the_rest_of_the_path_are_those_of_the_routes(script: ModuleType) -> None:
    taking = {
        (re.sub(":path}", "}", path), re.findall(r"{(\w+):path}", path)[0])
        for path in (getattr(route, "path", "") for route in create_app().routes)
        if ":path}" in path
    }
    assert taking == script.WITH_SLASHES


def test_importing_the_client_loads_neither_the_service_nor_its_database() -> None:
    heavy = (
        "aiohttp",
        "alembic",
        "fastapi",
        "numpy",
        "opentelemetry",
        "psycopg",
        "pydantic",
        "sqlalchemy",
        "typer",
    )
    code = f"import deskmind.client, sys; print([one for one in {heavy!r} if one in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def _python(name: str) -> str:
    return f"{name}_" if keyword.iskeyword(name) else name


def _worded(value: Any) -> list[str]:
    return [
        json.dumps(one, ensure_ascii=False).strip('"')
        for one in (value if isinstance(value, list) else [value])
    ]
