"""The OpenAPI document tells what the service does."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

_ERRORS = {"400", "401", "403", "408", "413", "422", "500", "503", "504"}


@pytest.fixture
async def document(base_url: str) -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=base_url) as client:
        return (await client.get("/openapi.json")).json()


def _operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


async def test_every_operation_of_the_resources_is_secured_and_tells_its_problems(
    document: dict[str, Any],
) -> None:
    resources = [operation for path, _, operation in _operations(document) if path.startswith("/v1/")]
    assert len(resources) == 184
    for operation in resources:
        if operation["operationId"] == "receiveWebhook":  # its signature stands in for a key
            assert "security" not in operation
        else:
            assert operation["security"] == [{"apiKey": []}]
        assert operation["responses"].keys() >= _ERRORS
        assert operation["summary"]
        assert operation["tags"]
    assert document["components"]["securitySchemes"]["apiKey"]["scheme"] == "bearer"


async def test_problems_are_described_by_the_media_type_they_have(document: dict[str, Any]) -> None:
    for _, _, operation in _operations(document):
        for status, response in operation["responses"].items():
            if status >= "400" and operation["operationId"] != "ready":
                if operation["tags"] == ["models"]:  # in OpenAI's form
                    assert list(response["content"]) == ["application/json"]
                    continue
                assert list(response["content"]) == ["application/problem+json"], operation["operationId"]
                schema = response["content"]["application/problem+json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Problem"}


async def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            found = [node["$ref"]] if "$ref" in node else []
            return found + [item for value in node.values() for item in references(value)]
        return [item for value in node for item in references(value)] if isinstance(node, list) else []

    names = {
        f"#/components/{kind}/{name}"
        for kind in ("schemas", "examples", "headers")
        for name in document["components"][kind]
    }
    found = references(document["paths"]) + references(document["components"])
    assert found
    assert set(found) <= names


async def test_what_the_service_answers_is_documented(caller: Any, document: dict[str, Any]) -> None:
    client = caller.client
    unknown = f"/v1/documents/{uuid4()}"
    by_id = "/v1/documents/{document_id}"
    note = {"name": "a.md", "text": "# A\n\nprinter toner"}
    file = {"file": ("a.exe", b"MZ")}
    answers = [
        ("/v1/documents", await client.post("/v1/documents", json=note)),
        ("/v1/documents", await client.post("/v1/documents", json={**note, "name": "a.exe"})),
        ("/v1/documents", await client.post("/v1/documents", json={**note, "groups": ["x"]})),
        ("/v1/documents", await client.get("/v1/documents")),
        ("/v1/documents/upload", await client.post("/v1/documents/upload", files=file)),
        ("/v1/search", await client.post("/v1/search", json={"query": "toner"})),
        ("/v1/search", await client.post("/v1/search", json={"query": ""})),
        ("/v1/ask", await client.post("/v1/ask", json={"question": "toner"})),
        ("/v1/ask", await client.post("/v1/ask", json={"question": "x"}, headers={"Authorization": ""})),
        (by_id, await client.get(unknown)),
        (by_id, await client.delete(unknown)),
    ]
    for path, response in answers:
        described = document["paths"][path][response.request.method.lower()]["responses"]
        assert str(response.status_code) in described, (path, response.text)
        media_type = response.headers["content-type"].partition(";")[0]
        body = described[str(response.status_code)]["content"][media_type]["schema"]["$ref"]
        schema = document["components"]["schemas"][body.rpartition("/")[2]]
        assert set(schema.get("required", ())) <= response.json().keys()
        if not media_type.startswith("application/problem"):
            assert response.json().keys() <= schema["properties"].keys()


async def test_the_streamed_answer_is_described(document: dict[str, Any]) -> None:
    assert document["paths"]["/v1/ask"]["post"]["responses"]["200"]["content"].keys() == {
        "application/json",
        "text/event-stream",
    }
