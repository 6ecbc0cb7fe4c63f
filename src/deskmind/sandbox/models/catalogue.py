"""The list of models: GET /v1/models, as OpenAI and Anthropic tell it, and GET /v1beta/models as Gemini does."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from deskmind.sandbox.models.book import Entry
from deskmind.sandbox.models.call import Dialect, Target
from deskmind.sandbox.models.exchange import Manner
from deskmind.sandbox.models.refusal import Refused
from deskmind.sandbox.models.routes import EXACT

_ALWAYS = ("echo", "echo-50", "echo-embed", "echo-rerank")
_SINCE = 1_767_225_600


def answer(request: web.BaseRequest, path: str, entry: Entry, manner: Manner) -> web.Response | None:
    """The list, or one model, or a refusal; None if `path` is not the list's."""
    target = Target("GET", path, query=request.query, headers=request.headers)
    names = sorted(manner.models or _ALWAYS)
    if path != "/v1/models" and not path.startswith("/v1/models/"):
        return None
    dialect: Dialect = EXACT["/v1/chat/completions"]
    try:
        if not any(key in manner.keys for key in dialect.keys(target.headers, target.query)):
            raise Refused("unauthorized")
        listed = _openai(path.removeprefix("/v1/models").strip("/"), names)
    except Refused as refused:
        entry.status, headers, body = dialect.refuse(refused, target, entry.id)
        headers = {**headers, "Content-Type": "application/json"}
        return web.Response(status=entry.status, headers=headers, body=body)
    entry.status, entry.finished = 200, True
    headers = {**dialect.headers(entry.id), "Content-Type": "application/json"}
    return web.Response(headers=headers, body=json.dumps(listed).encode())


def _openai(name: str, names: list[str]) -> dict[str, Any]:
    listed: list[dict[str, Any]] = [
        {"id": one, "object": "model", "created": _SINCE, "owned_by": "sandbox"} for one in names
    ]
    if not name:
        return {"object": "list", "data": listed}
    for one in listed:
        if one["id"] == name:
            return one
    raise Refused("unknown_model", model=name)
