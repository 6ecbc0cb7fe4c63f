"""How Google's Gemini API refuses: its keys and error bodies.

An invalid key is a 400 and a missing one a 403 there, and the time to wait is in the body, not in a header.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from deskmind.sandbox.models.call import Target
from deskmind.sandbox.models.refusal import Refused

_TYPE = "type.googleapis.com/google.rpc."
_BAD_KEY = "API key not valid. Please pass a valid API key."
_NO_KEY = (
    "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other "
    "form of API consumer identity to call this API."
)
_QUOTA = (
    "You exceeded your current quota, please check your plan and billing details. For more information on this "
    "error, head to: https://ai.google.dev/gemini-api/docs/rate-limits."
)
_INTERNAL = (
    "An internal error has occurred. Please retry or report in "
    "https://developers.generativeai.google/guide/troubleshooting"
)
_BUSY = "The model is overloaded. Please try again later."
_STATUSES = {500: "INTERNAL", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED"}


def shown_key(headers: Mapping[str, str], query: Mapping[str, str]) -> str | None:
    """The `x-goog-api-key` header, or the `key` of the query."""
    return headers.get("x-goog-api-key") or query.get("key")


class GeminiErrors:
    """What Gemini's endpoints share."""

    filters_prompt = False

    def keys(self, headers: Mapping[str, str], query: Mapping[str, str]) -> tuple[str, ...]:
        """The key of header or query."""
        return (key,) if (key := shown_key(headers, query)) else ()

    def headers(self, number: int) -> dict[str, str]:
        """What Google's front end adds."""
        return {"Server-Timing": "gfet4t7; dur=1", "Vary": "Origin, X-Origin, Referer"}

    def refuse(self, refused: Refused, target: Target, number: int) -> tuple[int, dict[str, str], bytes]:
        """Status, no headers, and body; an array of one where a stream was asked for without `alt=sse`."""
        error = _worded(refused, target)
        listed = target.verb == "streamGenerateContent" and target.query.get("alt") != "sse"
        body = json.dumps([{"error": error}] if listed else {"error": error}, indent=2)
        return error["code"], {}, body.encode()

    def error_event(self, refused: Refused) -> bytes:
        """An error as a data line."""
        return b"data: " + json.dumps({"error": _worded(refused, None)}).encode() + b"\r\n\r\n"


def _worded(refused: Refused, target: Target | None) -> dict[str, Any]:
    match refused.kind:
        case "unauthorized":
            if target is None or shown_key(target.headers, target.query) is None:
                return _error(403, _NO_KEY, "PERMISSION_DENIED")
            info = {
                "@type": f"{_TYPE}ErrorInfo",
                "reason": "API_KEY_INVALID",
                "domain": "googleapis.com",
                "metadata": {"service": "generativelanguage.googleapis.com"},
            }
            told = {"@type": f"{_TYPE}LocalizedMessage", "locale": "en-US", "message": _BAD_KEY}
            return _error(400, _BAD_KEY, "INVALID_ARGUMENT", info, told)
        case "unknown_model":
            method = target.verb if target else "generateContent"
            message = (
                f"models/{refused.model} is not found for API version v1beta, or is not supported for {method}. "
                "Call ListModels to see the list of available models and their supported methods."
            )
            return _error(404, message, "NOT_FOUND")
        case "not_found":
            return _error(404, "Requested entity was not found.", "NOT_FOUND")
        case "rate_limit":
            return _error(429, _QUOTA, "RESOURCE_EXHAUSTED", *_quota(refused))
        case "context_length":
            message = (
                f"The input token count ({refused.tokens}) exceeds the maximum number of tokens allowed "
                f"({refused.limit})."
            )
            return _error(400, message, "INVALID_ARGUMENT")
        case "server_error":
            message = refused.message or (_BUSY if refused.status == 503 else _INTERNAL)
            return _error(refused.status, message, _STATUSES.get(refused.status, "UNKNOWN"))
        case "bad_json":
            return _error(400, "Invalid JSON payload received. Unexpected token.", "INVALID_ARGUMENT")
        case _:
            return _error(400, refused.message, "INVALID_ARGUMENT")


def _error(code: int, message: str, status: str, *details: dict[str, Any]) -> dict[str, Any]:
    error: dict[str, Any] = {"code": code, "message": message, "status": status}
    return {**error, "details": list(details)} if details else error


def _quota(refused: Refused) -> list[dict[str, Any]]:
    violation = {
        "quotaMetric": "generativelanguage.googleapis.com/generate_content_free_tier_requests",
        "quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
        "quotaDimensions": {"location": "global", "model": refused.model},
        "quotaValue": "15",
    }
    found: list[dict[str, Any]] = [{"@type": f"{_TYPE}QuotaFailure", "violations": [violation]}]
    if refused.retry_after is not None:
        found.append({"@type": f"{_TYPE}RetryInfo", "retryDelay": f"{refused.retry_after:g}s"})
    return found
