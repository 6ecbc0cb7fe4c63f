"""Correlation ids, JSON logs and spans: what every operation leaves behind."""

from deskmind.observability.correlation import (
    accept_correlation_id,
    correlation,
    correlation_id,
    new_correlation_id,
)
from deskmind.observability.logs import bind, configure_logging, logger, pseudonym
from deskmind.observability.operations import observed
from deskmind.observability.tracing import span

__all__ = [
    "accept_correlation_id",
    "bind",
    "configure_logging",
    "correlation",
    "correlation_id",
    "logger",
    "new_correlation_id",
    "observed",
    "pseudonym",
    "span",
]
