"""What every error carries."""

from __future__ import annotations

from typing import Any, ClassVar

__all__ = [
    "DeskmindError",
]


class DeskmindError(Exception):
    """Something Deskmind was asked to do did not happen.

    Attributes:
        what: what happened, one sentence.
        why: the cause, as far as it is known.
        remedy: what the reader can do next.
        details: facts safe to show to the caller (never content or secrets).
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong"
    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, why: str = "", remedy: str = "", **details: Any) -> None:
        self.what = what
        self.why = why
        self.remedy = remedy
        self.details: dict[str, Any] = details
        super().__init__(what)

    def __str__(self) -> str:
        return " ".join(part for part in (self.what, self.why, self.remedy) if part)

    def problem(self) -> dict[str, Any]:
        """The error as an RFC 9457 problem document."""
        return {
            "type": f"urn:deskmind:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": str(self),
            "why": self.why,
            "remedy": self.remedy,
            **self.details,
        }
