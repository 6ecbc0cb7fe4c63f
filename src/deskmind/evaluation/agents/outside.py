"""What lies outside of the desk in an evaluation: a mail server and a web server that keep what they get."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from aiohttp import web

__all__ = ["MailBox", "WebSite"]


class MailBox:
    """A mail server that takes everything and delivers nothing (RFC 5321, as much as a client needs)."""

    def __init__(self) -> None:
        self.mails: list[str] = []
        self.port = 0
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mailbox\r\n")
        while line := await reader.readline():
            word = line.decode("utf-8", "replace").strip().upper()
            if word == "DATA":
                writer.write(b"354 go on\r\n")
                self.mails.append(await _message(reader))
            writer.write(b"221 bye\r\n" if word == "QUIT" else b"250 ok\r\n")
            await writer.drain()
            if word == "QUIT":
                break
        writer.close()


async def _message(reader: asyncio.StreamReader) -> str:
    lines: list[str] = []
    while (line := (await reader.readline()).decode("utf-8", "replace").rstrip("\r\n")) != ".":
        lines.append(line)
    return "\n".join(lines)


class WebSite:
    """A web server that keeps what it is sent, and says ``ok``; ``/moved`` redirects, ``/missing`` is not there, ``/cut`` hangs up."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.port = 0
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        site = web.Application()
        site.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(site)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        self.requests.append(f"{request.method} {request.path_qs} {await request.text()}")
        if request.path == "/moved":
            raise web.HTTPTemporaryRedirect("/elsewhere")
        if request.path == "/missing":
            raise web.HTTPNotFound
        if request.path == "/cut" and request.transport is not None:
            request.transport.abort()
        return web.Response(text="ok")
