"""A receiving server with faults, an application that may reach it, and a tenant with webhooks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import pytest
from aiohttp import web

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.keyring import Keyring
from deskmind.settings import Settings
from deskmind.webhooks import ReceivedEvent, publish, verify
from deskmind.webhooks.delivering import Deliverer
from deskmind.webhooks.rows import NewWebhook


@dataclass
class Receiver:
    """Keeps what it is sent. ``answers`` are given first, one a request: a status, ``hang``, ``close``, a location; then 200."""

    answers: list[int | str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"ok"
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    most_at_once: int = 0
    held: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0
    _open: list[web.Request] = field(default_factory=list)
    _runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def ids(self) -> list[str]:
        """The events that came, in order."""
        return [headers["webhook-id"] for headers, _ in self.got]

    def event(self, secret: str, place: int = -1) -> ReceivedEvent:
        """One that came, verified."""
        headers, body = self.got[place]
        return verify(body, headers, secret)

    async def until(self, count: int) -> None:
        """Until so many have come."""
        async with asyncio.timeout(60):
            while len(self.got) < count:
                await asyncio.sleep(0.01)

    async def __aenter__(self) -> Self:
        site = web.Application()
        site.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(site, shutdown_timeout=0.01)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.held.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self._open.append(request)
        waiting = sum(
            one.transport is not None for one in self._open
        )  # of the others, nobody waits for the answer
        self.most_at_once = max(self.most_at_once, waiting)
        self.got.append(({name.lower(): value for name, value in request.headers.items()}, body))
        try:
            return await self._said(request, self.answers.pop(0) if self.answers else 200)
        finally:
            self._open.remove(request)

    async def _said(self, request: web.Request, answer: int | str) -> web.StreamResponse:
        if answer == "hang":
            await self.held.wait()
        if answer in ("close", "hang"):
            if request.transport is not None:  # else whoever asked has gone
                request.transport.close()
            return web.Response()
        if isinstance(answer, str):
            return web.Response(status=302, headers={"Location": answer})
        return web.Response(status=answer, body=self.body, headers=self.headers)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as opened:
        yield opened


@pytest.fixture(scope="module")
async def hooked(desk_home: Path, app: Deskmind) -> AsyncIterator[Deskmind]:
    """An application that may send to this machine."""
    del app  # its server runs
    async with Deskmind.open(
        home=desk_home,
        knowledge={"embedder": "hashing"},
        webhooks={"internal_hosts": ["127.0.0.1"], "timeout_seconds": 0.5, "concurrency": 2},
        jobs={"stalled_after": 1.0},
    ) as opened:
        yield opened


@pytest.fixture
async def desk(hooked: Deskmind, new_tenant: Callable[[], Awaitable[str]]) -> AsyncIterator[Desk]:
    """The operator's desk of a tenant, whose webhooks are gone afterwards: others' workers find nothing to do."""
    opened = await hooked.desk(tenant=await new_tenant())
    yield opened
    for one in await opened.webhooks.all():
        await opened.webhooks.remove(one.webhook_id)


@dataclass
class Room:
    """What a worker with settings of its own is given."""

    settings: Settings
    keyring: Keyring

    @classmethod
    def of(cls, app: Deskmind, **webhooks: Any) -> Self:
        """As the application, but for these settings of webhooks."""
        changed = app.settings.webhooks.model_copy(update=webhooks)
        return cls(app.settings.model_copy(update={"webhooks": changed}), app.keyring)


@dataclass
class Hook:
    """A webhook of the desk's tenant, to the receiver."""

    desk: Desk
    deliverer: Deliverer
    made: NewWebhook

    @property
    def id(self) -> UUID:
        """Its id."""
        return self.made.webhook.webhook_id

    async def tell(self, count: int = 1, event_type: str = "run.failed", **data: Any) -> None:
        """Publish events, each in a transaction of its own."""
        for number in range(count):
            async with self.desk.database.transaction(self.desk.scope) as connection:
                await publish(connection, self.desk.scope, event_type, {"number": number, **data})

    async def deliver(self) -> None:
        """What a worker does for it."""
        await self.deliverer.run({"tenant_id": str(self.desk.scope.tenant_id), "webhook_id": str(self.id)})

    async def states(self) -> list[tuple[str, int, str]]:
        """State, attempts and problem of its deliveries, the oldest first."""
        found = await self.desk.webhooks.deliveries(self.id)
        return [(one.state, one.attempts, one.problem) for one in reversed(found)]

    async def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """In the desk's scope."""
        async with self.desk.database.transaction(self.desk.scope) as connection:
            cursor = await connection.execute(statement.encode(), values)
            return await cursor.fetchall() if cursor.description else []

    async def at_once(self) -> None:
        """As if the time of the next attempts had come."""
        await self.sql(
            "UPDATE webhook_deliveries SET due_at = now() WHERE tenant_id = %s AND webhook_id = %s AND state = 'pending'",
            self.desk.scope.tenant_id,
            self.id,
        )
        await self.sql(
            "UPDATE webhooks SET resume_at = NULL WHERE tenant_id = %s AND webhook_id = %s",
            self.desk.scope.tenant_id,
            self.id,
        )


@pytest.fixture
async def make_hook(
    hooked: Deskmind, desk: Desk, receiver: Receiver
) -> AsyncIterator[Callable[..., Awaitable[Hook]]]:
    deliverer = Deliverer(hooked.database, hooked)

    async def make(types: tuple[str, ...] = ("*",), url: str = "") -> Hook:
        return Hook(desk, deliverer, await desk.webhooks.add(url or receiver.url, types))

    yield make
    await deliverer.close()


@pytest.fixture
async def hook(make_hook: Callable[..., Awaitable[Hook]]) -> Hook:
    return await make_hook()
