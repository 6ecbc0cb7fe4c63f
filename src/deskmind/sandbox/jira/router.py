"""Which handler a path belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote

from deskmind.sandbox.jira.call import Route

_VERSION = "(?P<version>2|3|latest)"


class Router:
    """Finds the route of a method and path; fixed parts win over variable ones."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._by_length: dict[int, list[tuple[re.Pattern[str], Route]]] = {}
        for route in sorted(routes, key=lambda each: each.path.count("{")):
            held = self._by_length.setdefault(route.path.count("/"), [])
            held.append((_pattern(route.path), route))

    def find(self, method: str, path: str) -> tuple[Route, Mapping[str, str]] | None:
        """The route and the path's variables, or None."""
        for pattern, route in self._by_length.get(path.count("/"), ()):
            found = pattern.fullmatch(path) if route.method == method else None
            if found is not None:
                return route, {name: unquote(value) for name, value in found.groupdict().items()}
        return None

    def knows(self, path: str) -> bool:
        """Whether the path exists with another method."""
        return any(pattern.fullmatch(path) for pattern, _ in self._by_length.get(path.count("/"), ()))


def _pattern(path: str) -> re.Pattern[str]:
    with_version = re.escape(path).replace(r"\{version\}", _VERSION)
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", with_version))
