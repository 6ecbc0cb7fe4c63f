"""The current span of OpenTelemetry's context, found and set without the checks of its API: every line and statement asks."""

from __future__ import annotations

from typing import cast

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span

__all__ = ["current_span", "with_span"]

(_KEY,) = trace.set_span_in_context(INVALID_SPAN, Context())
"""Under which the API keeps it."""
_MOST_KINDS = 20
_spans: set[type] = set()
"""Kinds of spans that were seen: asking an abstract class costs more than the rest."""


def current_span(context: Context | None = None) -> Span:
    """As ``trace.get_current_span``.

    Args:
        context: of which; the current one by default.
    """
    found = (contexts.get_current() if context is None else context).get(_KEY)
    if type(found) in _spans:
        return cast("Span", found)
    if not isinstance(found, Span):
        return INVALID_SPAN
    if len(_spans) < _MOST_KINDS:
        _spans.add(type(found))
    return found


def with_span(span: Span, context: Context) -> Context:
    """As ``trace.set_span_in_context``."""
    made = Context(context)
    dict[str, object].__setitem__(made, _KEY, span)
    return made
