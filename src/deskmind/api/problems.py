"""Every error as RFC 9457 problem details."""

from __future__ import annotations

import copy
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.routing import Match

from deskmind.api.schemas import Problem
from deskmind.errors import DeskmindError
from deskmind.gateway.wire import encode
from deskmind.observability import correlation_id, logger

__all__ = ["described_problems", "install", "internal_error", "problem_response"]

_log = logger("deskmind.api")
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def install(app: FastAPI) -> None:
    """Render errors of ``app`` as ``application/problem+json``."""
    app.add_exception_handler(DeskmindError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def described_problems(**texts: str) -> dict[int | str, dict[str, Any]]:
    """For the OpenAPI document: what each problem of an operation means, by its status.

    The model is named and not given, which the router's first operation does: given, it would be built anew for each problem
    of each operation, 1,500 times, most of a service's start.

    Args:
        texts: by status, such as ``_404="no such document"``.
    """
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}}
    return {
        int(status[1:]): {"description": text, "content": copy.deepcopy(content)}
        for status, text in texts.items()
    }


def problem_response(status: int, body: dict[str, Any]) -> Response:
    """A problem document with the request's id."""
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    content = encode({**body, "status": status, "request_id": correlation_id()})
    return Response(content, status_code=status, media_type="application/problem+json", headers=headers)


async def _ours(_: Request, error: Exception) -> Response:
    body = error.problem() if isinstance(error, DeskmindError) else {}
    return problem_response(int(body.get("status", 500)), body)


async def _invalid(_: Request, error: Exception) -> Response:
    found: list[dict[str, Any]] = list(error.errors()) if isinstance(error, RequestValidationError) else []
    items = [{"where": ".".join(map(str, item["loc"])), "what": item["msg"]} for item in found]
    return problem_response(
        422,
        {
            "type": "urn:deskmind:problem:invalid-request",
            "title": "The request is not valid",
            "detail": "; ".join(f"{item['where']}: {item['what']}" for item in items),
            "remedy": "Correct the named fields; /openapi.json describes them.",
            "errors": items,
        },
    )


async def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = str(error.detail) if isinstance(error, HTTPException) else ""
    response = problem_response(
        status, {"type": "about:blank", "title": detail, "detail": detail, "remedy": "See /openapi.json."}
    )
    if status == 405:
        response.headers["Allow"] = ", ".join(_allowed(request))
    return response


def _allowed(request: Request) -> list[str]:
    """The methods of all routes that the path fits, while the framework names those of the first."""
    routes = request.app.router.routes
    return [
        method
        for method in _METHODS
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes)
    ]


async def _unexpected(_: Request, error: Exception) -> Response:
    return internal_error(error)


def internal_error(error: Exception) -> Response:
    """Log an error nobody foresaw; the response says nothing of it but the request's id."""
    _log.error("request.failed", exc_info=error)
    return problem_response(
        500,
        {
            "type": "urn:deskmind:problem:internal",
            "title": "Something went wrong",
            "detail": "The request could not be completed because of an error of ours.",
            "remedy": "Try again; if it persists, give the request_id to the operator, who finds it in the logs.",
        },
    )
