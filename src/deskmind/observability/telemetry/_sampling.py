"""Which traces are kept: a share of all, and of the others those that failed or were slow.

The share is decided when a trace begins, by its id, so that every process decides alike; failures and slowness show only
at the end, so the spans of a trace without a place in the share are held until its last local root has ended.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from deskmind.observability.telemetry._outbox import Outbox, Sized, sized
from deskmind.observability.telemetry._spans import LightSpan

__all__ = ["TailSampler"]

_MOST_DECIDED = 4_096


@dataclass(slots=True)
class _Held:
    """Spans of one trace that wait for the decision."""

    open_roots: int = 0
    keep: bool = False
    spans: list[Sized] = field(default_factory=list[Sized])
    size: int = 0


class TailSampler:
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

    def begun(self, root: LightSpan) -> None:
        """A local root begins."""
        if root.sampled:
            return
        with self._lock:
            held = self._held.get(root.trace_id)
            if held is None:
                held = self._held[root.trace_id] = _Held()
            held.open_roots += 1
            if len(self._held) > self._most_traces:
                self._shrink()

    def ended(self, span: LightSpan) -> None:
        """A span has ended."""
        if span.sampled:
            self._outbox.put((sized(span),))
            return
        with self._lock:
            held = self._held.get(span.trace_id)
            if held is None or not self._is_last_unwanted(held, span):
                self._hold(held, span)
                if self._is_full():
                    self._shrink()
                return
            del self._held[span.trace_id]  # nearly always
            self._spans -= len(held.spans)
            self._bytes -= held.size
            self._remember(span.trace_id, keep=False)

    def _is_last_unwanted(self, held: _Held, span: LightSpan) -> bool:
        """Whether it ends a trace that nobody wants."""
        return (
            span.local_root
            and held.open_roots <= 1
            and not (held.keep or span.failed or span.ended - span.started > self._slow)
        )

    def _hold(self, held: _Held | None, span: LightSpan) -> None:
        if held is None:  # its root has ended, or it was decided early for want of room
            if span.failed or self._decided.get(span.trace_id, False):
                self._outbox.put((sized(span),))
            return
        worth = span.failed or (span.local_root and span.ended - span.started > self._slow)
        held.keep = held.keep or worth
        if len(held.spans) < self._most_of_trace or span.local_root or worth:
            item = sized(span)
            held.spans.append(item)
            held.size += item[1]
            self._spans += 1
            self._bytes += item[1]
        else:
            self._outbox.drop(1)
        if span.local_root:
            held.open_roots -= 1
            if held.open_roots <= 0:
                self._decide(span.trace_id)

    def _decide(self, trace_id: int) -> None:
        held = self._held.pop(trace_id)
        self._spans -= len(held.spans)
        self._bytes -= held.size
        self._remember(trace_id, keep=held.keep)
        if held.keep:
            self._outbox.put(held.spans)

    def _remember(self, trace_id: int, *, keep: bool) -> None:
        self._decided[trace_id] = keep
        if len(self._decided) > _MOST_DECIDED:
            self._decided.popitem(last=False)

    def _is_full(self) -> bool:
        spans, size = self._most
        return len(self._held) > self._most_traces or self._spans > spans or self._bytes > size

    def _shrink(self) -> None:
        while self._is_full():
            self._decide(next(iter(self._held)))
