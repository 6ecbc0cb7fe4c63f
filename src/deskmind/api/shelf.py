"""Finding the route of a request among many."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import URLPath
from starlette.routing import BaseRoute, Match, NoMatchFound, Route
from starlette.types import Receive, Scope, Send

__all__ = ["Shelf"]

_Place = tuple[int, str]


class Shelf(BaseRoute):
    """The resources by how many segments their paths have and by the second: a request is compared with a few of them.

    FastAPI compares it with one route after the other, twice, which takes longer than many a resource. The shelf stands before the
    routes that it was made from: what it does not find, such as a wrong method, is theirs. O(routes of one resource).

    Args:
        routes: in the order in which they are tried.
    """

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._places: dict[_Place, list[Route]] = {}
        for route in routes:
            if isinstance(route, Route) and not any(
                "{" in part or ":" in part for part in (_segment(route.path), *_across(route))
            ):
                self._places.setdefault(_place(route.path), []).append(route)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As Starlette's routes do."""
        if scope["type"] == "http" and not scope.get("root_path"):
            for route in self._places.get(_place(scope["path"]), ()):
                match, found = route.matches(scope)
                if match is Match.FULL:
                    return match, {**found, "route": route}
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request that was found."""
        await scope["route"].handle(scope, receive, send)

    def url_path_for(self, name: str, /, **path_params: str) -> URLPath:
        """The routes themselves know."""
        raise NoMatchFound(name, path_params)


def _place(path: str) -> _Place:
    return path.count("/"), _segment(path)


def _segment(path: str) -> str:
    parts = path.split("/", 3)
    return parts[2] if len(parts) > 2 else ""


def _across(route: Route) -> list[str]:
    """Parameters that take several segments."""
    return [f"{name}:path" for name, kind in route.param_convertors.items() if kind.regex == ".*"]
