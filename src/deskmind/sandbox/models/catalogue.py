"""The list of models: GET /v1/models as OpenAI and Anthropic tell it, GET /v1beta/models as Gemini does."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from deskmind.sandbox.models.book import Entry
from deskmind.sandbox.models.call import Dialect, Target
from deskmind.sandbox.models.exchange import Manner
from deskmind.sandbox.models.refusal import Refused
from deskmind.sandbox.models.routes import EXACT, GENERATE_CONTENT

_ALWAYS = ("echo", "echo-50", "echo-embed", "echo-rerank")
_SINCE = 1_767_225_600
_METHODS = ["generateContent", "streamGenerateContent", "embedContent", "batchEmbedContents"]


def answer(request: web.BaseRequest, path: str, entry: Entry, manner: Manner) -> web.Response | None:
    """The list, one model of it, or a refusal; None if `path` is neither."""
    root, name = _split(path)
    if not root:
        return None
    target = Target("GET", path, query=request.query, headers=request.headers)
    dialect: Dialect = EXACT["/v1/chat/completions"]
    if root == "/v1beta/models":
        dialect = GENERATE_CONTENT
    elif "anthropic-version" in request.headers:
        dialect = EXACT["/v1/messages"]
    try:
        if not any(key in manner.keys for key in dialect.keys(target.headers, target.query)):
            raise Refused("unauthorized")
        listed = _listed(dialect, name, sorted(manner.models or _ALWAYS))
    except Refused as refused:
        entry.status, headers, body = dialect.refuse(refused, target, entry.id)
        headers = {**headers, "Content-Type": "application/json"}
        return web.Response(status=entry.status, headers=headers, body=body)
    entry.status, entry.finished = 200, True
    headers = {**dialect.headers(entry.id), "Content-Type": "application/json"}
    return web.Response(headers=headers, body=json.dumps(listed).encode())


def _split(path: str) -> tuple[str, str]:
    for root in ("/v1/models", "/v1beta/models"):
        if path == root or path.startswith(f"{root}/"):
            return root, path[len(root) :].strip("/")
    return "", ""


def _listed(dialect: Dialect, name: str, names: list[str]) -> dict[str, Any]:
    if name and name not in names:
        raise Refused("unknown_model", model=name)
    shown = [name] if name else names
    if dialect is GENERATE_CONTENT:
        models = [
            {"name": f"models/{one}", "displayName": one, "supportedGenerationMethods": _METHODS}
            for one in shown
        ]
        return models[0] if name else {"models": models}
    if dialect is EXACT["/v1/messages"]:
        models = [
            {"type": "model", "id": one, "display_name": one, "created_at": "2026-01-01T00:00:00Z"}
            for one in shown
        ]
        listed = {"data": models, "has_more": False, "first_id": shown[0], "last_id": shown[-1]}
        return models[0] if name else listed
    plain = [{"id": one, "object": "model", "created": _SINCE, "owned_by": "sandbox"} for one in shown]
    return plain[0] if name else {"object": "list", "data": plain}
