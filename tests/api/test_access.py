"""Roles and grants over HTTP; and that no route is open to somebody without a role."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from deskmind.app import Deskmind
from deskmind.desk import Desk

_UUID = "00000000-0000-4000-8000-000000000000"
_NO_DESK = {"/healthz", "/readyz", "/v1/connectors/{connection_id}/webhook"}
# where the schema says less than is looked at before the desk is asked
_BODIES = {
    "/v1/agents": {"agent": {"name": "greeter", "instructions": "Greet.", "model": "fast"}},
    "/v1/prompts": {"prompt": {"name": "greeting", "messages": [{"role": "system", "content": "Greet."}]}},
}


@pytest.fixture
async def clients(operator: Desk, base_url: str) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    """By user: an owner, a requester, and somebody without a role."""
    await operator.principals.add_user("boss", role="operator")
    await operator.principals.add_user("ann")
    await operator.principals.add_user("nobody")
    await operator.access.revoke("requester", user="nobody")
    made: dict[str, httpx.AsyncClient] = {}
    for user in ("boss", "ann", "nobody"):
        key = await operator.keys.create(user)
        made[user] = httpx.AsyncClient(base_url=base_url, headers={"Authorization": f"Bearer {key.secret}"})
    yield made
    for client in made.values():
        await client.aclose()


def _example(schema: dict[str, Any], document: dict[str, Any]) -> Any:
    """The least that a schema takes."""
    if "$ref" in schema:
        return _example(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document)
    if "const" in schema or "enum" in schema:
        return schema.get("const", next(iter(schema.get("enum", [None]))))
    if schema.get("examples"):
        return schema["examples"][0]
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return _example(schema[several][0], document)
    kind = schema.get("type")
    if kind == "object" and schema.get("minProperties"):
        of_any = schema["additionalProperties"]
        return {"name": "xxx" if of_any is True else _example(of_any, document)}
    if kind == "object":
        fields = schema.get("properties", {})
        return {name: _example(fields[name], document) for name in schema.get("required", ())}
    if kind == "array":
        return [_example(schema["items"], document)] * max(schema.get("minItems", 0), 1)
    if kind in {"integer", "number"}:
        return schema.get("minimum", 1)
    if kind == "boolean":
        return False
    formats = {"uuid": _UUID, "date-time": "2030-01-01T00:00:00Z"}
    return formats.get(schema.get("format", ""), "x" * max(schema.get("minLength", 1), 3))


def _request(path: str, method: str, described: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    params = {
        item["name"]: _example(item["schema"], document)
        for item in described.get("parameters", ())
        if item.get("required")
    }
    described_path = path
    for name in [item["name"] for item in described.get("parameters", ()) if item["in"] == "path"]:
        path = path.replace(f"{{{name}}}", str(params.pop(name)))
    content = described.get("requestBody", {}).get("content", {})
    request: dict[str, Any] = {"method": method.upper(), "url": path, "params": params}
    if "multipart/form-data" in content:
        request["files"] = {"file": ("a.md", b"# A")}
    elif content and "application/json" not in content:
        request["content"] = b"x"
    elif content:
        request["json"] = _BODIES.get(described_path) or _example(
            content["application/json"]["schema"], document
        )
    return request


async def test_no_route_is_open_to_somebody_without_a_role(clients: dict[str, httpx.AsyncClient]) -> None:
    document = (await clients["nobody"].get("/openapi.json")).json()
    walked = 0
    opened: list[tuple[str, str, int, str]] = []
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            if path in _NO_DESK:
                continue
            answer = await clients["nobody"].request(**_request(path, method, described, document))
            if answer.status_code != 403 or "may not" not in answer.text:
                opened.append((method, path, answer.status_code, answer.text))
            walked += 1
    assert opened == []
    assert walked > 45


async def test_a_role_is_defined_granted_explained_and_revoked(clients: dict[str, httpx.AsyncClient]) -> None:
    boss, ann = clients["boss"], clients["ann"]
    role = {"permissions": ["audit:read", "budgets:*"], "description": "reads the books"}
    assert (await boss.put("/v1/roles/bookkeeper", json=role)).status_code == 204
    grant = {"role": "bookkeeper", "user": "ann", "until": "2100-01-01T00:00:00Z", "reason": "year end"}
    given = await boss.post("/v1/grants", json=grant)
    assert (given.status_code, given.json()["holder"]) == (201, "ann")
    check = {"permission": "budgets:read"}
    told = (await ann.get("/v1/access/check", params=check)).json()
    assert told["because"] == ["role bookkeeper granted to user ann until 2100-01-01 00:00 UTC"]
    assert (await ann.get("/v1/budgets")).status_code == 200
    assert (await ann.get("/v1/access/review")).status_code == 403
    lines = (await boss.get("/v1/access/review")).json()["grants"]
    assert ("ann", "bookkeeper", "boss") in {(x["holder"], x["role"], x["granted_by"]) for x in lines}
    gone = await boss.delete("/v1/grants", params={"role": "bookkeeper", "user": "ann"})
    assert gone.status_code == 204
    refused = (await ann.get("/v1/budgets")).json()
    assert refused["permission"] == "budgets:read"
    assert "deskmind access grant ROLE --user ann" in refused["detail"] + refused.get("remedy", "")
    assert (await boss.delete("/v1/roles/bookkeeper")).status_code == 204
    names = {item["name"] for item in (await boss.get("/v1/roles")).json()["roles"]}
    assert "bookkeeper" not in names
    assert "owner" in names


async def test_a_policy_is_checked_and_saved(clients: dict[str, httpx.AsyncClient]) -> None:
    boss, ann = clients["boss"], clients["ann"]
    wrong = await boss.put("/v1/access/policy", json={"text": "forbid (principal, action);"})
    assert wrong.status_code == 422
    assert "knowledge:ask" in (await boss.get("/v1/access/policy/schema")).json()["cedar"]
    text = 'forbid (principal == Deskmind::User::"ann", action in Deskmind::Action::"documents:*", resource);'
    assert (await boss.put("/v1/access/policy", json={"text": text})).json()["policies"] == ["policy0"]
    assert (await ann.get("/v1/documents")).status_code == 403
    assert (await boss.get("/v1/access/policy")).json()["version"] == 1
    assert (await boss.put("/v1/access/policy", json={"text": ""})).json()["version"] == 2
    assert (await ann.get("/v1/documents")).status_code == 200


async def test_grants_cannot_be_raised_over_http(
    clients: dict[str, httpx.AsyncClient], operator: Desk, app: Deskmind
) -> None:
    for body in ({"role": "owner", "user": "ann"}, {"role": "technician", "user": "ann"}):
        assert (await clients["ann"].post("/v1/grants", json=body)).status_code == 403
    await operator.access.grant("admin", user="ann")
    app.forget_authentication()
    assert (await clients["ann"].post("/v1/grants", json={"role": "owner", "user": "ann"})).status_code == 403
    assert (
        await clients["ann"].post("/v1/grants", json={"role": "technician", "user": "ann"})
    ).status_code == 201
