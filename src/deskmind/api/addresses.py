"""Where a resource is, as whoever asked reaches it: below what a proxy, a mount or an outer router puts before it."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.types import Scope

__all__ = ["Placed", "place"]


class Placed(APIRoute):
    """A route that knows where the router that it was made for begins."""

    prefix = ""
    """The router's own."""

    @property
    def depth(self) -> int:
        """Segments of its path below the router, each as long as one of a request's."""
        return self.path.removeprefix(self.prefix).count("/")


def place(request: Request, suffix: str = "") -> str:
    """The address of a resource of the router that serves a request, without scheme and host.

    Args:
        request: served by a ``Placed`` route.
        suffix: the resource's path below the router, quoted; nothing for the router's own address.
    """
    scope = request.scope
    route: Placed = scope["route"]
    root = str(scope.get("root_path", "")).rstrip("/")
    return quote(root + _below(scope, root).rsplit("/", route.depth)[0], safe="/") + suffix


def _below(scope: Scope, root: str) -> str:
    """The path without the root, which is part of it below a mount and not behind a proxy that took it away."""
    path: str = scope["path"]
    return path[len(root) :] if path.startswith(f"{root}/") else path
