"""Writing an answer to the socket, with the fault that strikes on the way."""

from __future__ import annotations

from aiohttp import web

from deskmind.sandbox.web.exchange import Blob, Reply
from deskmind.sandbox.web.faults import Fault, changed
from deskmind.sandbox.web.log import Entry

__all__ = ["Cut", "deliver"]

_MAINTENANCE = (
    b"<!DOCTYPE html><html><head><title>Maintenance</title></head><body>Back in an hour.</body></html>"
)


class Cut(Exception):
    """The connection ends here, with no word that the answer is over."""


async def deliver(
    request: web.BaseRequest, entry: Entry, reply: Reply, fault: Fault | None
) -> web.StreamResponse:
    """Sends `reply`. Raises `Cut` where the fault ends the connection."""
    reply = _bent(reply, fault)
    entry.status, entry.user = reply.status, reply.user
    cut = fault is not None and fault.kind == "cut" and len(reply.body) > 0
    if isinstance(reply.body, bytes) and not cut:
        entry.sent = len(reply.body)
        return web.Response(status=reply.status, headers=reply.headers, body=reply.body)
    return await _piecewise(request, entry, reply, len(reply.body) // 2 if cut else None)


def _bent(reply: Reply, fault: Fault | None) -> Reply:
    if fault is None:
        return reply
    if fault.kind == "html":
        return Reply.of(200, _MAINTENANCE, {"Content-Type": "text/html;charset=UTF-8"}).to(reply.user)
    if not isinstance(reply.body, bytes):
        return reply
    if fault.kind == "bad_json":
        return Reply(reply.status, reply.body[: len(reply.body) // 2], reply.headers, reply.user)
    if fault.kind == "changed_schema":
        return Reply(reply.status, changed(reply.body, fault.rename or {}), reply.headers, reply.user)
    return reply


async def _piecewise(
    request: web.BaseRequest, entry: Entry, reply: Reply, upto: int | None
) -> web.StreamResponse:
    response = web.StreamResponse(status=reply.status, headers=reply.headers)
    response.content_length = len(reply.body)
    await response.prepare(request)
    for chunk in reply.body.chunks(upto) if isinstance(reply.body, Blob) else (reply.body[:upto],):
        await response.write(chunk)
        entry.sent += len(chunk)
    if upto is not None:
        raise Cut
    return response
