"""The HTTP service: ``create_app`` is its ASGI factory; ``router`` mounts it in another application.

Needs the extra ``api``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deskmind.errors import MissingExtraError

if TYPE_CHECKING:
    from deskmind.api.application import create_app
    from deskmind.api.routes import router

__all__ = ["create_app", "router"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'deskmind.api' has no attribute '{name}'")
    try:
        from deskmind.api import application, routes
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in {"fastapi", "starlette", "python_multipart", "uvicorn"}:
            raise MissingExtraError("The HTTP service", "api") from None
        raise
    return application.create_app if name == "create_app" else routes.router
