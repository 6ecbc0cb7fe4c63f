"""Headers that hold for many operations: of requests, and of responses."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

__all__ = ["add_headers"]

_WRITES = frozenset({"post", "put", "patch", "delete"})
_CONDITIONAL = frozenset({"put", "patch", "delete"})
_UNREPEATED = frozenset({"receiveWebhook", "createChatCompletion", "createEmbeddings"})
_UNTAGGED = frozenset({"listModels", "getModel"})
_PLAIN = "application/json"

_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "done once, however often it is sent with this key: a random UUID for each request",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"},
}
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": "act only while the resource has this tag",
    "schema": {"type": "string"},
}
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "description": "answer 304 while the resource has this tag",
    "schema": {"type": "string"},
}
_REQUEST_ID = {
    "description": "the request's id, as in problems, logs and audit events",
    "required": True,
    "schema": {"type": "string", "examples": ["0b9f6a52e4c34d7e8a1f5c2d9e7b6a41"]},
}
_VERSION = {
    "description": "of the API",
    "required": True,
    "schema": {"type": "string", "examples": ["1"]},
}
_TAG = {
    "description": "a digest of what this caller reads",
    "required": True,
    "schema": {"type": "string", "examples": ['"9f86d081884c7d659a2feaa0c55ad015"']},
}
_AGAIN = {"description": "seconds", "schema": {"type": "integer", "minimum": 0, "examples": [1]}}
_CHALLENGE = {"required": True, "schema": {"type": "string", "examples": ["Bearer"]}}
_LIMITS = {
    "RateLimit": {
        "description": "where one stands, where there are limits",
        "schema": {"type": "string", "examples": ['"user";r=599;t=1']},
    },
    "RateLimit-Policy": {
        "description": "the limits, where there are some",
        "schema": {"type": "string", "examples": ['"user";q=600;w=60']},
    },
}
_PLACE = {
    "description": "where to see how far it is",
    "schema": {"type": "string", "examples": ["/v1/runs/6f1d7c52-3b0a-4c64-9d0e-2f6f3a1b8c11"]},
}
_OF_STATUS: dict[str, dict[str, Any]] = {
    "202": {"Location": _PLACE},
    "401": {"WWW-Authenticate": _CHALLENGE},
    "409": {"Retry-After": _AGAIN},
    "429": {"Retry-After": _AGAIN},
    "503": {"Retry-After": _AGAIN},
}


def add_headers(path: str, method: str, said: dict[str, Any], beside: Collection[str]) -> None:
    """Say of an operation which headers it takes, and which its responses have.

    Args:
        path: the operation's.
        method: in small letters.
        said: what the document says of it.
        beside: the methods of the same path.
    """
    resource = path.startswith("/v1/")
    if resource and method in _WRITES and said["operationId"] not in _UNREPEATED:
        _take(said, _KEY)
        _answer(said, "507", "no space is left")
        _answer(said, "409", "under way with this Idempotency-Key, its response lost, or a conflict")
    if resource and method in _CONDITIONAL and "get" in beside:
        _take(said, _IF_MATCH)
        _answer(said, "412", "the resource is not what If-Match expects")
    tagged = resource and said["operationId"] not in _UNTAGGED
    if tagged and method == "get" and _PLAIN in said["responses"].get("200", {}).get("content", {}):
        _take(said, _IF_NONE_MATCH)
        said["responses"]["304"] = {"description": "what If-None-Match names is what is there"}
        for status in ("200", "304"):
            said["responses"][status].setdefault("headers", {})["ETag"] = _TAG
    for status, response in said["responses"].items():
        headers = response.setdefault("headers", {})
        headers |= {"X-Request-ID": _REQUEST_ID, "API-Version": _VERSION} | _OF_STATUS.get(status, {})
        if resource:
            headers |= _LIMITS


def _take(said: dict[str, Any], parameter: dict[str, Any]) -> None:
    said.setdefault("parameters", []).append(parameter)


def _answer(said: dict[str, Any], status: str, description: str) -> None:
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    said["responses"].setdefault(status, {"description": description, "content": problem})
