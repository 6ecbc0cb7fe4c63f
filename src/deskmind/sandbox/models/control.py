"""The server's own paths, under /_sandbox/, which need no key: faults, script, book."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from aiohttp import web

from deskmind.sandbox.models import shape
from deskmind.sandbox.models.faults import Fault
from deskmind.sandbox.models.reply import Reply

if TYPE_CHECKING:
    from deskmind.sandbox.models.sandbox import ModelSandbox


async def answer(request: web.BaseRequest, path: str, sandbox: ModelSandbox) -> web.Response:
    """POST, GET and DELETE /_sandbox/faults; POST and DELETE /_sandbox/script; GET /_sandbox/book.

    A body that cannot be understood is answered with 400 and `{"error": …}`.
    """
    try:
        match request.method, path:
            case "POST", "/_sandbox/faults":
                for one in _many(await request.read(), "faults"):
                    sandbox.faults.add(Fault.from_json({"seed": sandbox.faults.seed, **shape.mapping(one)}))
            case "DELETE", "/_sandbox/faults":
                sandbox.faults.clear()
            case "POST", "/_sandbox/script":
                sandbox.script([Reply.from_json(one) for one in _many(await request.read(), "replies")])
                return _said({"queued": len(sandbox.manner.script)})
            case "DELETE", "/_sandbox/script":
                sandbox.manner.script.clear()
                return _said({"queued": 0})
            case "GET", "/_sandbox/book":
                return await _book(request, sandbox)
            case "GET", "/_sandbox/faults":
                pass
            case _:
                return _said({"error": f"there is no {request.method} {path}"}, 404)
    except (ValueError, TypeError) as error:
        return _said({"error": str(error)}, 400)
    return _said({"faults": [fault.to_json() for fault in sandbox.faults]})


async def _book(request: web.BaseRequest, sandbox: ModelSandbox) -> web.Response:
    """`?after=ID` leaves out what is known already; `?settle=SECONDS` waits until nothing is in flight."""
    if seconds := float(request.query.get("settle", "0")):
        with suppress(TimeoutError):
            await sandbox.book.settled(seconds)
    after = int(request.query.get("after", "0"))
    return web.Response(body=sandbox.state(after), headers={"Content-Type": "application/json"})


def _many(raw: bytes, name: str) -> list[Any]:
    """A JSON array, an object that holds one under `name`, or a single object as a list of one."""
    data = json.loads(raw)
    if isinstance(data, list):
        return shape.items(data)  # pyright: ignore[reportUnknownArgumentType]
    return shape.items(shape.mapping(data)[name]) if name in shape.mapping(data) else [data]


def _said(data: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(
        status=status, body=json.dumps(data).encode(), headers={"Content-Type": "application/json"}
    )
