"""Spans through the OpenTelemetry API; free of cost until an SDK is installed."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from deskmind.errors import DeskmindError

__all__ = ["span"]

_tracer = trace.get_tracer("deskmind")


@contextmanager
def span(
    name: str, *, kind: SpanKind = SpanKind.INTERNAL, **attributes: str | int | float | bool
) -> Generator[Span]:
    """A span around a piece of work. Errors leave their type and code on it, never their text."""
    with _tracer.start_as_current_span(
        name, kind=kind, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield current
        except BaseException as error:
            current.set_attribute("error.type", error.code if isinstance(error, DeskmindError) else type(error).__name__)
            current.set_status(Status(StatusCode.ERROR))
            raise
