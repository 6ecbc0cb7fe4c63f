"""What a client of the service meets on the way to it."""

from __future__ import annotations

from deskmind.errors._base import DeskmindError
from deskmind.errors._installation import UnavailableError
from deskmind.errors._requests import InvalidRequestError

__all__ = ["ClosedError", "NotRemoteError", "ServerReplyError", "ServerUnreachableError"]


class ClosedError(DeskmindError):
    """A client or an application for code that waits was closed, before the call or while it was under way."""

    code, title = "closed", "It is closed"


class ServerUnreachableError(UnavailableError):
    """The service does not answer, or its answer broke off. Whether it did what it was asked is not known."""

    code, title = "server-unreachable", "The service cannot be reached"


class ServerReplyError(DeskmindError):
    """What answers is not the service, or is one of another release."""

    code, status, title, exit_code = "server-reply", 502, "The service's answer cannot be used", 76


class NotRemoteError(InvalidRequestError):
    """A command needs the service's own machine and was given a server."""

    code, title = "not-remote", "This cannot be done from afar"
