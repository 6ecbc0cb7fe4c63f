"""A real server on a real socket over the session's application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
import uvicorn

from deskmind.api import create_app
from deskmind.app import Deskmind
from deskmind.desk import Desk


@dataclass
class Caller:
    """A client with a user's key."""

    client: httpx.AsyncClient
    desk: Desk
    key: str


@pytest.fixture(scope="session")
async def base_url(app: Deskmind) -> AsyncIterator[str]:
    """The address of the service."""
    server = uvicorn.Server(
        uvicorn.Config(create_app(app=app), host="127.0.0.1", port=0, log_config=None, lifespan="on")
    )
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    await task


@pytest.fixture
async def caller(operator: Desk, app: Deskmind, base_url: str) -> AsyncIterator[Caller]:
    """A member of a fresh tenant, in the group hr."""
    await operator.principals.add_user("req1", groups=["hr"])
    key = await operator.keys.create("req1")
    desk = await app.desk(tenant=operator.scope.tenant, user="req1")
    async with httpx.AsyncClient(
        base_url=base_url, headers={"Authorization": f"Bearer {key.secret}"}
    ) as client:
        yield Caller(client, desk, key.secret)
