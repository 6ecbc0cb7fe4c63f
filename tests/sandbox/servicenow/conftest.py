"""A ServiceNow sandbox and a client that asks it as any of its users."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest

from deskmind.sandbox.servicenow import PASSWORD, ServiceNowSandbox

UNTIL = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    data: Any = None

    @property
    def result(self) -> Any:
        return self.data["result"]


@dataclass
class Asker:
    """Sends requests as one user and gives back what came."""

    sandbox: ServiceNowSandbox
    session: aiohttp.ClientSession
    user: str = "admin"
    headers: dict[str, str] = field(default_factory=dict)

    def by(self, user: str) -> Asker:
        return Asker(self.sandbox, self.session, user)

    async def __call__(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **call: Any
    ) -> Answer:
        secret = base64.b64encode(f"{self.user}:{PASSWORD}".encode()).decode()
        sent = {"Authorization": f"Basic {secret}", **(headers or {})}
        async with self.session.request(method, self.sandbox.url + path, headers=sent, **call) as response:
            body = await response.read()
            kind = response.headers.get("Content-Type", "")
            data = await response.json() if body and kind.startswith("application/json") else None
            return Answer(response.status, {k.lower(): v for k, v in response.headers.items()}, body, data)

    async def get(self, path: str, **parameters: Any) -> Answer:
        return await self("GET", path, params=parameters)

    async def rows(self, table: str, query: str = "", **parameters: Any) -> list[dict[str, Any]]:
        answer = await self.get(f"/api/now/table/{table}", sysparm_query=query, **parameters)
        assert answer.status == 200, answer.body
        return answer.result

    async def create(self, table: str, **values: Any) -> dict[str, Any]:
        answer = await self("POST", f"/api/now/table/{table}", json=values)
        assert answer.status == 201, answer.body
        return answer.result

    async def patch(self, table: str, sys_id: str, **values: Any) -> Answer:
        return await self("PATCH", f"/api/now/table/{table}/{sys_id}", json=values)


@pytest.fixture
async def ask() -> AsyncIterator[Asker]:
    async with ServiceNowSandbox(seed=3, until=UNTIL) as sandbox, aiohttp.ClientSession() as session:
        yield Asker(sandbox, session)


@pytest.fixture(scope="module")
async def reader() -> AsyncIterator[Asker]:
    """The same for a whole module, which must not write."""
    async with ServiceNowSandbox(seed=3, until=UNTIL) as sandbox, aiohttp.ClientSession() as session:
        yield Asker(sandbox, session)
