"""Metrics of model calls, by the OpenTelemetry API; they cost next to nothing until an SDK is installed."""

from __future__ import annotations

from opentelemetry import metrics

from deskmind.gateway.ledger import UsageEntry
from deskmind.observability import names

__all__ = ["measure"]

_meter = metrics.get_meter("deskmind")
_duration = _meter.create_histogram(
    names.CLIENT_OPERATION_DURATION, unit="s", description="duration of model calls"
)
_first = _meter.create_histogram(
    names.CLIENT_TIME_TO_FIRST_CHUNK, unit="s", description="time to the first piece of streamed replies"
)
_tokens = _meter.create_histogram(
    names.CLIENT_TOKEN_USAGE, unit="{token}", description="tokens of model calls"
)
_cost = _meter.create_counter(names.COST, unit="usd", description="cost of model calls")


def measure(entry: UsageEntry) -> None:
    """Record one call. Labels are the model's and deployment's configured names and the feature: bounded."""
    labels: dict[str, str] = {
        names.OPERATION_NAME: entry.intent.operation,
        names.REQUEST_MODEL: entry.intent.model,
        "deskmind.deployment": entry.deployment,
        "deskmind.feature": entry.intent.caller.feature,
    }
    if entry.error:
        labels = {**labels, names.ERROR_TYPE: entry.error}
    _duration.record(entry.seconds, labels)
    if entry.first_token_seconds is not None:
        _first.record(entry.first_token_seconds, labels)
    if entry.usage.input_tokens:
        _tokens.record(entry.usage.input_tokens, {**labels, names.TOKEN_TYPE: "input"})
    if entry.usage.output_tokens:
        _tokens.record(entry.usage.output_tokens, {**labels, names.TOKEN_TYPE: "output"})
    if entry.cost:
        _cost.add(float(entry.cost), labels)
