"""Traces across processes: W3C ``traceparent`` and ``tracestate`` in and out.

What comes in is a stranger's: anything but the exact form, or longer than its bounds, is as if nothing had come.
"""

from __future__ import annotations

import re

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState

__all__ = ["TRACEPARENT", "TRACESTATE", "incoming", "outgoing"]

TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"

_FORM = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?P<later>-.*)?")
_LONGEST_PARENT = 256
_LONGEST_STATE = 512


def incoming(parent: str, state: str = "") -> Context | None:
    """The context that a caller's headers name, None when they name none.

    Args:
        parent: ``traceparent``, W3C Trace Context level 1 or later, at most 256 characters.
        state: ``tracestate``; dropped when it is longer than 512 characters or not well formed.
    """
    found = _FORM.fullmatch(parent) if len(parent) <= _LONGEST_PARENT else None
    if found is None or (found["later"] and parent.startswith("00")):
        return None
    trace_id, span_id = int(found[1], 16), int(found[2], 16)
    if not trace_id or not span_id:
        return None
    flags = TraceFlags(int(found[3], 16) & TraceFlags.SAMPLED)
    vendors = TraceState.from_header([state]) if 0 < len(state) <= _LONGEST_STATE else TraceState()
    context = SpanContext(trace_id, span_id, is_remote=True, trace_flags=flags, trace_state=vendors)
    return trace.set_span_in_context(NonRecordingSpan(context), Context())


def outgoing() -> dict[str, str]:
    """Headers that continue the current trace elsewhere; empty outside of any."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    flags = context.trace_flags & TraceFlags.SAMPLED
    headers = {TRACEPARENT: f"00-{context.trace_id:032x}-{context.span_id:016x}-{flags:02x}"}
    if context.trace_state:
        headers[TRACESTATE] = context.trace_state.to_header()
    return headers
