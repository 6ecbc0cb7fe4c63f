"""Calls of models: what they take, what they cost, what holds them back."""

from __future__ import annotations

from deskmind.observability import names
from deskmind.observability._instrument import MODEL_SECONDS, OTHER, STEP_SECONDS, TOKENS, Instrument, Label
from deskmind.observability.instruments._labels import CODE, OUTCOME

__all__ = [
    "ATTEMPTS",
    "BREAKER",
    "BUDGET_USED",
    "CALL_DURATION",
    "CALL_FIRST_CHUNK",
    "CALL_TOKENS",
    "COST",
    "LEDGER_BACKLOG",
    "LEDGER_FLUSH",
]

_MODEL = Label(names.REQUEST_MODEL, "the names under [models]", most=10)
_DEPLOYMENT = Label(
    "deskmind.deployment", "the deployments of [models]; empty when none was reached", most=21
)
_FEATURE = Label("deskmind.feature", "Deskmind's own and those of telemetry.features; else other", most=17)
_OPERATION = Label(names.OPERATION_NAME, CODE, ("chat", "embeddings", "rerank"))
_ERROR = Label(names.ERROR_TYPE, "codes of the error tree; else other; empty without an error", most=40)

CALL_DURATION = Instrument(
    names.CLIENT_OPERATION_DURATION,
    "histogram",
    "s",
    "calls of models, with all their attempts",
    (_OPERATION, _MODEL, _DEPLOYMENT, _FEATURE, _ERROR),
    MODEL_SECONDS,
)
CALL_FIRST_CHUNK = Instrument(
    names.CLIENT_TIME_TO_FIRST_CHUNK,
    "histogram",
    "s",
    "until the first piece of a streamed reply",
    (_OPERATION, _MODEL, _DEPLOYMENT, _FEATURE),
    MODEL_SECONDS,
)
CALL_TOKENS = Instrument(
    names.CLIENT_TOKEN_USAGE,
    "histogram",
    "{token}",
    "tokens of a call",
    (
        _OPERATION,
        _MODEL,
        _DEPLOYMENT,
        _FEATURE,
        Label(names.TOKEN_TYPE, CODE, ("input", "output", "cached", "reasoning")),
    ),
    TOKENS,
)
COST = Instrument(
    names.COST,
    "counter",
    "usd",
    "US dollars of the calls whose price is known; the ledger's sum",
    (
        _MODEL,
        _DEPLOYMENT,
        _FEATURE,
        Label(
            names.TENANT, "telemetry.tenant_label: absent, all ids, or telemetry.tenant_top of them", most=21
        ),
    ),
)
ATTEMPTS = Instrument(
    "deskmind.gateway.attempts",
    "counter",
    "{attempt}",
    "tries of deployments",
    (
        _DEPLOYMENT,
        Label(
            "deskmind.outcome",
            CODE,
            (
                "ok",
                "skipped",
                "cancelled",
                "rate-limited",
                "context-too-long",
                "content-filtered",
                "provider-authentication",
                "model-timeout",
                "stream-broken",
                "model-request",
                "model-unavailable",
                OTHER,
            ),
        ),
    ),
)
BREAKER = Instrument(
    "deskmind.gateway.breaker.state",
    "gauge",
    "",
    "a deployment's circuit breaker: 0 closed, 1 half open, 2 open",
    (_DEPLOYMENT,),
    across="max",
    observed=True,
)
BUDGET_USED = Instrument(
    "deskmind.budget.used_ratio",
    "gauge",
    "1",
    "share of the limit that is taken in the current window, of the fullest counter of a budget",
    (
        Label(
            "deskmind.budget", "the names under [budgets]; tenants for all budgets that tenants set", most=11
        ),
        Label("deskmind.window", CODE, ("minute", "day", "month")),
        Label("deskmind.unit", CODE, ("usd", "tokens")),
    ),
    across="max",
    observed=True,
)
LEDGER_BACKLOG = Instrument(
    "deskmind.ledger.backlog", "gauge", "{row}", "rows of the ledger that are not yet written", observed=True
)
LEDGER_FLUSH = Instrument(
    "deskmind.ledger.flush.duration",
    "histogram",
    "s",
    "writing a batch of rows to the ledger",
    (OUTCOME,),
    STEP_SECONDS,
)
