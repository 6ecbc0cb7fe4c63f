"""Errors by what to do about them."""

from __future__ import annotations

from typing import Literal

from deskmind.errors import (
    AgentOutputError,
    ConflictError,
    ContentFilteredError,
    ContextTooLongError,
    DatabaseUnavailableError,
    DeskmindError,
    InvalidRequestError,
    ModelTimeoutError,
    ModelUnavailableError,
    NotFoundError,
    OutcomeUnknownError,
    RateLimitedError,
    SourceRateLimitedError,
    SourceRequestError,
    SourceUnavailableError,
    UnavailableError,
)

__all__ = ["Remedy", "remedy_of"]

Remedy = Literal["retry", "replan", "ask", "stop"]
"""``retry``: the same may succeed later. ``replan``: the model should try another way. ``ask``: a person must look. ``stop``."""

_RETRY = (
    RateLimitedError,
    ModelTimeoutError,
    ModelUnavailableError,
    SourceRateLimitedError,
    SourceUnavailableError,
    DatabaseUnavailableError,
    UnavailableError,
)
_REPLAN = (
    InvalidRequestError,
    NotFoundError,
    ConflictError,
    SourceRequestError,
    ContentFilteredError,
    ContextTooLongError,
)


def remedy_of(error: BaseException) -> Remedy:
    """What to do about an error."""
    if isinstance(error, OutcomeUnknownError | AgentOutputError):
        return "ask"
    if isinstance(error, _RETRY):
        return "retry"
    if isinstance(error, _REPLAN):
        return "replan"
    if isinstance(error, DeskmindError):
        return "stop"
    return "ask"
