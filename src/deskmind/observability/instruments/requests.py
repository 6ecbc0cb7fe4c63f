"""What a service is asked, and the public operations, whoever calls them."""

from __future__ import annotations

from deskmind.observability import names
from deskmind.observability._instrument import REQUEST_SECONDS, STEP_SECONDS, Instrument, Label
from deskmind.observability.instruments._labels import CODE, OUTCOME

__all__ = ["API_REFUSED", "HTTP_ACTIVE", "HTTP_DURATION", "OPERATION_DURATION"]

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
