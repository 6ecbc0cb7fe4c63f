"""How Jira says no: its error bodies, raised where the reason is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deskmind.sandbox.web import Reply

NO_ISSUE = "Issue does not exist or you do not have permission to see it."
LOGIN = "Client must be authenticated to access this resource."


class Refused(Exception):
    """An answer other than success; the server turns it into a response."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = dict(headers or {})

    def reply(self) -> Reply:
        """The answer; text stays text."""
        if isinstance(self.body, str):
            return Reply.of(self.status, self.body.encode(), {"Content-Type": "text/plain", **self.headers})
        return Reply.json(self.status, self.body, self.headers)


def messages(status: int, *said: str) -> Refused:
    """A refusal of the whole request."""
    return Refused(status, {"errorMessages": list(said), "errors": {}})


def field_errors(errors: Mapping[str, str]) -> Refused:
    """A refusal that names the fields."""
    return Refused(400, {"errorMessages": [], "errors": dict(errors)})


def no_issue() -> Refused:
    """The same words for what does not exist and for what the caller may not see."""
    return messages(404, NO_ISSUE)


def login_required() -> Refused:
    """An anonymous call to what needs a user."""
    return Refused(401, {"message": LOGIN, "status-code": 401})


def desk_error(status: int, said: str, key: str = "sd.validation.error") -> Refused:
    """How the service-desk API words it."""
    i18n: dict[str, Any] = {"i18nKey": key, "parameters": []}
    return Refused(status, {"errorMessage": said, "i18nErrorMessage": i18n})
