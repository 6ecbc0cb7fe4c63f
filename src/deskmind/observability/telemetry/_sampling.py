"""Which traces are kept: a share of all, and of the others those that failed or were slow.

The share is decided when a trace begins, so that every process decides alike; failures and slowness show only at the
end, so the spans of a trace without a place in the share are held until its last local root has ended. A local root is
a span whose parent is in another process, or nowhere.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, StatusCode, TraceState
from opentelemetry.util.types import Attributes

from deskmind.observability.telemetry._outbox import Outbox, Sized, sized

__all__ = ["HeadSampler", "TailSampler"]

_RANDOM_BITS = (1 << 56) - 1
_MOST_DECIDED = 4_096


class HeadSampler(Sampler):
    """Samples a share of the traces by their id, and follows the parent where there is one; records all.

    Args:
        ratio: 0 to 1.
    """

    def __init__(self, ratio: float) -> None:
        self._below = round(ratio * (_RANDOM_BITS + 1))

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """The decision on one span."""
        parent = trace.get_current_span(parent_context).get_span_context()
        sampled = parent.trace_flags.sampled if parent.is_valid else (trace_id & _RANDOM_BITS) < self._below
        decision = Decision.RECORD_AND_SAMPLE if sampled else Decision.RECORD_ONLY
        return SamplingResult(decision, attributes, parent.trace_state if parent.is_valid else None)

    def get_description(self) -> str:
        """For people."""
        return "DeskmindHeadSampler"


@dataclass(slots=True)
class _Held:
    """Spans of one trace that wait for the decision."""

    open_roots: int = 0
    keep: bool = False
    spans: list[Sized] = field(default_factory=list[Sized])
    size: int = 0


class TailSampler(SpanProcessor):
    """Passes on what is sampled, and holds the rest of each trace until it is known whether it is worth keeping.

    Args:
        outbox: where kept spans go.
        slow_seconds: a trace with a local root that took longer is kept.
        most_traces: traces held at once; beyond, the oldest is decided by what is known of it.
        most_spans: spans held at once, likewise.
        most_bytes: bytes held at once, likewise.
        most_of_trace: spans held of one trace; further ones are dropped, unless they are roots or failed.
    """

    def __init__(
        self,
        outbox: Outbox,
        *,
        slow_seconds: float,
        most_traces: int = 10_000,
        most_spans: int = 20_000,
        most_bytes: int = 16 * 2**20,
        most_of_trace: int = 1_000,
    ) -> None:
        self._outbox = outbox
        self._slow = int(slow_seconds * 1e9)
        self._most_traces = most_traces
        self._most = (most_spans, most_bytes)
        self._most_of_trace = most_of_trace
        self._held: OrderedDict[int, _Held] = OrderedDict()
        self._decided: OrderedDict[int, bool] = OrderedDict()
        self._spans = self._bytes = 0
        self._lock = threading.Lock()

    @property
    def held(self) -> tuple[int, int, int]:
        """Traces, spans and bytes held now."""
        with self._lock:
            return len(self._held), self._spans, self._bytes

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """A span begins."""
        context = span.get_span_context()
        if context.trace_flags.sampled or not _is_root(span):
            return
        with self._lock:
            self._of(context.trace_id).open_roots += 1
            self._shrink()

    def on_end(self, span: ReadableSpan) -> None:
        """A span has ended."""
        context = span.context
        if context is None:
            return
        if context.trace_flags.sampled:
            self._outbox.put((sized(span),))
            return
        with self._lock:
            self._hold(context.trace_id, span)
            self._shrink()

    def _on_ending(self, span: Span) -> None:
        """Nothing; the method is spelled out because the one inherited costs a call all the same."""

    def shutdown(self) -> None:
        """Nothing to close: the outbox is closed by whoever made it."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Export what is decided."""
        return self._outbox.flush(timeout_millis / 1000)

    def _of(self, trace_id: int) -> _Held:
        held = self._held.get(trace_id)
        if held is None:
            held = self._held[trace_id] = _Held()
        return held

    def _hold(self, trace_id: int, span: ReadableSpan) -> None:
        worth = span.status.status_code is StatusCode.ERROR
        held = self._held.get(trace_id)
        if held is None:  # its root has ended, or it was decided early for want of room
            self._pass([sized(span)], worth or self._decided.get(trace_id, False))
            return
        root = _is_root(span)
        worth = worth or (root and (span.end_time or 0) - (span.start_time or 0) > self._slow)
        held.keep = held.keep or worth
        if len(held.spans) < self._most_of_trace or root or worth:
            item = sized(span)
            held.spans.append(item)
            held.size += item[1]
            self._spans += 1
            self._bytes += item[1]
        else:
            self._outbox.drop(1)
        if root:
            held.open_roots -= 1
            if held.open_roots <= 0:
                self._decide(trace_id)

    def _decide(self, trace_id: int) -> None:
        held = self._held.pop(trace_id)
        self._spans -= len(held.spans)
        self._bytes -= held.size
        self._decided[trace_id] = held.keep
        if len(self._decided) > _MOST_DECIDED:
            self._decided.popitem(last=False)
        self._pass(held.spans, held.keep)

    def _pass(self, spans: list[Sized], keep: bool) -> None:
        if keep:
            self._outbox.put(spans)

    def _shrink(self) -> None:
        spans, size = self._most
        while len(self._held) > self._most_traces or self._spans > spans or self._bytes > size:
            self._decide(next(iter(self._held)))


def _is_root(span: ReadableSpan) -> bool:
    return span.parent is None or span.parent.is_remote
