"""What a service is asked, and the public operations, whoever calls them."""

from __future__ import annotations

from deskmind.observability import names
from deskmind.observability._instrument import REQUEST_SECONDS, STEP_SECONDS, Instrument, Label
from deskmind.observability.instruments._labels import CODE, OUTCOME

__all__ = [
    "API_REFUSED",
    "HTTP_ACTIVE",
    "HTTP_DURATION",
    "MCP_CALL_DURATION",
    "MCP_SESSIONS",
    "OPERATION_DURATION",
]

_METHOD = Label(
    "http.request.method",
    f"{CODE}; else _OTHER",
    ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "_OTHER"),
)

HTTP_DURATION = Instrument(
    "http.server.request.duration",
    "histogram",
    "s",
    "HTTP requests, from the first byte to the last",
    (
        _METHOD,
        Label("http.route", "the templates of the routes; unmatched for paths that have none", most=160),
        Label("http.response.status_code", "what the service answers", most=25),
    ),
    REQUEST_SECONDS,
)
HTTP_ACTIVE = Instrument(
    "http.server.active_requests", "up_down_counter", "{request}", "HTTP requests under way", (_METHOD,)
)
API_REFUSED = Instrument(
    "deskmind.api.refused",
    "counter",
    "{request}",
    "requests that a limit did not admit: of the tenant, the user, the key, of refused credentials, or of requests at once",
    (Label("deskmind.limit", CODE, ("tenant", "user", "key", "refused", "load")),),
)
MCP_CALL_DURATION = Instrument(
    "deskmind.mcp.call.duration",
    "histogram",
    "s",
    "calls of tools by clients of the Model Context Protocol; of one that asks a person, each message",
    (
        Label("deskmind.mcp.tool", "the tools of the code", most=30),
        Label("deskmind.outcome", CODE, ("ok", "refused", "error", "asked", "cancelled")),
    ),
    REQUEST_SECONDS,
)
MCP_SESSIONS = Instrument(
    "deskmind.mcp.sessions",
    "up_down_counter",
    "{session}",
    "sessions of clients of the Model Context Protocol",
)
OPERATION_DURATION = Instrument(
    "deskmind.operation.duration",
    "histogram",
    "s",
    "public operations, whoever calls them",
    (
        Label(
            names.DESKMIND_OPERATION, "the table of permissions and the registered jobs; else other", most=60
        ),
        OUTCOME,
    ),
    STEP_SECONDS,
)
