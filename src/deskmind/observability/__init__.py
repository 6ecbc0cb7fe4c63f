"""Correlation ids, JSON logs and spans: what every operation leaves behind.

``configure_logging()`` once in a process, ``logger(name)`` a module, ``observed(name)`` around each public
operation, ``span(name)`` around the steps that matter inside. Every line carries the correlation id and the
ids of the trace; secrets are masked, people are pseudonyms, exceptions appear by type, code and place.
Without an OpenTelemetry SDK spans cost next to nothing. ``names`` holds the attribute names. ``telling(kind)`` records
the steps and facts of one request for ``deskmind explain``; ``note(kind, …)`` adds a fact.
"""

from deskmind.observability import names
from deskmind.observability.correlation import (
    accept_correlation_id,
    correlation,
    correlation_id,
    new_correlation_id,
)
from deskmind.observability.logs import bind, configure_logging, logger
from deskmind.observability.masking import masked, pseudonym, use_pseudonym_key
from deskmind.observability.operations import Observation, observed
from deskmind.observability.story import Story, StorySink, note, telling
from deskmind.observability.tracing import span

__all__ = [
    "Observation",
    "Story",
    "StorySink",
    "accept_correlation_id",
    "bind",
    "configure_logging",
    "correlation",
    "correlation_id",
    "logger",
    "masked",
    "names",
    "new_correlation_id",
    "note",
    "observed",
    "pseudonym",
    "span",
    "telling",
    "use_pseudonym_key",
]
