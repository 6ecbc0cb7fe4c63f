"""The server that every ITSM sandbox is: a real socket, the company, a clock, faults, and a log."""

from __future__ import annotations

import asyncio
import tempfile
from abc import ABC, abstractmethod
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

from aiohttp import web

from deskmind.sandbox.company import Company, Size
from deskmind.sandbox.web.certificate import server_context
from deskmind.sandbox.web.clock import Clock, IndexLag
from deskmind.sandbox.web.control import control
from deskmind.sandbox.web.delivery import Cut, deliver
from deskmind.sandbox.web.exchange import Call, Reply
from deskmind.sandbox.web.faults import Fault, Faults
from deskmind.sandbox.web.log import Entry, RequestLog
from deskmind.sandbox.web.outbox import Outbox

__all__ = ["SandboxServer"]

_MOST_BODY = 1024 * 1024 * 1024
_LONGEST_LINE = 64 * 1024


class SandboxServer(ABC):
    """One vendor's server. A vendor implements `answer`, the three refusals, `credentials` and `churn`.

    `tls` serves HTTPS with a certificate whose authority is in the file `ca_file`. `until` is the company's; the
    clock runs on from now. `lag` is what the vendor's search index takes to notice a change, 0 seconds at first.
    """

    vendor: ClassVar[str]

    def __init__(
        self,
        *,
        seed: int = 0,
        size: Size = "small",
        until: datetime | None = None,
        tls: bool = False,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Clock | None = None,
        ca_file: Path | None = None,
    ) -> None:
        self.company = Company(seed, size, until)
        self.clock = clock or Clock()
        self.lag = IndexLag(self.clock)
        self.faults = Faults(seed)
        self.log = RequestLog()
        self.outbox = Outbox()
        self._tls, self._host, self._port = tls, host, port
        self._runner: web.ServerRunner | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._ca_file = ca_file

    @abstractmethod
    async def answer(self, call: Call) -> Reply:
        """What the vendor answers; called for every path but the sandbox's own."""

    @abstractmethod
    def too_many(self, call: Call, retry_after: float | None) -> Reply:
        """The vendor's 429."""

    @abstractmethod
    def failed(self, call: Call, status: int) -> Reply:
        """The vendor's 5xx."""

    @abstractmethod
    def token_expired(self, call: Call) -> Reply:
        """The vendor's 401 for a token that has expired."""

    @property
    @abstractmethod
    def credentials(self) -> dict[str, str]:
        """An administrator's, under the names that the vendor uses."""

    @abstractmethod
    def churn(self, tickets: int) -> list[str]:
        """Changes so many tickets as the vendor's users would; the ids of what was changed."""

    @property
    def url(self) -> str:
        """Where the server listens, without a path. Raises `RuntimeError` before it is started."""
        if self._runner is None:
            raise RuntimeError("the sandbox is not started")
        return f"{'https' if self._tls else 'http'}://{self._host}:{self._port}"

    @property
    def ca_file(self) -> Path | None:
        """The certificate to trust (PEM), with `tls` and once started."""
        return self._ca_file

    def described(self) -> dict[str, str]:
        """Address and credentials, as the command prints them."""
        trusted = {"ca_file": str(self._ca_file)} if self._ca_file else {}
        return {"base_url": self.url, **self.credentials, **trusted}

    async def start(self) -> Self:
        """Listens; the sandbox itself."""
        sizes: dict[str, Any] = {"max_line_size": _LONGEST_LINE, "max_field_size": _LONGEST_LINE}
        server = web.Server(self._handle, request_factory=_request, access_log=None, **sizes)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.01)
        await self._runner.setup()
        context = await asyncio.to_thread(self._context) if self._tls else None
        site = web.TCPSite(self._runner, self._host, self._port, ssl_context=context, backlog=1024)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def stop(self) -> None:
        """Ends all connections and stops listening; log and faults stay readable."""
        await self.outbox.close()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._folder is not None:
            self._folder.cleanup()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _context(self) -> Any:
        if self._ca_file is None:
            self._folder = tempfile.TemporaryDirectory(prefix="deskmind-sandbox-")
            self._ca_file = Path(self._folder.name) / "ca.pem"
        return server_context(self._host, self._ca_file)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path.startswith("/_sandbox/"):
            reply = control(await _read(request), self)
            return web.Response(status=reply.status, headers=reply.headers, body=reply.body)
        entry = self.log.open(request.method, request.path, request.query_string)
        try:
            return await self._logged(request, entry)
        except Cut:
            if request.transport is not None:
                request.transport.close()
            return web.Response()
        finally:
            self.log.close(entry)

    async def _logged(self, request: web.BaseRequest, entry: Entry) -> web.StreamResponse:
        call = await _read(request)
        entry.received = len(call.content)
        fault = self.faults.strike(call.method, call.path)
        if fault is not None:
            entry.fault = fault.kind
        reply = await self.answer(call) if fault is None else await self._faulty(call, fault)
        dated = reply.told({"Date": format_datetime(self.clock.now(), usegmt=True)})
        return await deliver(request, entry, dated, fault)

    async def _faulty(self, call: Call, fault: Fault) -> Reply:
        match fault.kind:
            case "rate_limit":
                return self.too_many(call, fault.retry_after)
            case "server_error":
                return self.failed(call, fault.status)
            case "expired_token":
                return self.token_expired(call)
            case "refuse":
                raise Cut
            case "slow":
                await asyncio.sleep(fault.seconds)
            case _:
                pass
        reply = await self.answer(call)
        if fault.kind == "lose":
            raise Cut
        return self.failed(call, fault.status) if fault.kind == "error_after" else reply


async def _read(request: web.BaseRequest) -> Call:
    return Call(
        method=request.method,
        path=request.path,
        query=request.query,
        headers=request.headers,
        content=await request.read(),
        base=f"{request.scheme}://{request.host}",
    )


def _request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=_MOST_BODY)
