"""One request from its headers to its answer: key, body, fault, reply, delivery; booked on the way."""

from __future__ import annotations

import inspect
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import web

from deskmind.sandbox.models import delivery, tokens
from deskmind.sandbox.models.book import Entry
from deskmind.sandbox.models.call import Call, Dialect, Target, Turn
from deskmind.sandbox.models.echo import echo
from deskmind.sandbox.models.faults import Fault, Faults
from deskmind.sandbox.models.refusal import Refused
from deskmind.sandbox.models.reply import Reply

ReplyMaker = Callable[[dict[str, Any]], Reply | str | Awaitable[Reply | str]]

_TOLD_HEADERS = ("x-request-id", "x-client-request-id", "x-correlation-id", "idempotency-key", "traceparent")


@dataclass(slots=True)
class Manner:
    """How the server behaves; may be changed while it runs.

    `gap` seconds and `tokens_per_chunk` shape streams; a request of more than `context_tokens` is refused; with
    `models` other models are unknown.
    """

    keys: frozenset[str]
    gap: float = 0.0
    tokens_per_chunk: int = 1
    context_tokens: int = 128_000
    models: frozenset[str] | None = None
    reply: ReplyMaker | None = None
    script: deque[Reply] = field(default_factory=deque[Reply])
    faults: Faults = field(default_factory=Faults)
    cached_prefixes: set[str] = field(default_factory=set[str])


async def exchange(
    request: web.BaseRequest, entry: Entry, dialect: Dialect, target: Target, manner: Manner
) -> web.StreamResponse:
    """Answers one request in `dialect`; never raises but for cancellation."""
    try:
        return await _answered(request, entry, dialect, target, manner)
    except Refused as refused:
        status, headers, body = dialect.refuse(refused, target, entry.id)
        entry.status = status
        told = {**dialect.headers(entry.id), **headers, "Content-Type": "application/json"}
        return web.Response(status=status, headers=told, body=body)
    except web.HTTPRequestEntityTooLarge as error:
        entry.status = error.status
        raise
    except delivery.Cut:
        delivery.close(request)
    except ConnectionError:
        entry.client_hung_up = True
    return web.Response()


async def _answered(
    request: web.BaseRequest, entry: Entry, dialect: Dialect, target: Target, manner: Manner
) -> web.StreamResponse:
    shown = target.headers
    if told_headers := [name for name in _TOLD_HEADERS if name in shown]:
        entry.headers = {name: shown[name] for name in told_headers}
    if not any(key in manner.keys for key in dialect.keys(shown, target.query)):
        raise Refused("unauthorized")
    call = dialect.read(target, _parsed(await request.read()))
    entry.model, entry.streamed, entry.user, entry.metadata = (
        call.model,
        call.stream,
        call.user,
        call.metadata,
    )
    if manner.models is not None and call.model not in manner.models:
        raise Refused("unknown_model", model=call.model)
    entry.input_tokens = call.input_tokens
    fault = manner.faults.strike(call.model)
    if fault is not None:
        await _before(entry, fault, call, dialect, manner)
    if call.input_tokens > manner.context_tokens:
        raise _too_long(call, manner)
    reply = await _reply(call, manner, fault) if call.chat else Reply()
    if fault is None and reply.fault is not None:
        fault = reply.fault
        await _before(entry, fault, call, dialect, manner)
        reply = _filtered(fault, reply)
    reply = _limited(_cached(call, reply, manner), call.max_tokens)
    entry.cached_tokens = reply.cached_tokens
    told = fault is None or fault.kind != "no_usage"
    turn = Turn(entry.id, int(time.time()), manner.tokens_per_chunk, told)
    answer = dialect.render(call, reply, turn)
    headers = dialect.headers(entry.id)
    if call.stream:
        return await delivery.stream(request, entry, answer, fault, headers, gap=manner.gap, dialect=dialect)
    return await delivery.whole(request, entry, answer, fault, headers)


def _parsed(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except ValueError:
        raise Refused("bad_json") from None
    if not isinstance(body, dict):
        raise Refused("bad_json")
    return body  # pyright: ignore[reportUnknownVariableType]


async def _before(entry: Entry, fault: Fault, call: Call, dialect: Dialect, manner: Manner) -> None:
    """What a fault does before there is an answer."""
    entry.fault = fault.kind
    match fault.kind:
        case "rate_limit":
            raise Refused(
                "rate_limit", model=call.model, retry_after=fault.retry_after, retry_form=fault.retry_form
            )
        case "server_error":
            raise Refused(
                "server_error",
                status=fault.status,
                retry_after=fault.retry_after,
                retry_form=fault.retry_form,
            )
        case "context_length":
            raise _too_long(call, manner)
        case "content_filter" if dialect.filters_prompt:
            raise Refused("content_filter")
        case "error_in_stream" if not call.stream:
            raise Refused("server_error", status=fault.status)
        case "close_without_answer":
            raise delivery.Cut
        case "slow_headers":
            await delivery.pause(fault)
        case _:
            pass


def _too_long(call: Call, manner: Manner) -> Refused:
    counted = max(call.input_tokens, manner.context_tokens + 1)
    return Refused("context_length", model=call.model, tokens=counted, limit=manner.context_tokens)


async def _reply(call: Call, manner: Manner, fault: Fault | None) -> Reply:
    if fault is not None and fault.kind == "content_filter":
        return Reply(stop="content_filter")
    if manner.script:
        return manner.script.popleft()
    if manner.reply is None:
        return echo(call)
    try:
        made = manner.reply(call.body)
        if inspect.isawaitable(made):
            made = await made
    except Exception as error:
        raise Refused("server_error", f"The sandbox's reply function raised {error!r}.") from error
    return Reply(text=made) if isinstance(made, str) else made


def _filtered(fault: Fault, reply: Reply) -> Reply:
    return replace(reply, stop="content_filter") if fault.kind == "content_filter" else reply


def _cached(call: Call, reply: Reply, manner: Manner) -> Reply:
    """Prefixes that the request marked for the prompt cache are read from it from the second time on."""
    if not call.cache_prefix or reply.cached_tokens:
        return reply
    if call.cache_prefix in manner.cached_prefixes:
        return replace(reply, cached_tokens=call.cache_prefix_tokens)
    manner.cached_prefixes.add(call.cache_prefix)
    call.cache_written = call.cache_prefix_tokens
    return reply


def _limited(reply: Reply, most: int | None) -> Reply:
    if not most or not reply.text or tokens.count(reply.text) <= most:
        return reply
    kept = "".join(tokens.pieces(reply.text)[:most]).rstrip()
    return replace(reply, text=kept, stop="length", tool_calls=())
