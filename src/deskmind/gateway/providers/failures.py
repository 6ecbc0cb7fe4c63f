"""What can go wrong at a provider, by cause."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal, cast

from deskmind.gateway.messages import Usage
from deskmind.observability import masked

__all__ = ["Cause", "ProviderFailure", "failure_of", "retry_after"]

Cause = Literal[
    "rate-limited",
    "context-too-long",
    "content-filtered",
    "provider-authentication",
    "model-timeout",
    "model-unavailable",
    "stream-broken",
    "model-request",
]

_TOO_LONG = re.compile(
    r"context[ _-]?(length|window)|maximum context|prompt is too long|too many (input )?tokens|input token count", re.IGNORECASE
)  # fmt: skip
_FILTERED = re.compile(r"content[ _-]?(filter|policy|management)|safety system|blocked by", re.IGNORECASE)
_LONGEST_DETAIL = 300
_LONGEST_WAIT = 86_400.0


class ProviderFailure(Exception):
    """One attempt failed.

    Attributes:
        cause: which kind.
        detail: the provider's words, bounded and masked.
        retry_after: seconds the provider asks to wait, None when it names none.
        charged: what it charges all the same: its own count; ``input`` when it began and had sent nothing,
            ``reply`` when it made a reply that cannot be read; None for nothing.
    """

    def __init__(
        self,
        cause: Cause,
        detail: str = "",
        *,
        retry_after: float | None = None,
        charged: Usage | Literal["input", "reply"] | None = None,
    ) -> None:
        super().__init__(cause)
        self.cause: Cause = cause
        self.detail = str(masked(detail[:_LONGEST_DETAIL]))
        self.retry_after = retry_after
        self.charged: Usage | Literal["input", "reply"] | None = charged

    @property
    def retriable(self) -> bool:
        """Whether the same request may succeed later, or elsewhere."""
        return self.cause in {"rate-limited", "model-timeout", "model-unavailable", "stream-broken"}

    @property
    def elsewhere(self) -> bool:
        """Whether another deployment may take the request."""
        return self.retriable or self.cause in {"provider-authentication", "context-too-long"}


def failure_of(status: int, body: bytes, headers: Mapping[str, str]) -> ProviderFailure:
    """The failure an HTTP error stands for, in OpenAI's, Azure's and compatible servers' words."""
    code, detail = _words(body)
    if status in {401, 403} and not _FILTERED.search(code):
        return ProviderFailure("provider-authentication", detail)
    if status == 429:
        return ProviderFailure("rate-limited", detail, retry_after=retry_after(headers))
    if status == 408:
        return ProviderFailure("model-timeout", detail)
    if status >= 500 or status == 404:
        return ProviderFailure(
            "model-unavailable", detail or f"HTTP {status}", retry_after=retry_after(headers)
        )
    if status == 413 or _TOO_LONG.search(code) or _TOO_LONG.search(detail):
        return ProviderFailure("context-too-long", detail)
    if _FILTERED.search(code) or _FILTERED.search(detail):
        return ProviderFailure("content-filtered", detail)
    return ProviderFailure("model-request", detail or f"HTTP {status}")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait: ``Retry-After-Ms``, or ``Retry-After`` as seconds or as a date (RFC 9110, 10.2.3); a day at most."""
    milliseconds = headers.get("retry-after-ms")
    value = headers.get("retry-after")
    try:
        if milliseconds is not None:
            return _sensible(float(milliseconds) / 1000)
        if value is None:
            return None
        if value.strip().replace(".", "", 1).isdigit():
            return _sensible(float(value))
        return _sensible((parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


def _sensible(seconds: float) -> float | None:
    """A wait that does not put a deployment out for good: a day at most."""
    return None if math.isnan(seconds) else min(max(seconds, 0.0), _LONGEST_WAIT)


def _words(body: bytes) -> tuple[str, str]:
    """Code and message of an error body; its beginning when it is no JSON."""
    try:
        parsed: Any = json.loads(body)
    except ValueError:
        return "", body[:_LONGEST_DETAIL].decode("utf-8", "replace")
    first: Any = cast("Any", parsed[0] if isinstance(parsed, list) and parsed else parsed)
    error: Any = cast("dict[str, Any]", first).get("error", first) if isinstance(first, dict) else first
    if isinstance(error, dict):
        fields = cast("dict[str, Any]", error)
        inner: Any = fields.get("innererror") or {}
        codes = [fields.get("code"), fields.get("type"), fields.get("status")]
        if isinstance(inner, dict):
            codes.append(cast("dict[str, Any]", inner).get("code"))
        return " ".join(str(code) for code in codes if code), str(fields.get("message") or "")
    return "", str(error)
