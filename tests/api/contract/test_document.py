"""The OpenAPI document: what it shows is as it says, and leads where it says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from jsonschema import Draft202012Validator

from deskmind.api import create_app
from deskmind.api.application import _OURS as UNWATCHED
from deskmind.api.contract.links import LINKS
from deskmind.api.contract.retiring import mark_retired, retired
from deskmind.api.middleware import RequestContext
from deskmind.settings import load_settings

_JSON = "application/json"


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    home: Path = tmp_path_factory.mktemp("described")
    return create_app(load_settings(home=home)).openapi()


def operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in document["paths"].values():
        yield from methods.values()


def _wrong(example: Any, schema: dict[str, Any], document: dict[str, Any]) -> list[str]:
    whole = {"components": document["components"], **schema}
    validator = Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)
    return [error.message for error in validator.iter_errors(example)]


def _shown(said: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Where an operation shows an example, and the object with the example and its schema."""
    for parameter in said.get("parameters", ()):
        if "example" in parameter:
            yield parameter["name"], parameter
    if _JSON in said.get("requestBody", {}).get("content", {}):
        yield "request", said["requestBody"]["content"][_JSON]
    for status, response in said["responses"].items():
        if _JSON in response.get("content", {}):
            yield status, response["content"][_JSON]


def test_examples_are_what_their_schemas_say(document: dict[str, Any]) -> None:
    shown = 0
    for said in operations(document):
        for place, body in _shown(said):
            assert _wrong(body["example"], body["schema"], document) == [], (said["operationId"], place)
            shown += 1
    assert shown > 300


def test_each_problem_has_an_example(document: dict[str, Any]) -> None:
    examples = document["components"]["examples"]
    schema = {"$ref": "#/components/schemas/Problem"}
    for example in examples.values():
        assert _wrong(example["value"], schema, document) == []
        assert example["summary"]
    for said in operations(document):
        for status, response in said["responses"].items():
            for name, example in (
                response.get("content", {}).get("application/problem+json", {}).get("examples", {}).items()
            ):
                assert example == {"$ref": f"#/components/examples/{name}"}
                assert examples[name]["value"]["status"] == int(status)


def test_links_lead_to_operations_that_take_what_they_carry(document: dict[str, Any]) -> None:
    takes = {
        said["operationId"]: {one["name"] for one in said.get("parameters", ())}
        for said in operations(document)
    }
    linked: set[str] = set()
    for said in operations(document):
        for response in said["responses"].values():
            for link in response.get("links", {}).values():
                assert link["parameters"].keys() <= takes[link["operationId"]]
                linked.add(said["operationId"])
    assert linked == LINKS.keys()


def test_names_make_good_clients(document: dict[str, Any]) -> None:
    names = [said["operationId"] for said in operations(document)]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() and name[0].islower() and "_" not in name for name in names)
    schemas = document["components"]["schemas"]
    assert [name for name in schemas if "__" in name] == []  # two classes of one name


def test_completing_it_twice_adds_nothing(document: dict[str, Any]) -> None:
    for said in operations(document):
        names = [(one["in"], one["name"]) for one in said.get("parameters", ())]
        assert len(set(names)) == len(names), said["operationId"]


async def test_a_retired_operation_says_when_it_goes() -> None:
    service = FastAPI(telemetry=UNWATCHED)
    announced, gone = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 31, 12, tzinfo=UTC)

    @service.get("/old", openapi_extra=retired(since=announced, until=gone, instead="/v1/new"))
    async def old() -> str:
        return "still here"

    @service.get("/new")
    async def new() -> str:
        return "here"

    said = service.openapi()["paths"]["/old"]["get"]
    mark_retired(said)
    assert said["deprecated"] is True
    assert said["responses"]["200"]["headers"].keys() >= {"Deprecation", "Sunset", "Link"}
    service.add_middleware(RequestContext)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(service), base_url="http://desk") as client:
        answer = (await client.get("/old")).headers
        assert answer["deprecation"] == f"@{int(announced.timestamp())}"
        assert answer["sunset"] == "Sun, 31 Jan 2027 12:00:00 GMT"
        assert answer["link"] == '</v1/new>; rel="successor-version"'
        lasting = (await client.get("/new")).headers
        assert lasting["api-version"] == "1"
        assert "deprecation" not in lasting


def test_what_stands_in_an_address_or_a_header_is_never_null(document: dict[str, Any]) -> None:
    parameters = [one for said in operations(document) for one in said.get("parameters", ())]
    assert len(parameters) > 200
    for one in parameters:
        assert "null" not in str(one["schema"]), one


def test_each_event_of_a_stream_is_described(document: dict[str, Any]) -> None:
    streams = [
        response["content"]["text/event-stream"]
        for said in operations(document)
        for response in said["responses"].values()
        if "text/event-stream" in response.get("content", {})
    ]
    assert len(streams) >= 3
    for one in streams:
        assert _wrong({"data": "{}"}, one["schema"], document) == []
        assert _wrong({"event": "problem"}, one["schema"], document) != []
