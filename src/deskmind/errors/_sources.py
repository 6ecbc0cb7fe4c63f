"""A connected system did not do what it was asked."""

from __future__ import annotations

from deskmind.errors._base import DeskmindError

__all__ = [
    "ForbiddenAddressError",
    "OutcomeUnknownError",
    "SourceAuthenticationError",
    "SourceError",
    "SourcePermissionError",
    "SourceRateLimitedError",
    "SourceReplyError",
    "SourceRequestError",
    "SourceUnavailableError",
]


class SourceError(DeskmindError):
    """A connected system did not do what it was asked.

    The details carry ``source`` (its host), ``attempts``, and ``retry_after`` in seconds where it named one.
    """

    code, status, title, exit_code = "source", 502, "The connected system failed", 69


class SourceAuthenticationError(SourceError):
    """The connected system refuses our credentials."""

    code, title, exit_code = "source-authentication", "The connected system refused our credentials", 78


class SourcePermissionError(SourceError):
    """The credentials for the connected system may not do this."""

    code, title, exit_code = "source-permission", "The connected system does not permit it", 77


class SourceRequestError(SourceError):
    """The connected system finds the request wrong."""

    code, status, title, exit_code = "source-request", 422, "The connected system refused the request", 65


class SourceRateLimitedError(SourceError):
    """The connected system wants fewer requests."""

    code, status, title = "source-rate-limited", 429, "The connected system limits the rate"


class SourceUnavailableError(SourceError):
    """The connected system does not answer, or not in time."""

    code, status, title = "source-unavailable", 503, "The connected system is unavailable"


class SourceReplyError(SourceError):
    """The connected system's answer cannot be used: truncated, not JSON, too large, not as documented."""

    code, title = "source-reply", "The connected system's answer cannot be read"


class ForbiddenAddressError(SourceError):
    """An address that is not the configured system's; nothing was sent."""

    code, status, title, exit_code = "forbidden-address", 422, "The address is not permitted", 65


class OutcomeUnknownError(SourceError):
    """A write was sent and no answer came: whether it was done is not known. Reconcile it before sending again."""

    code, title = "outcome-unknown", "It is not known whether the write was done"
