"""Errors in MCP's form: what a model can do something about is a tool's result, everything else an error of the protocol."""

from __future__ import annotations

from typing import Any

from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS, CallToolResult, TextContent
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from pydantic import ValidationError

from deskmind.errors import DeskmindError, NotFoundError
from deskmind.observability import correlation_id, logger

__all__ = ["PROBLEM", "failed", "invalid", "protocol_error", "refused", "unforeseen"]

_log = logger("deskmind.mcp")
PROBLEM = "deskmind/problem"
"""Where a tool's result holds the problem document."""

_NOT_FOUND = -32002
"""Of a resource, by the protocol up to 2025-11-25; later it is a parameter that is not valid."""


def refused(error: DeskmindError) -> CallToolResult:
    """A tool's result that says what happened, why and what to do; the problem document is in ``_meta``."""
    return _result(str(error), {**error.problem(), "request_id": correlation_id()})


def invalid(error: ValidationError) -> CallToolResult:
    """Arguments that do not fit the tool's schema: named by their place, without their values."""
    places = [f"{'.'.join(map(str, item['loc'])) or 'arguments'}: {item['msg']}" for item in error.errors()]
    return _result(
        f"The arguments are not valid: {'; '.join(places)}.",
        {"type": "urn:deskmind:problem:invalid-request", "status": 422, "request_id": correlation_id()},
    )


def failed(error: Exception) -> CallToolResult:
    """A tool's result for an error nobody foresaw; it says nothing of it but the request's id."""
    _log.error("mcp.failed", exc_info=error)
    return _result(
        f"Something went wrong on our side. The operator finds request {correlation_id()} in the logs.",
        {"type": "urn:deskmind:problem:internal", "status": 500, "request_id": correlation_id()},
    )


def protocol_error(error: DeskmindError, version: str) -> MCPError:
    """An error of the protocol, with the problem document as its data.

    Args:
        error: what was refused.
        version: of the protocol that the client speaks.
    """
    code = INVALID_PARAMS if error.status < 500 else INTERNAL_ERROR
    if isinstance(error, NotFoundError) and version in HANDSHAKE_PROTOCOL_VERSIONS:
        code = _NOT_FOUND
    return MCPError(code, str(error), {**error.problem(), "request_id": correlation_id()})


def unforeseen(error: Exception) -> MCPError:
    """An error of the protocol for what nobody foresaw."""
    _log.error("mcp.failed", exc_info=error)
    return MCPError(INTERNAL_ERROR, "Something went wrong on our side.", {"request_id": correlation_id()})


def _result(text: str, problem: dict[str, Any]) -> CallToolResult:
    return CallToolResult(
        content=[TextContent(type="text", text=text)], is_error=True, _meta={PROBLEM: problem}
    )
