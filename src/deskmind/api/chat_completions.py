"""OpenAI's chat completions, embeddings and models over the gateway, for unchanged OpenAI clients.

Plain ASGI rather than FastAPI routes: what the gateway adds to a call is a third of a millisecond, and the framework
would add as much again.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable
from typing import Any, cast

from starlette.requests import ClientDisconnect, Request
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from deskmind.api.leaving import Watch, unless_gone
from deskmind.api.reaching import reaches
from deskmind.desk import Desk
from deskmind.errors import DeskmindError, InvalidRequestError, RateLimitedError
from deskmind.gateway import ChatDelta, ChatResponse, ChatStream
from deskmind.gateway.wire import decode, encode
from deskmind.observability import correlation_id

__all__ = ["OpenAIEndpoints"]

_FEATURE = "openai"
_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
}
_NOT_OPTIONS = frozenset(
    {"model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "user", "n"}
)
_OURS = frozenset({"self", "feature", "cached"})
_JSON = (b"content-type", b"application/json")
_EVENTS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]

Handler = Callable[[Desk, dict[str, Any], Receive, Send], Awaitable[None]]


class _Route(Route):
    """Says which it is, as the framework's do: traces and metrics are named by it."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, found = super().matches(scope)
        return match, {**found, "route": self} if match is not Match.NONE else found


class OpenAIEndpoints:
    """The endpoints as Starlette routes.

    Args:
        desk_for: tells whose desk a request is for; raises ``AuthenticationError`` when nobody's.
        max_body_bytes: largest request.
    """

    def __init__(
        self, desk_for: Callable[[Request], Awaitable[Desk]], *, max_body_bytes: int = 16 * 2**20
    ) -> None:
        self._desk_for = desk_for
        self._max_body = max_body_bytes

    def routes(self, prefix: str = "/v1") -> list[Route]:
        """``chat/completions``, ``embeddings`` and ``models`` under a prefix."""
        return [
            _Route(f"{prefix}/chat/completions", _Endpoint(self, _chat), methods=["POST"]),
            _Route(f"{prefix}/embeddings", _Endpoint(self, _embeddings), methods=["POST"]),
            _Route(f"{prefix}/models", _Endpoint(self, _models), methods=["GET"]),
            _Route(f"{prefix}/models/{{model:path}}", _Endpoint(self, _model), methods=["GET"]),
        ]

    async def serve(self, handler: Handler, scope: Scope, receive: Receive, send: Send) -> None:
        """Authenticate, read, answer; every error in OpenAI's form."""
        try:
            desk = await self._desk_for(Request(scope))
            body: dict[str, Any] = dict(scope.get("path_params") or {})
            if scope["method"] == "POST":
                body = await _body(receive, self._max_body)
                if not await reaches(desk):
                    desk = await self._desk_for(Request(scope))
            await handler(desk, body, receive, send)
        except ClientDisconnect:
            return
        except DeskmindError as error:
            await _refuse(error, send)


class _Endpoint:
    """One route as an ASGI application."""

    def __init__(self, endpoints: OpenAIEndpoints, handler: Handler) -> None:
        self._endpoints = endpoints
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        await self._endpoints.serve(self._handler, scope, receive, send)


async def _body(receive: Receive, limit: int) -> dict[str, Any]:
    content = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        content += message.get("body", b"")
        more = message.get("more_body", False)
        if len(content) > limit:
            raise InvalidRequestError(
                "The request is too large.", why=f"At most {limit:,} bytes are accepted.", remedy="Send less."
            )
    try:
        parsed: Any = decode(bytes(content))
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise InvalidRequestError(
            "The body is not a JSON object.", remedy="Send JSON as OpenAI's API takes it."
        )
    return cast("dict[str, Any]", parsed)


async def _chat(desk: Desk, body: dict[str, Any], receive: Receive, send: Send) -> None:
    model, messages, most = _chat_fields(body)
    options = {name: value for name, value in body.items() if name not in _NOT_OPTIONS and value is not None}
    _check_names(options)
    if not body.get("stream"):
        call = desk.models.chat(model, messages, max_tokens=most, feature=_FEATURE, **options)
        response = await unless_gone(call, receive)
        if response is not None:
            await _answer(_chat_body(response), send)
        return
    opening = desk.models.stream(model, messages, max_tokens=most, feature=_FEATURE, **options)
    stream = await unless_gone(opening, receive)
    if stream is not None:
        wanted = body.get("stream_options")
        counted = isinstance(wanted, dict) and bool(cast("dict[str, Any]", wanted).get("include_usage"))
        await _events(model, stream, receive, send, counted=counted)


def _check_names(options: dict[str, Any]) -> None:
    """Fields that would take the place of our own arguments are as unknown as any other."""
    ours = _OURS & options.keys()
    if ours:
        raise InvalidRequestError(f"A model call takes no field '{min(ours)}'.", remedy="Leave it out.")


def _check_types(body: dict[str, Any], messages: list[Any]) -> None:
    """Providers differ in what they make of a field of another type than the API's."""
    stream, temperature = body.get("stream"), body.get("temperature")
    if stream is not None and not isinstance(stream, bool):
        raise InvalidRequestError("The field 'stream' is neither true nor false.", remedy="Correct it.")
    if temperature is not None and (
        not isinstance(temperature, int | float) or isinstance(temperature, bool) or not 0 <= temperature <= 2
    ):
        raise InvalidRequestError(
            "The field 'temperature' is not a number from 0 to 2.", remedy="Correct it."
        )
    parts = cast("list[dict[str, Any]]", [one for one in messages if isinstance(one, dict)])
    contents = [one.get("content") for one in parts]
    if not all(content is None or isinstance(content, str | list) for content in contents):
        raise InvalidRequestError(
            "The content of a message is neither a text nor a list of parts.", remedy="Correct the message."
        )


def _chat_fields(body: dict[str, Any]) -> tuple[str, list[dict[str, Any]], int | None]:
    model, messages = body.get("model"), body.get("messages")
    if not isinstance(model, str) or not model:
        raise InvalidRequestError(
            "The field 'model' is missing.", remedy="Name a model; GET /v1/models lists them."
        )
    if not isinstance(messages, list):
        raise InvalidRequestError("The field 'messages' is not a list.", remedy="Send a list of messages.")
    _check_types(body, cast("list[Any]", messages))
    if body.get("n") not in (None, 1):
        raise InvalidRequestError(
            "Only one choice is given.", remedy="Leave 'n' out, and ask again for more."
        )
    most = body.get("max_completion_tokens", body.get("max_tokens"))
    if isinstance(most, float) and most.is_integer():  # JSON knows one kind of number
        most = int(most)
    if most is not None and (not isinstance(most, int) or isinstance(most, bool) or most < 1):
        raise InvalidRequestError("The field 'max_tokens' is not a positive number.", remedy="Correct it.")
    return model, cast("list[dict[str, Any]]", messages), most


async def _events(model: str, stream: ChatStream, receive: Receive, send: Send, *, counted: bool) -> None:
    """Pieces as server-sent events; a client that leaves ends the stream."""
    await send({"type": "http.response.start", "status": 200, "headers": _EVENTS})
    created = int(time.time())
    try:
        with Watch(receive) as watch:
            try:
                async for piece in stream:
                    data = _piece(model, piece, created, counted=counted)
                    if data:
                        await send({"type": "http.response.body", "body": data, "more_body": True})
                ending = b"data: [DONE]\n\n"
            except DeskmindError as error:
                ending = b"data: " + encode(_error(error)) + b"\n\n"
            except asyncio.CancelledError:
                if not watch.left():
                    raise
                return
    finally:
        await stream.aclose()
    await send({"type": "http.response.body", "body": ending, "more_body": False})


def _piece(model: str, piece: ChatDelta, created: int, *, counted: bool) -> bytes:
    raw = piece.raw
    if raw is not None:
        if not raw.get("choices") and not counted:
            return b""
        raw["model"] = model
        return b"data: " + encode(raw) + b"\n\n"
    delta: dict[str, Any] = {"content": piece.text} if piece.text else {}
    if piece.tool_calls:
        delta["tool_calls"] = [
            {
                "index": part.index,
                **({"id": part.id, "type": "function"} if part.id else {}),
                "function": {**({"name": part.name} if part.name else {}), "arguments": part.arguments},
            }
            for part in piece.tool_calls
        ]
    chunk = {
        "id": f"chatcmpl-{correlation_id()}",
        "object": "chat.completion.chunk",
        "created": created,
        "model": model,
        "choices": [{"index": 0, "delta": delta, "finish_reason": piece.finish_reason or None}],
    }
    return b"data: " + encode(chunk) + b"\n\n"


async def _embeddings(desk: Desk, body: dict[str, Any], receive: Receive, send: Send) -> None:
    model, given = body.get("model"), body.get("input")
    texts: Any = [given] if isinstance(given, str) else given
    listed = cast("list[Any]", texts) if isinstance(texts, list) else []
    if not isinstance(model, str) or not listed or not all(isinstance(text, str) for text in listed):
        raise InvalidRequestError(
            "The fields 'model' and 'input' are needed, input as text or texts.",
            remedy="Correct the request.",
        )
    encoding = body.get("encoding_format") or "float"
    if encoding not in ("float", "base64"):
        raise InvalidRequestError(
            "The field 'encoding_format' is neither float nor base64.", remedy="Correct it."
        )
    options = {"dimensions": body["dimensions"]} if body.get("dimensions") is not None else {}
    call = desk.models.embed(model, listed, feature=_FEATURE, **options)
    found = await unless_gone(call, receive)
    if found is None:
        return
    data = [
        {
            "object": "embedding",
            "index": number,
            "embedding": base64.b64encode(vector.astype("<f4").tobytes()).decode()
            if encoding == "base64"
            else vector.tolist(),
        }
        for number, vector in enumerate(found.vectors)
    ]
    usage = {"prompt_tokens": found.usage.input_tokens, "total_tokens": found.usage.input_tokens}
    await _answer({"object": "list", "data": data, "model": model, "usage": usage}, send)


async def _models(desk: Desk, body: dict[str, Any], receive: Receive, send: Send) -> None:
    del body, receive
    data = [_described(item.name) for item in await desk.models.list()]
    await _answer({"object": "list", "data": data}, send)


async def _model(desk: Desk, body: dict[str, Any], receive: Receive, send: Send) -> None:
    del receive
    known = {item.name for item in await desk.models.list()}
    if body["model"] not in known:
        from deskmind.errors import NotFoundError

        raise NotFoundError("There is no such model.", remedy="GET /v1/models lists them.")
    await _answer(_described(body["model"]), send)


def _described(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "deskmind"}


def _chat_body(response: ChatResponse) -> dict[str, Any]:
    if response.raw is not None:
        return {**response.raw, "model": response.model}
    message: dict[str, Any] = {"role": "assistant", "content": response.text or None}
    if response.tool_calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in response.tool_calls
        ]
    usage = response.usage
    return {
        "id": f"chatcmpl-{response.call_id.hex}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": response.model,
        "choices": [{"index": 0, "message": message, "finish_reason": response.finish_reason}],
        "usage": {
            "prompt_tokens": usage.input_tokens,
            "completion_tokens": usage.output_tokens,
            "total_tokens": usage.input_tokens + usage.output_tokens,
            "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
            "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        },
    }


async def _answer(body: dict[str, Any], send: Send, status: int = 200, more: tuple[Any, ...] = ()) -> None:
    data = encode(body)
    headers = [_JSON, (b"content-length", str(len(data)).encode()), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": data})


def _error(error: DeskmindError) -> dict[str, Any]:
    return {
        "error": {
            "message": str(error),
            "type": _KINDS.get(error.status, "api_error"),
            "code": error.code.replace("-", "_"),
            "param": None,
            "request_id": correlation_id(),
        }
    }


async def _refuse(error: DeskmindError, send: Send) -> None:
    more: list[tuple[bytes, bytes]] = []
    if error.status == 401:
        more.append((b"www-authenticate", b"Bearer"))
    waiting = error.details.get("retry_after")
    if isinstance(error, RateLimitedError) and isinstance(waiting, (int, float)):
        more.append((b"retry-after", str(max(1, round(waiting))).encode()))
    await _answer(_error(error), send, error.status, tuple(more))
