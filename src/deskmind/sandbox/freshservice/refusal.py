"""How Freshservice says no."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deskmind.sandbox.web import Reply


class Refused(Exception):
    """An answer other than success; without a body it is an empty one, as the vendor's 404 is."""

    def __init__(self, status: int, body: Any = None, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = dict(headers or {})

    def reply(self) -> Reply:
        """The answer."""
        if self.body is None:
            return Reply.of(self.status, b"", self.headers)
        return Reply.json(self.status, self.body, self.headers)


def problem(field: str, message: str, code: str = "invalid_value") -> dict[str, str]:
    """One error of a validation."""
    return {"field": field, "message": message, "code": code}


def invalid(*errors: dict[str, str]) -> Refused:
    """400 with every error that was found."""
    return Refused(400, {"description": "Validation failed", "errors": list(errors)})


def not_found() -> Refused:
    """404, which has no body."""
    return Refused(404)


def denied() -> Refused:
    """What exists but lies outside of the agent's scope."""
    return Refused(
        403, {"code": "access_denied", "message": "You are not authorized to perform this action."}
    )


def no_credentials() -> Refused:
    """No key, or one that nobody has."""
    said = "You have to be logged in to perform this action."
    return Refused(401, {"code": "invalid_credentials", "message": said})
