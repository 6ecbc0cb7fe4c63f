"""Clients that run in pages of other origins."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from tests.api.mcp.conftest import Service
from tests.api.mcp.test_sessions import BEGIN, speaking

from deskmind.api import create_app

PAGE = {"Origin": "https://chat.example.com"}
ASKED = {
    **PAGE,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization, content-type, mcp-protocol-version, mcp-session-id",
}
METADATA = "/.well-known/oauth-protected-resource"


@pytest.fixture
async def paged(
    service: Service, serving: Any, key: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx2.AsyncClient]:
    """Speaks with a service that takes messages of one origin's pages."""
    settings = service.app.settings
    mcp = settings.mcp.model_copy(update={"origins": ("https://chat.example.com",)})
    monkeypatch.setattr(service.app, "settings", settings.model_copy(update={"mcp": mcp}))
    async with serving(create_app(app=service.app)) as address, speaking(address, key) as client:
        yield client


async def test_a_named_origins_page_speaks_with_the_endpoint(paged: httpx2.AsyncClient) -> None:
    asked = await paged.options("/mcp", headers=ASKED)
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (200, PAGE["Origin"])
    newer = {"Access-Control-Request-Headers": "mcp-method, mcp-name, mcp-protocol-version"}
    assert (await paged.options("/mcp", headers={**ASKED, **newer})).status_code == 200
    opened = await paged.post("/mcp", json=BEGIN, headers=PAGE)
    shown = opened.headers["access-control-expose-headers"]
    assert "Mcp-Session-Id" in shown
    nobody = await paged.post("/mcp", json=BEGIN, headers={**PAGE, "Authorization": ""})
    assert (nobody.status_code, nobody.headers["access-control-allow-origin"]) == (401, PAGE["Origin"])
    assert "WWW-Authenticate" in nobody.headers["access-control-expose-headers"]
    for path in (METADATA, f"{METADATA}/mcp"):
        found = await paged.get(path, headers=PAGE)
        assert (found.status_code, found.headers["access-control-allow-origin"]) == (200, PAGE["Origin"])


async def test_it_may_read_nothing_else_and_no_other_page_anything(paged: httpx2.AsyncClient) -> None:
    for path in ("/v1/ask", "/v1/documents", "/mcpx"):
        elsewhere = await paged.options(path, headers=ASKED)
        assert "access-control-allow-origin" not in elsewhere.headers
    read = await paged.get("/v1/documents", headers=PAGE)
    assert (read.status_code, "access-control-allow-origin" in read.headers) == (200, False)
    other = {**ASKED, "Origin": "https://evil.example.com"}
    assert "access-control-allow-origin" not in (await paged.options("/mcp", headers=other)).headers
