"""Writing an answer to the socket, whole or chunk by chunk, with the faults that strike on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aiohttp import web

from deskmind.sandbox.models.book import Entry
from deskmind.sandbox.models.call import Answer, Dialect
from deskmind.sandbox.models.faults import Fault
from deskmind.sandbox.models.refusal import Refused

_HALTING = ("slow_first_token", "cut_before_first_token", "cut_after", "stall_after")


class Cut(Exception):
    """The server ends the connection here."""


async def pause(fault: Fault) -> None:
    """Waits as long as the fault says, one second if it does not say."""
    await asyncio.sleep(1.0 if fault.seconds is None else fault.seconds)


async def stall(fault: Fault) -> None:
    """Waits as long as the fault says, for ever if it does not say."""
    if fault.seconds is None:
        await asyncio.Event().wait()
    else:
        await asyncio.sleep(fault.seconds)


def close(request: web.BaseRequest) -> None:
    """Ends the TCP connection after what was written, with no word that the answer is over."""
    if request.transport is not None:
        request.transport.close()


async def whole(
    request: web.BaseRequest, entry: Entry, answer: Answer, fault: Fault | None, headers: Mapping[str, str]
) -> web.StreamResponse:
    """A body in one piece. It has been produced, so it is billed in full whatever happens to it on the way."""
    entry.status, entry.billed, entry.output_tokens = 200, True, answer.output_tokens
    sent = {**headers, "Content-Type": answer.content_type}
    if fault is None or fault.kind in ("slow_headers", "no_usage", "content_filter"):
        entry.finished = True
        return web.Response(body=answer.body, headers=sent)
    if fault.kind in _HALTING:
        return await _halting(request, entry, answer, fault, sent)
    body = answer.body
    if fault.kind == "bad_json":
        body = body[: len(body) // 2]
    elif fault.kind == "empty_body":
        body = b""
    elif fault.kind == "wrong_content_type":
        sent["Content-Type"] = "text/html; charset=utf-8"
        entry.finished = True
    return web.Response(body=body, headers=sent)


async def _halting(
    request: web.BaseRequest, entry: Entry, answer: Answer, fault: Fault, headers: dict[str, str]
) -> web.StreamResponse:
    response = web.StreamResponse(headers=headers)
    response.content_length = len(answer.body)
    await response.prepare(request)
    half = len(answer.body) // 2
    if fault.kind == "slow_first_token":
        half = 0
        await pause(fault)
    elif fault.kind == "cut_before_first_token":
        raise Cut
    else:
        await response.write(answer.body[:half])
        if fault.kind == "cut_after":
            raise Cut
        await stall(fault)
    await response.write(answer.body[half:])
    entry.finished = True
    return response


async def stream(
    request: web.BaseRequest,
    entry: Entry,
    answer: Answer,
    fault: Fault | None,
    headers: Mapping[str, str],
    *,
    gap: float,
    dialect: Dialect,
) -> web.StreamResponse:
    """The events of a stream, `gap` seconds between chunks of content. Each is booked once it is written."""
    wrong = fault is not None and fault.kind == "wrong_content_type"
    kind = "text/html; charset=utf-8" if wrong else answer.content_type
    response = web.StreamResponse(headers={**headers, "Content-Type": kind, "Cache-Control": "no-cache"})
    await response.prepare(request)
    entry.status, entry.billed = 200, True
    if fault is not None and fault.kind == "empty_body":
        return response
    chunks = 0
    for event in answer.events:
        if fault is not None and (event.content or chunks):
            last = await _strike(response, fault, chunks, event.data, dialect)
            if last:
                return response
        if chunks and event.content and gap:
            await asyncio.sleep(gap)
        await response.write(event.data)
        entry.output_tokens += event.tokens
        if event.content:
            chunks += 1
            if not gap:
                await asyncio.sleep(0)
    entry.finished = True
    return response


async def _strike(
    response: web.StreamResponse, fault: Fault, chunks: int, data: bytes, dialect: Dialect
) -> bool:
    """The fault's part before the next event; True if the stream ends with it."""
    if chunks == 0 and fault.kind == "slow_first_token":
        await pause(fault)
    if chunks == 0 and fault.kind == "cut_before_first_token":
        raise Cut
    if chunks != fault.after:
        return False
    if fault.kind == "cut_after":
        raise Cut
    if fault.kind == "stall_after":
        await stall(fault)
    if fault.kind == "bad_json":
        await response.write(data.rstrip()[: len(data) * 2 // 3] + b"\n\n")
        return True
    if fault.kind == "error_in_stream":
        await response.write(dialect.error_event(Refused("server_error", status=503)))
        return True
    return False
