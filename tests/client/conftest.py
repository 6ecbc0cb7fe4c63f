"""A real service, and a client with the key of an operator of a tenant of the file's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest
from fastapi import FastAPI

from deskmind.api import create_app
from deskmind.app import Deskmind
from deskmind.client import AsyncClient
from deskmind.desk import Desk


@pytest.fixture(scope="module")
async def address(
    app: Deskmind, serving: Callable[[FastAPI], AbstractAsyncContextManager[str]]
) -> AsyncIterator[str]:
    async with serving(create_app(app=app)) as found:
        yield found


@pytest.fixture(scope="module")
async def tenant(app: Deskmind) -> str:
    name = "client-of-http"
    if name not in {one.slug for one in await app.tenants.all()}:
        await app.tenants.create(name)
    return name


@pytest.fixture(scope="module")
async def owner(app: Deskmind, tenant: str) -> Desk:
    return await app.desk(tenant=tenant)


@pytest.fixture(scope="module")
async def make_key(owner: Desk) -> Callable[[str, str], Awaitable[str]]:
    """Adds a user with a role of the tenant, and gives the user's key."""

    async def make(user: str, role: str) -> str:
        await owner.principals.add_user(user, role=role, groups=["hr"])  # type: ignore[arg-type]
        return (await owner.keys.create(user)).secret

    return make


@pytest.fixture(scope="module")
async def client(address: str, make_key: Callable[[str, str], Awaitable[str]]) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(address, api_key=await make_key("boss", "operator")) as found:
        yield found
