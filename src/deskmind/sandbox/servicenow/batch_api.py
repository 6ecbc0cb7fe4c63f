"""The Batch API: /api/now/v1/batch carries several requests in one."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

from multidict import CIMultiDict, MultiDict

from deskmind.sandbox.servicenow.errors import Refused
from deskmind.sandbox.servicenow.table_api import body_of
from deskmind.sandbox.web import Call, Reply

__all__ = ["batch"]

_PHRASES = {200: "OK", 201: "Created", 204: "No Content", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
            404: "Not Found", 429: "Too Many Requests"}  # fmt: skip


async def batch(call: Call, answer: Callable[[Call], Awaitable[Reply]]) -> Reply:
    """Carries out each request with `answer`, as the user of the batch."""
    given = body_of(call)
    requests = given.get("rest_requests")
    if not isinstance(requests, list):
        raise Refused(400, "Exception while reading request", "rest_requests is missing")
    serviced: list[dict[str, Any]] = []
    for one in cast("list[dict[str, Any]]", requests):
        reply = await answer(_inner(call, one))
        serviced.append(_told(str(one.get("id", "")), reply))
    told = {"batch_request_id": str(given.get("batch_request_id", "")), "serviced_requests": serviced}
    return Reply.json(200, {**told, "unserviced_requests": []})


def _inner(call: Call, one: dict[str, Any]) -> Call:
    address = urlsplit(str(one.get("url", "")))
    headers = CIMultiDict((str(pair["name"]), str(pair["value"])) for pair in one.get("headers", []))
    headers["Authorization"] = call.headers.get("Authorization", "")
    try:
        content = base64.b64decode(str(one.get("body", "")))
    except binascii.Error:
        raise Refused(400, "Exception while reading request", "A body is not base64") from None
    query = MultiDict(parse_qsl(address.query, keep_blank_values=True))
    return Call(str(one.get("method", "GET")), address.path, query, headers, content, call.base)


def _told(key: str, reply: Reply) -> dict[str, Any]:
    body = reply.body if isinstance(reply.body, bytes) else b"".join(reply.body.chunks())
    return {
        "id": key,
        "body": base64.b64encode(body).decode(),
        "status_code": reply.status,
        "status_text": _PHRASES.get(reply.status, ""),
        "headers": [{"name": name, "value": value} for name, value in reply.headers.items()],
        "execution_time": 1,
    }
