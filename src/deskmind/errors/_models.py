"""A model call did not succeed."""

from __future__ import annotations

from deskmind.errors._base import DeskmindError

__all__ = [
    "BudgetExceededError",
    "ContentFilteredError",
    "ContextTooLongError",
    "ModelError",
    "ModelRequestError",
    "ModelTimeoutError",
    "ModelUnavailableError",
    "ProviderAuthenticationError",
    "RateLimitedError",
    "StreamBrokenError",
    "UnknownPriceError",
]


class ModelError(DeskmindError):
    """A model call did not succeed.

    The details carry ``model`` (the configured name), ``provider``, ``attempts`` (one line each: deployment,
    outcome, milliseconds), and ``retry_after`` in seconds where the provider named one.
    """

    code, status, title, exit_code = "model", 502, "The model call failed", 69


class RateLimitedError(ModelError):
    """The provider wants fewer calls."""

    code, status, title = "rate-limited", 429, "The provider limits the rate"


class ContextTooLongError(ModelError):
    """The request exceeds what the model can read, by the provider's word or by our own count."""

    code, status, title, exit_code = "context-too-long", 400, "The request is too long for the model", 65


class ContentFilteredError(ModelError):
    """The provider refuses the content."""

    code, status, title, exit_code = "content-filtered", 422, "The provider refused the content", 65


class ProviderAuthenticationError(ModelError):
    """The provider refuses our credentials."""

    code, status, title, exit_code = (
        "provider-authentication",
        502,
        "The provider refused our credentials",
        78,
    )


class ModelTimeoutError(ModelError):
    """The model did not answer in time."""

    code, status, title = "model-timeout", 504, "The model did not answer in time"


class ModelUnavailableError(ModelError):
    """No deployment of the model could be reached."""

    code, status, title = "model-unavailable", 503, "The model is unavailable"


class StreamBrokenError(ModelUnavailableError):
    """A stream ended in the middle; what had arrived was delivered."""

    code, status, title = "stream-broken", 502, "The stream broke off"


class ModelRequestError(ModelError):
    """The provider finds the request wrong."""

    code, status, title, exit_code = "model-request", 422, "The model request is not valid", 65


class BudgetExceededError(ModelError):
    """The call would exceed a budget; nothing was sent."""

    code, status, title, exit_code = "budget-exceeded", 429, "The budget is used up", 77


class UnknownPriceError(BudgetExceededError):
    """A budget in dollars applies and the price of the model is not known; nothing was sent."""

    code, title = "unknown-price", "The price of the model is unknown"
