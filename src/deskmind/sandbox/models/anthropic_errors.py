"""How Anthropic's API refuses: its keys, headers and error bodies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from deskmind.sandbox.models.call import Target
from deskmind.sandbox.models.openai_errors import bearer
from deskmind.sandbox.models.refusal import Refused


class AnthropicErrors:
    """What Anthropic's endpoints share."""

    filters_prompt = False

    def keys(self, headers: Mapping[str, str], query: Mapping[str, str]) -> tuple[str, ...]:
        """The `x-api-key` header, or a bearer token."""
        return tuple(key for key in (headers.get("x-api-key"), bearer(headers)) if key)

    def headers(self, number: int) -> dict[str, str]:
        """The request's id."""
        return {"request-id": f"req_{number:024d}", "anthropic-organization-id": "sandbox"}

    def refuse(self, refused: Refused, target: Target, number: int) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body."""
        status, kind, message = _worded(refused, target)
        headers = refused.retry_headers()
        if refused.kind == "rate_limit":
            reset = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=refused.retry_after or 0)
            headers |= {
                "anthropic-ratelimit-requests-limit": "50",
                "anthropic-ratelimit-requests-remaining": "0",
                "anthropic-ratelimit-requests-reset": reset.strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
        error = {
            "type": "error",
            "error": {"type": kind, "message": message},
            "request_id": f"req_{number:024d}",
        }
        return status, headers, json.dumps(error).encode()

    def error_event(self, refused: Refused) -> bytes:
        """The `error` event."""
        error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
        return b"event: error\ndata: " + json.dumps(error).encode() + b"\n\n"


def _worded(refused: Refused, target: Target) -> tuple[int, str, str]:
    invalid = "invalid_request_error"
    match refused.kind:
        case "unauthorized":
            shown = "x-api-key" in target.headers or bearer(target.headers)
            return (
                401,
                "authentication_error",
                "invalid x-api-key" if shown else "x-api-key header is required",
            )
        case "not_found":
            return 404, "not_found_error", "Not Found"
        case "unknown_model":
            return 404, "not_found_error", f"model: {refused.model}"
        case "rate_limit":
            message = (
                "This request would exceed your organization's rate limit of 50 requests per minute. For details, "
                "refer to: https://docs.claude.com/en/api/rate-limits."
            )
            return 429, "rate_limit_error", message
        case "context_length":
            return 400, invalid, f"prompt is too long: {refused.tokens} tokens > {refused.limit} maximum"
        case "server_error":
            if refused.status == 529:
                return 529, "overloaded_error", refused.message or "Overloaded"
            return refused.status, "api_error", refused.message or "Internal server error"
        case "bad_json":
            return (
                400,
                invalid,
                "The request body is not valid JSON: unexpected character: line 1 column 1 (char 0)",
            )
        case _:
            return 400, invalid, refused.message
