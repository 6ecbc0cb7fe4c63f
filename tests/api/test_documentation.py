"""The page at ``/docs`` works where no other host can be reached."""

from __future__ import annotations

import json
import re
from urllib.parse import urljoin

import httpx
import pytest
from fastapi import FastAPI

from deskmind.api.application import _OURS as UNWATCHED
from deskmind.api.documentation import add_documentation

_LOADED = re.compile(r'<(?:script|link|img)[^>]*?(?:src|href)="([^"]+)"')


@pytest.fixture
async def page(base_url: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=base_url) as client:
        return await client.get("/docs")


async def test_everything_it_loads_comes_from_this_service(base_url: str, page: httpx.Response) -> None:
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "://" not in page.text
    loaded = [address for address in _LOADED.findall(page.text) if not address.startswith("data:")]
    assert len(loaded) == 3
    async with httpx.AsyncClient(base_url=base_url) as client:
        for address in loaded:
            response = await client.get(urljoin("/docs", address))
            assert response.status_code == 200, address
            assert response.headers["content-type"].startswith(("text/javascript", "text/css"))


async def test_the_browser_may_ask_nobody_else(page: httpx.Response) -> None:
    policy = dict(rule.strip().split(" ", 1) for rule in page.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    allowed = {source for sources in policy.values() for source in sources.split()}
    assert allowed <= {"'none'", "'self'", "'unsafe-inline'", "data:"}
    assert "<script>" not in page.text


async def test_it_shows_this_services_document(base_url: str) -> None:
    async with httpx.AsyncClient(base_url=base_url) as client:
        start = (await client.get("/docs/start.js")).text
        options = json.loads(start[start.index("(") + 1 : start.rindex(")")])
        assert options["validatorUrl"] is None  # by default an address of its maker is asked
        assert (await client.get(options["url"])).json()["openapi"].startswith("3.")


async def test_behind_a_prefix_its_addresses_have_it_too() -> None:
    service = FastAPI(docs_url=None, telemetry=UNWATCHED)
    add_documentation(service)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(service, root_path='/desk"><script>'), base_url="http://desk.example"
    ) as client:
        page = await client.get("/docs")
        assert "<script>" not in page.text
        assert 'src="/desk&quot;&gt;&lt;script&gt;/docs/start.js"' in page.text
        assert '/desk\\"><script>/openapi.json' in (await client.get("/docs/start.js")).text
