"""What the vendor refuses, in its words."""

from __future__ import annotations

from collections.abc import Mapping

from deskmind.sandbox.web import Reply

__all__ = ["Refused", "invalid_table", "no_record", "no_resource", "not_authenticated", "not_authorised"]


class Refused(Exception):
    """A request that is not carried out: status, and the message and detail of its error body."""

    def __init__(
        self, status: int, message: str, detail: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.detail = detail
        self.headers = dict(headers or {})

    def reply(self) -> Reply:
        """The error body."""
        error = {"message": self.message, "detail": self.detail}
        return Reply.json(self.status, {"error": error, "status": "failure"}, self.headers)


def not_authenticated(scheme: str = "Basic") -> Refused:
    """Nobody, or somebody with the wrong password or an expired token."""
    challenge = f'{scheme} realm="Service-now"' + (',error="invalid_token"' if scheme == "BEARER" else "")
    return Refused(
        401,
        "User Not Authenticated",
        "Required to provide Auth information",
        {"WWW-Authenticate": challenge},
    )


def not_authorised(detail: str = "Failed API level ACL Validation") -> Refused:
    """Somebody without the role for it."""
    return Refused(403, "User Not Authorized", detail)


def acl_exception(operation: str) -> Refused:
    """A row that may be seen but not written: `operation` is Insert, Update or Delete."""
    return Refused(403, "Operation Failed", f"ACL Exception {operation} Failed due to security constraints")


def data_policy(*labels: str) -> Refused:
    """Fields that must be filled before this state."""
    return Refused(
        403,
        "Operation Failed",
        f"Data Policy Exception: The following fields are mandatory: {', '.join(labels)}",
    )


def aborted(table: str, rule: str, sys_id: str) -> Refused:
    """A business rule that does not allow it."""
    detail = f"Operation against file '{table}' was aborted by Business Rule '{rule}^{sys_id}'. Business Rule Stack:{rule}"
    return Refused(403, "Operation Failed", detail)


def no_record() -> Refused:
    """No such row, or none that this user may see."""
    return Refused(404, "No Record found", "Record doesn't exist or ACL restricts the record retrieval")


def invalid_table(table: str) -> Refused:
    """No such table."""
    return Refused(400, f"Invalid table {table}")


def no_resource() -> Refused:
    """No such path."""
    return Refused(400, "Requested URI does not represent any resource")
