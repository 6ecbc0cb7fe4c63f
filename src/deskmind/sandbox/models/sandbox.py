"""The server: starts on a real socket, answers, and keeps the book."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from deskmind.sandbox.models import catalogue, control
from deskmind.sandbox.models.book import Book, Entry
from deskmind.sandbox.models.call import Target
from deskmind.sandbox.models.exchange import Manner, ReplyMaker, exchange
from deskmind.sandbox.models.faults import Fault, Faults
from deskmind.sandbox.models.refusal import Refused
from deskmind.sandbox.models.reply import Reply
from deskmind.sandbox.models.routes import EXACT, UNKNOWN, route

DEFAULT_KEY = "sandbox-key"
_MOST_BODY = 64 * 1024 * 1024


class ModelSandbox:
    """A server that speaks the wire formats of OpenAI, Azure OpenAI, Anthropic, Gemini and rerankers.

    Without script or `reply` function it echoes (see `echo`). `keys` are accepted as API keys; `gap` (seconds) and
    `tokens_per_chunk` shape streams; requests of more than `context_tokens` are refused; with `models` all other
    models are unknown. `seed` is the one that faults with a `rate` draw from unless they bring their own.

    >>> async with ModelSandbox() as sandbox:
    ...     sandbox.script(["Restart the spooler."])
    ...     url = sandbox.base_url  # e.g. http://127.0.0.1:40123
    """

    def __init__(
        self,
        *,
        keys: Iterable[str] = (DEFAULT_KEY,),
        seed: int = 0,
        gap: float = 0.0,
        tokens_per_chunk: int = 1,
        context_tokens: int = 128_000,
        models: Iterable[str] | None = None,
        reply: ReplyMaker | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        if tokens_per_chunk < 1:
            raise ValueError("tokens_per_chunk is at least 1")
        self.manner = Manner(
            keys=frozenset(keys),
            gap=gap,
            tokens_per_chunk=tokens_per_chunk,
            context_tokens=context_tokens,
            models=None if models is None else frozenset(models),
            reply=reply,
            faults=Faults(seed),
        )
        self.book = Book()
        self._host, self._port = host, port
        self._runner: web.ServerRunner | None = None
        self._stopping = False

    @property
    def faults(self) -> Faults:
        """The faults that are on."""
        return self.manner.faults

    @property
    def base_url(self) -> str:
        """Where the server listens, without a path; OpenAI's clients want `/v1` after it.

        Raises `RuntimeError` before it is started.
        """
        if self._runner is None:
            raise RuntimeError("the sandbox is not started")
        return f"http://{self._host}:{self._port}"

    def script(self, replies: Iterable[Reply | Fault | str | Mapping[str, Any]]) -> None:
        """Queues replies, given to the next chat requests one each: a text, a reply, or a fault alone."""
        for reply in replies:
            if isinstance(reply, Fault):
                made = Reply(fault=reply)
            else:
                made = reply if isinstance(reply, Reply) else Reply.from_json(reply)
            self.manner.script.append(made)

    async def start(self) -> Self:
        """Listens; the sandbox itself."""
        server = _CountingServer(self._handle, self.book)
        self._runner = web.ServerRunner(server, access_log=None, shutdown_timeout=0.01)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port, backlog=2048).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def stop(self) -> None:
        """Ends all connections and stops listening; the book stays readable."""
        self._stopping = True
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        if path.startswith("/_sandbox/"):
            return await control.answer(request, path, self)
        entry = self.book.open(path)
        try:
            return await self._booked(request, path, entry)
        except asyncio.CancelledError:
            entry.client_hung_up = not self._stopping
            raise
        finally:
            self.book.close()

    async def _booked(self, request: web.BaseRequest, path: str, entry: Entry) -> web.StreamResponse:
        method = request.method
        if method == "POST":
            if exact := EXACT.get(path):
                target = Target(method, path, query=request.query, headers=request.headers)
                return await exchange(request, entry, exact, target, self.manner)
            if found := route(path):
                dialect, model, verb = found
                target = Target(method, path, model, verb, request.query, request.headers)
                return await exchange(request, entry, dialect, target, self.manner)
        if method == "GET" and (listed := catalogue.answer(request, path, entry, self.manner)):
            return listed
        target = Target(method, path, query=request.query, headers=request.headers)
        entry.status, headers, body = UNKNOWN.refuse(Refused("not_found"), target, entry.id)
        headers = {**headers, "Content-Type": "application/json"}
        return web.Response(status=entry.status, headers=headers, body=body)

    def state(self, after: int = 0) -> bytes:
        """The book as JSON."""
        return json.dumps(self.book.to_json(after)).encode()


def _request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=_MOST_BODY)


class _CountingServer(web.Server):
    """Counts accepted connections; cancels a request's handling as soon as its client is gone."""

    def __init__(self, handler: Any, book: Book) -> None:
        super().__init__(handler, request_factory=_request, handler_cancellation=True, access_log=None)
        self._book = book

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        self._book.connections += 1
        super().connection_made(handler, transport)
