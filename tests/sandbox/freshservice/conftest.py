"""A Freshservice sandbox, and ways to ask it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from deskmind.sandbox.freshservice import FreshserviceSandbox
from deskmind.sandbox.freshservice.seed_people import api_key


class Asker:
    """Asks with one agent's key."""

    def __init__(self, session: aiohttp.ClientSession, base: str, key: str) -> None:
        self._session = session
        self.base = base + "/api/v2/"
        self._auth = aiohttp.BasicAuth(key, "X")

    async def ask(self, method: str, path: str, **given: Any) -> tuple[int, Any, Any]:
        """Status, JSON (or text) and headers."""
        async with self._session.request(method, self.base + path, auth=self._auth, **given) as response:
            kind = response.content_type
            body = await (response.json() if kind == "application/json" else response.text())
            return response.status, body, response.headers

    async def get(self, path: str, **query: Any) -> Any:
        """The JSON of a 200."""
        status, body, _ = await self.ask("GET", path, params=query)
        assert status == 200, (status, body)
        return body


@pytest.fixture
async def sandbox() -> AsyncIterator[FreshserviceSandbox]:
    async with FreshserviceSandbox(seed=3) as running:
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as made:
        yield made


@pytest.fixture
def as_agent(sandbox: FreshserviceSandbox, session: aiohttp.ClientSession) -> Any:
    """`as_agent(key)` asks as an agent of the company."""

    def made(key: str) -> Asker:
        return Asker(session, sandbox.url, api_key(sandbox.company.seed, key))

    return made


@pytest.fixture
def admin(as_agent: Any) -> Asker:
    return as_agent("imogen.talbot")
