"""What kind of request it is: limits may differ by it, and under load the less urgent kinds are turned away first."""

from __future__ import annotations

from typing import Literal, get_args

from starlette.types import Scope

__all__ = ["CLASSES", "URGENCY", "RouteClass", "class_of"]

RouteClass = Literal["read", "search", "models", "mcp", "write"]
CLASSES: tuple[RouteClass, ...] = get_args(RouteClass)

URGENCY: dict[RouteClass, float] = {"read": 1.0, "search": 1.0, "models": 0.9, "mcp": 0.9, "write": 0.75}
"""The share of the places that a class may fill: people who look something up are served last of all to be turned away."""

_MODELS = frozenset({"/v1/ask", "/v1/chat/completions", "/v1/embeddings"})


def class_of(scope: Scope) -> RouteClass:
    """The class of an HTTP request."""
    path: str = scope["path"]
    if path in _MODELS:
        return "models"
    if path == "/v1/search" or path.startswith("/v1/triage/"):
        return "search"
    if path == "/mcp":
        return "mcp"
    return "read" if scope["method"] in {"GET", "HEAD", "OPTIONS"} else "write"
