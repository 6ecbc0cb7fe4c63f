"""Metrics of model calls, by the OpenTelemetry API; they cost next to nothing until a meter provider is set."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Literal, get_args

from deskmind.errors import DeskmindError
from deskmind.gateway.ledger import UsageEntry
from deskmind.gateway.messages import Attempt
from deskmind.gateway.providers.failures import Cause
from deskmind.observability import names
from deskmind.observability.instruments import (
    ATTEMPTS,
    CALL_DURATION,
    CALL_FIRST_CHUNK,
    CALL_TOKENS,
    COST,
    OTHER,
    counter,
    histogram,
)
from deskmind.observability.metering import Bounded, Labels, TenantLabel, labels

__all__ = ["measure", "measure_cost", "use_call_labels"]

_FEATURES = ("chat", "answer", "embed", "rerank", "openai", "probe")
_OUTCOMES = frozenset({"ok", "skipped", "cancelled", *get_args(Cause)})
_MOST_KINDS = 4_000

_duration = histogram(CALL_DURATION)
_first = histogram(CALL_FIRST_CHUNK)
_tokens = histogram(CALL_TOKENS)
_cost = counter(COST)
_attempts = counter(ATTEMPTS)


class _CallLabels:
    """The label sets of calls, made once for each kind of call."""

    def __init__(self, features: Iterable[str], tenant: TenantLabel) -> None:
        self._features = Bounded(0, known=(*_FEATURES, *features))
        self._tenant = tenant
        self._kinds: dict[tuple[str, str, str, str, str], _Kind] = {}
        self._costs: dict[tuple[str, str, str, str], Labels] = {}

    def kind(self, entry: UsageEntry) -> _Kind:
        """Those of a call."""
        intent = entry.intent
        key = (intent.operation, intent.model, entry.deployment, intent.caller.feature, entry.error)
        return self._kinds.get(key) or self._made(key)

    def cost(self, entry: UsageEntry) -> Labels:
        """That of its cost."""
        intent = entry.intent
        feature = self._features(intent.caller.feature)
        tenant = "" if self._tenant.off else self._tenant(str(intent.caller.tenant_id))
        key = (intent.model, entry.deployment, feature, tenant)
        found = self._costs.get(key)
        if found is None:
            found = self._costs[key] = _cost_labels(*key)
        return found

    def _made(self, key: tuple[str, str, str, str, str]) -> _Kind:
        operation, model, deployment, feature, error = key
        made = _Kind(operation, model, deployment, self._features(feature), _error(error))
        if len(self._kinds) < _MOST_KINDS:  # features are a caller's words
            self._kinds[key] = made
        return made


class _Kind:
    """The label sets of one kind of call."""

    __slots__ = ("ended", "first", "tokens")

    def __init__(self, operation: str, model: str, deployment: str, feature: str, error: str) -> None:
        common = {
            names.OPERATION_NAME: operation,
            names.REQUEST_MODEL: model,
            "deskmind.deployment": deployment,
            "deskmind.feature": feature,
        }
        self.first = labels(common)
        self.ended = labels({**common, names.ERROR_TYPE: error} if error else common)
        self.tokens = {
            kind: labels({**common, names.TOKEN_TYPE: kind})
            for kind in ("input", "output", "cached", "reasoning")
        }


_call_labels = _CallLabels((), TenantLabel("off"))


def use_call_labels(
    *, features: Iterable[str] = (), tenant_label: Literal["off", "id", "top"] = "off", tenant_top: int = 20
) -> None:
    """Say which features and tenants have series of their own in this process.

    Args:
        features: beside Deskmind's own.
        tenant_label: on the cost: ``off`` for none, ``id`` for every tenant, ``top`` for the busiest ones.
        tenant_top: how many those are.
    """
    global _call_labels  # noqa: PLW0603
    _call_labels = _CallLabels(features, TenantLabel(tenant_label, tenant_top))


def measure(entry: UsageEntry, attempts: Iterable[Attempt] = ()) -> None:
    """Record one call as it ended, and its attempts."""
    kind = _call_labels.kind(entry)
    usage = entry.usage
    _duration.record(entry.seconds, kind.ended)
    if entry.first_token_seconds is not None:
        _first.record(entry.first_token_seconds, kind.first)
    for name, count in (
        ("input", usage.input_tokens),
        ("output", usage.output_tokens),
        ("cached", usage.cached_tokens),
        ("reasoning", usage.reasoning_tokens),
    ):
        if count:
            _tokens.record(count, kind.tokens[name])
    measure_cost(entry)
    for attempt in attempts:
        _attempts.add(1, _attempt_labels(attempt.deployment, attempt.outcome))


def measure_cost(entry: UsageEntry) -> None:
    """Add a call's cost to the sum of the ledger."""
    if entry.cost:
        _cost.add(float(entry.cost), _call_labels.cost(entry))


def _cost_labels(model: str, deployment: str, feature: str, tenant: str) -> Labels:
    values = {names.REQUEST_MODEL: model, "deskmind.deployment": deployment, "deskmind.feature": feature}
    return labels({**values, names.TENANT: tenant} if tenant else values)


@cache
def _attempt_labels(deployment: str, outcome: str) -> Labels:
    known = outcome if outcome in _OUTCOMES else OTHER
    return labels({"deskmind.deployment": deployment, "deskmind.outcome": known})


def _error(code: str) -> str:
    return code if not code or code in _codes() else OTHER


@cache
def _codes() -> frozenset[str]:
    """Of the error tree, and what the ledger says of calls that were left or never settled."""
    found = {"cancelled", "unsettled", "ledger", "error"}
    waiting: list[type[DeskmindError]] = [DeskmindError]
    while waiting:
        each = waiting.pop()
        found.add(each.code)
        waiting += each.__subclasses__()
    return frozenset(found)
