"""The page at ``/docs``: Swagger UI from files of a wheel, so that it works without any other host.

``fastapi-offline`` is used as a carrier of files and never imported. A Content-Security-Policy keeps the page from asking
anybody else: neither scripts, nor fonts, nor the validator that Swagger UI would otherwise send our address to.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from html import escape
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from deskmind.errors import MissingExtraError

__all__ = ["add_documentation"]

_CARRIER = "fastapi-offline"
_FILES = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}
_POLICY = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self' 'unsafe-inline'",  # Swagger UI sets styles of its elements
            "img-src 'self' data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "Referrer-Policy": "no-referrer",
}
_LASTING = {"Cache-Control": "public, max-age=86400"}
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{at}/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<noscript>This page needs scripts; the same is in <a href="{document}">the OpenAPI document</a>.</noscript>
<script src="{at}/swagger-ui-bundle.js"></script>
<script src="{at}/start.js"></script>
</body>
</html>
"""
_START = """"use strict";
SwaggerUIBundle({options});
"""


def add_documentation(service: FastAPI, *, path: str = "/docs") -> None:
    """Serve the page and its files below ``path``; paths are relative to where the service is mounted."""

    @service.get(path, include_in_schema=False)
    async def page(request: Request) -> HTMLResponse:
        root = escape(request.scope.get("root_path", ""), quote=True)
        text = _PAGE.format(
            title=escape(service.title), at=f"{root}{path}", document=f"{root}{service.openapi_url}"
        )
        return HTMLResponse(text, headers=_POLICY)

    @service.get(f"{path}/start.js", include_in_schema=False)
    async def start(request: Request) -> Response:
        options = {
            "url": f"{request.scope.get('root_path', '')}{service.openapi_url}",
            "dom_id": "#swagger-ui",
            "deepLinking": True,
            "validatorUrl": None,
        }
        return Response(_START.format(options=json.dumps(options)), media_type="text/javascript")

    for name, media_type in _FILES.items():
        service.add_api_route(f"{path}/{name}", _serving(name, media_type), include_in_schema=False)


def _serving(name: str, media_type: str) -> Callable[[], Awaitable[FileResponse]]:
    async def file() -> FileResponse:
        return FileResponse(_located(name), media_type=media_type, headers=_LASTING)

    return file


def _located(name: str) -> Path:
    return Path(str(_carrier().locate_file(f"fastapi_offline/static/{name}")))


def _carrier() -> Distribution:
    try:
        return distribution(_CARRIER)
    except PackageNotFoundError:
        raise MissingExtraError("The page of the API's documentation", "api") from None
