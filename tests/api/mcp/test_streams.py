"""The streams of sessions: they end in good order when the process does, and take nothing from others meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI, Request
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from tests.api.mcp.conftest import Service, talking
from tests.api.mcp.test_sessions import BEGIN, LIST, speaking
from tests.api.mcp.test_watching import Ear, listening

from deskmind.api import create_app
from deskmind.api.draining import Drain
from deskmind.api.mcp.endpoint import McpEndpoint
from deskmind.api.mcp.offer import offer_of
from deskmind.desk import Desk
from deskmind.knowledge.ingest import StagedFile
from deskmind.settings import McpSettings


async def _session(http: httpx2.AsyncClient) -> dict[str, str]:
    opened = await http.post("/mcp", json=BEGIN)
    return {"Mcp-Session-Id": opened.headers["mcp-session-id"]}


async def test_a_process_that_ends_completes_its_sessions_streams(
    operator: Desk, serving: Any, key: str
) -> None:
    async def desk_for(_: Request) -> Desk:
        return operator

    drain = Drain(0)
    endpoint = McpEndpoint(desk_for, offer_of(McpSettings()), session_seconds=600, drain=drain)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with endpoint.running():
            yield

    service = FastAPI(lifespan=lifespan)
    service.router.routes.extend(endpoint.routes())
    async with serving(service) as address, speaking(address, key) as http, asyncio.timeout(60):
        mine = await _session(http)
        async with http.stream("GET", "/mcp", headers=mine) as stream:
            drain.begin()
            await stream.aread()  # to its end: it is not cut
        async with http.stream("GET", "/mcp", headers=mine) as late:
            await late.aread()


@pytest.fixture
async def narrow(service: Service, serving: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """The address of a service with four places, and as many for streams."""
    settings = service.app.settings
    limits = settings.limits.model_copy(update={"concurrent": 4, "streams": 4})
    monkeypatch.setattr(service.app, "settings", settings.model_copy(update={"limits": limits}))
    async with serving(create_app(app=service.app)) as address:
        yield address


async def test_streams_that_wait_take_no_places(narrow: str, operator: Desk, key: str) -> None:
    del operator
    async with speaking(narrow, key) as http, AsyncExitStack() as streams:
        for _ in range(3):
            await streams.enter_async_context(http.stream("GET", "/mcp", headers=await _session(http)))
        async with (
            talking(narrow, key, "auto") as client,
            client.listen(resource_subscriptions=["deskmind://tickets/x"]),
        ):
            written = await http.post("/v1/conversations", json={})
            assert written.status_code == 201
            async with http.stream("GET", "/mcp", headers=(session := await _session(http))) as refused:
                await refused.aread()
                assert refused.status_code == 503
                assert refused.json()["type"] == "urn:deskmind:problem:overloaded"
                assert refused.headers["retry-after"] == "1"
        async with asyncio.timeout(60):  # the server sees a little later that the listener has left
            status = 503
            while status == 503:
                async with http.stream("GET", "/mcp", headers=session) as accepted:
                    status = accepted.status_code
            assert status == 200


async def test_one_user_listens_at_most_a_hundred_times(service: Service, operator: Desk, key: str) -> None:
    await operator.principals.add_user("ben")
    other = (await operator.keys.create("ben")).secret
    uri = "deskmind://tickets/x"
    async with (
        talking(service.url, key, "auto") as client,
        talking(service.url, key, "auto") as second,
        AsyncExitStack() as listening,
    ):
        for number in range(100):  # a client has at most a hundred connections
            one = client if number % 2 else second
            await listening.enter_async_context(one.listen(resource_subscriptions=[uri]))
        with pytest.raises(MCPError):
            async with client.listen(resource_subscriptions=[uri]):
                raise AssertionError
        async with talking(service.url, other, "auto") as theirs, theirs.listen(resource_subscriptions=[uri]):
            pass


async def test_a_subscription_outlives_the_token_that_began_it(service: Service, operator: Desk) -> None:
    await operator.principals.add_user("ana")
    tenant, ear = operator.scope.tenant, Ear()

    def shown(**claims: Any) -> dict[str, str]:
        return {"Authorization": f"Bearer {service.issuer.token('ana', 'deskmind:read', tenant, **claims)}"}

    async def change(text: str) -> None:
        file = StagedFile("ticket/INC1", "", "INC1.md", text, metadata={"kind": "ticket", "key": "INC1"})
        await operator.knowledge.add_files([file])

    await change(b"No VPN.")
    leeway = service.app.settings.oidc.leeway_seconds
    short = shown(exp=int(time.time() + 3 - leeway))
    uri = "deskmind://tickets/INC1"
    async with (
        httpx2.AsyncClient(headers=short, timeout=60) as http,
        Client(
            streamable_http_client(f"{service.url}/mcp", http_client=http), mode="legacy", message_handler=ear
        ) as client,
        listening(client, uri),
    ):
        async with asyncio.timeout(60), speaking(service.url, "") as asking:
            asking.headers.update(short)
            while (await asking.post("/mcp", json=LIST)).status_code == 200:
                pass
        http.headers.update(shown())
        await client.list_tools(cache_mode="bypass")
        await change(b"Still no VPN.")
        assert await ear.next() == uri
