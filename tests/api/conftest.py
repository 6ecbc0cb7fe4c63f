"""A real server on a real socket over the session's application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import httpx
import pytest
from fastapi import FastAPI

from deskmind.api import create_app
from deskmind.app import Deskmind
from deskmind.desk import Desk


@dataclass
class Caller:
    """A client with a user's key."""

    client: httpx.AsyncClient
    desk: Desk
    key: str


Serve = Callable[[FastAPI], AbstractAsyncContextManager[str]]


@pytest.fixture(scope="module")
async def base_url(app: Deskmind, serving: Serve) -> AsyncIterator[str]:
    """The address of the service. It ends with the file, and its worker with it, which would take others' jobs."""
    async with serving(create_app(app=app)) as address:
        yield address


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
