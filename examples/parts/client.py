"""The client alone: a request whose answer is lost is sent again with the same key, and done once."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from deskmind.client import AsyncClient, Retries
from deskmind.errors import LimitExceededError


class Service:
    """Stands in for Deskmind: it loses the first answer, and later has had enough."""

    def __init__(self) -> None:
        self.done: dict[str, dict[str, Any]] = {}

    async def rename(self, request: web.Request) -> web.StreamResponse:
        key = request.headers["Idempotency-Key"]
        if key in self.done:
            return web.json_response(self.done[key])
        self.done[key] = {"title": (await request.json())["title"], "turn_count": 2}
        assert request.transport is not None
        request.transport.abort()  # it was done, and nobody is told
        return web.Response()

    async def search(self, request: web.Request) -> web.Response:
        problem = {
            "type": "urn:deskmind:problem:limit-exceeded",
            "title": "Too many requests",
            "status": 429,
            "detail": "Too many requests. Try again in 120 s.",
            "remedy": "Try again in 120 s.",
            "retry_after": 120,
            "request_id": "req_0001",
        }
        return web.json_response(problem, status=429, headers={"Retry-After": "120"})


async def main() -> None:
    """Renames a conversation over a bad connection, then meets a limit."""
    service, application = Service(), web.Application()
    application.router.add_patch("/v1/conversations/{id}", service.rename)
    application.router.add_post("/v1/search", service.search)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]

    patience = Retries(total_seconds=30)
    async with AsyncClient(f"http://127.0.0.1:{port}", api_key="dk_example", retries=patience) as client:
        renamed = await client.conversations.rename("7", "VPN tokens")
        print(f"renamed to {renamed.title!r}, done {len(service.done)} time")
        try:
            await client.search("VPN")
        except LimitExceededError as error:
            print(f"not waited for: {error.remedy} ({error.details['request_id']})")
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
