"""A Jira sandbox, and ways to ask it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from deskmind.sandbox.jira import JiraSandbox
from deskmind.sandbox.jira.seed_people import account_id, api_token


class Browser:
    """Asks as one user."""

    def __init__(self, session: aiohttp.ClientSession, base: str, email: str, token: str) -> None:
        self._session = session
        self.base = base
        self._auth = aiohttp.BasicAuth(email, token)

    async def ask(self, method: str, path: str, body: Any = None, **query: Any) -> tuple[int, Any]:
        """Status and JSON (or text)."""
        async with self._session.request(
            method, self.base + path, json=body, params=query, auth=self._auth, allow_redirects=False
        ) as response:
            kind = response.content_type
            return response.status, await (response.json() if kind == "application/json" else response.text())

    async def get(self, path: str, **query: Any) -> Any:
        """The JSON of a 200."""
        status, body = await self.ask("GET", path, **query)
        assert status == 200, (status, body)
        return body

    async def post(self, path: str, body: Any, expect: int = 201) -> Any:
        """The JSON of a creation."""
        status, found = await self.ask("POST", path, body)
        assert status == expect, (status, found)
        return found


@pytest.fixture
async def sandbox() -> AsyncIterator[JiraSandbox]:
    async with JiraSandbox(seed=3) as running:
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as made:
        yield made


@pytest.fixture
def as_person(sandbox: JiraSandbox, session: aiohttp.ClientSession) -> Any:
    """`as_person(key)` asks as a person of the company."""

    def made(key: str) -> Browser:
        user = sandbox.site.users[account_id(key)]
        return Browser(session, sandbox.url, user.email, api_token(sandbox.company.seed, key))

    return made


@pytest.fixture
def admin(as_person: Any) -> Browser:
    return as_person("imogen.talbot")
