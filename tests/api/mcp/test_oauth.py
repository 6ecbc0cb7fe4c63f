"""Tokens of the tenants' identity provider for the endpoint, as the protocol's authorization wants them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from tests.api.mcp.conftest import RESOURCE, Service, Talk

from deskmind.desk import Desk

LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
ADD = {
    "jsonrpc": "2.0",
    "id": 2,
    "method": "tools/call",
    "params": {"name": "add_document", "arguments": {"name": "vpn.md", "text": "Open the portal."}},
}
METADATA = "https://desk.example.com/.well-known/oauth-protected-resource/mcp"
BOTH = "deskmind:read deskmind:write"


@pytest.fixture
async def http(service: Service) -> AsyncIterator[httpx2.AsyncClient]:
    headers = {"Accept": "application/json, text/event-stream"}
    async with httpx2.AsyncClient(base_url=service.url, headers=headers, timeout=60) as client:
        yield client


@pytest.fixture
async def token(service: Service, operator: Desk) -> Any:
    """Makes tokens of a user of the tenant."""
    await operator.principals.add_user("ana")

    def make(scope: str = "deskmind:read", **claims: Any) -> dict[str, str]:
        given = service.issuer.token("ana", scope, operator.scope.tenant, **claims)
        return {"Authorization": f"Bearer {given}"}

    return make


async def test_a_client_is_told_where_tokens_come_from(http: httpx2.AsyncClient, service: Service) -> None:
    for path in ("/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"):
        assert (await http.get(path)).json() == {
            "resource": RESOURCE,
            "authorization_servers": [service.issuer.url],
            "scopes_supported": ["deskmind:read", "deskmind:write"],
            "bearer_methods_supported": ["header"],
            "resource_name": "Deskmind",
        }
    nobody = await http.post("/mcp", json=LIST)
    challenge = f'Bearer scope="deskmind:read", resource_metadata="{METADATA}"'
    assert (nobody.status_code, nobody.headers["www-authenticate"]) == (401, challenge)
    assert nobody.json()["type"] == "urn:deskmind:problem:authentication"
    wrong = await http.post("/mcp", json=LIST, headers={"Authorization": "Bearer a.b.c"})
    assert wrong.headers["www-authenticate"].startswith('Bearer error="invalid_token", ')


async def test_tokens_are_for_the_endpoint_alone(http: httpx2.AsyncClient, token: Any) -> None:
    assert (await http.post("/mcp", json=LIST, headers=token())).status_code == 200
    assert (await http.post("/mcp", json=LIST, headers=token(aud=["x", RESOURCE]))).status_code == 200
    for aud in ("deskmind", f"{RESOURCE}/", "https://desk.example.com", "https://evil.example/mcp"):
        assert (await http.post("/mcp", json=LIST, headers=token(BOTH, aud=aud))).status_code == 401
    assert (await http.get("/v1/documents", headers=token(BOTH))).status_code == 401
    assert (await http.get("/v1/documents", headers=token(aud="deskmind"))).status_code == 200


async def test_a_token_may_do_what_its_scopes_leave(http: httpx2.AsyncClient, token: Any) -> None:
    none = await http.post("/mcp", json=LIST, headers=token("openid"))
    assert none.status_code == 403
    assert none.headers["www-authenticate"] == (
        f'Bearer error="insufficient_scope", scope="deskmind:read", resource_metadata="{METADATA}"'
    )
    refused = await http.post("/mcp", json=ADD, headers=token())
    assert refused.status_code == 403
    assert f'scope="{BOTH}"' in refused.headers["www-authenticate"]
    assert refused.json()["type"] == "urn:deskmind:problem:insufficient-scope"
    for headers in (token(BOTH), token("", scp=["deskmind:write"])):
        done = await http.post("/mcp", json=ADD, headers=headers)
        assert done.status_code == 200
        assert "structuredContent" in done.text


async def test_scopes_bound_the_user_behind_the_tools_too(
    service: Service, operator: Desk, token: Any
) -> None:
    resource = service.app.settings.mcp
    from deskmind.governance.access.oidc.resource import TokenResource

    given = token()["Authorization"].removeprefix("Bearer ")
    door = TokenResource(RESOURCE, resource.read_scope, resource.write_scope)
    desk = await service.app.authenticate(given, resource=door)
    decision = await desk.access.check("knowledge:ingest")
    assert (decision.allowed, decision.because) == (
        False,
        ["no role of the token's scopes includes knowledge:ingest"],
    )
    assert (await desk.access.check("knowledge:ask")).allowed


async def test_the_protocols_client_works_with_a_token(talk: Talk, service: Service, operator: Desk) -> None:
    await operator.principals.add_user("ana")
    await operator.knowledge.add("vpn.md", b"# VPN\n\nOpen the portal to reset the token.")
    given = service.issuer.token("ana", "deskmind:read", operator.scope.tenant)
    async with talk(given) as client:
        answer = await client.call_tool("ask", {"question": "How is the token reset?"})
        assert answer.structured_content["found"]
