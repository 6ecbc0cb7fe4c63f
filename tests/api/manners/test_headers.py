"""What responses tell browsers, and how they travel."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.api.conftest import Serve

from deskmind.api import create_app
from deskmind.app import Deskmind


async def test_responses_may_not_be_kept_sniffed_or_framed(caller: Any) -> None:
    for response in (
        await caller.client.get("/v1/documents"),
        await caller.client.get("/v1/nothing"),
        await caller.client.get("/healthz"),
    ):
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["x-frame-options"] == "DENY"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert response.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert "strict-transport-security" not in response.headers


async def test_a_page_of_documentation_keeps_its_own_policy(caller: Any) -> None:
    response = await caller.client.get("/docs")
    assert response.headers.get_list("content-security-policy") == [
        response.headers["content-security-policy"]
    ]
    assert response.headers["content-security-policy"] != "default-src 'none'; frame-ancestors 'none'"


async def test_long_responses_are_compressed_for_who_takes_it(caller: Any) -> None:
    plain = await caller.client.get("/openapi.json", headers={"Accept-Encoding": "identity"})
    packed = await caller.client.get("/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(plain.content) / 4
    assert packed.json() == plain.json()


async def test_no_page_may_call_unless_it_is_named(
    caller: Any, app: Deskmind, serving: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"Origin": "https://portal.example.com", "Access-Control-Request-Method": "POST"}
    refused = await caller.client.options("/v1/ask", headers=asked)
    assert "access-control-allow-origin" not in refused.headers

    with monkeypatch.context() as patched:
        named = {"cors_origins": ("https://portal.example.com",), "embedded_worker": False}
        api = app.settings.api.model_copy(update=named)
        patched.setattr(app, "settings", app.settings.model_copy(update={"api": api}))
        service = create_app(app=app)
    async with (
        serving(service) as address,
        httpx.AsyncClient(base_url=address, headers=caller.client.headers) as client,
    ):
        allowed = await client.options("/v1/ask", headers=asked)
        other = await client.options("/v1/ask", headers={**asked, "Origin": "https://evil.example.com"})
        read = await client.get("/v1/models", headers={"Origin": "https://portal.example.com"})
    assert allowed.headers["access-control-allow-origin"] == "https://portal.example.com"
    assert "access-control-allow-origin" not in other.headers
    assert read.headers["access-control-allow-origin"] == "https://portal.example.com"
    assert "ETag" in read.headers["access-control-expose-headers"]
