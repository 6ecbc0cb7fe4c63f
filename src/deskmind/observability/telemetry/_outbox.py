"""Finished spans on their way out: gathered in a bounded queue, exported by a thread.

Whoever puts spans here never waits. While the collector does not take them the queue fills up to its bounds, then the
oldest are dropped and counted; one warning says so, and one line that it is over.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from deskmind.observability.instruments import TELEMETRY_DROPPED, TELEMETRY_FAILING, counter
from deskmind.observability.logs import logger
from deskmind.observability.metering import Sources, labels
from deskmind.observability.telemetry._spans import LightSpan

__all__ = ["Exporter", "Outbox", "OutboxCounts", "Sized", "sized"]

_TRACES = labels({"deskmind.signal": "traces"})
_log = logger("deskmind.telemetry")
_lost = counter(TELEMETRY_DROPPED)
_BASE_BYTES = 400
_FEWEST_OFFERS = 3
_MOST_DOUBLINGS = 5

Sized = tuple[LightSpan, int]
"""A finished span and roughly its size in bytes."""


class Exporter(Protocol):
    """Sends spans somewhere."""

    def export(self, spans: list[LightSpan]) -> bool:
        """Send a batch; whether it was taken. May block up to its timeout, and raise anything."""
        ...

    def shutdown(self) -> None:
        """End, and make a running export end soon."""
        ...


@dataclass(frozen=True, slots=True)
class OutboxCounts:
    """Spans since the start: exported, dropped, and now waiting (with their bytes)."""

    exported: int
    dropped: int
    waiting: int
    waiting_bytes: int


class Outbox:
    """The queue and its thread.

    Args:
        exporter: sends one batch at a time.
        destination: what a warning names.
        most_spans: bound of the queue.
        most_bytes: bound of the queue, in bytes as ``sized`` counts them.
        batch_spans: most spans in one export.
        batch_bytes: most bytes in one export, unless a single span is larger.
        interval: seconds that spans gather; also the wait after a failure, doubled up to 32 times as long.
        patience: seconds that a batch is offered, at least three times: one that the collector can never take must not
            block those behind it.
    """

    def __init__(
        self,
        exporter: Exporter,
        destination: str,
        *,
        most_spans: int = 4_096,
        most_bytes: int = 8 * 2**20,
        batch_spans: int = 512,
        batch_bytes: int = 2 * 2**20,
        interval: float = 1.0,
        patience: float = 60.0,
    ) -> None:
        self._exporter = exporter
        self._destination = destination
        self._most = (most_spans, most_bytes)
        self._batch = (batch_spans, batch_bytes)
        self._interval = interval
        self._patience = patience
        self._queue: deque[Sized] = deque()
        self._bytes = 0
        self._exported = self._dropped = 0
        self._failures = 0
        self._failing_since = 0.0
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._idle = threading.Condition(self._lock)
        self._in_hand = 0
        self._flushing = 0
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="span-export", daemon=True)
        self._thread.start()
        _outboxes.add(self)

    @property
    def failing(self) -> bool:
        """Whether the collector did not take what it was last offered."""
        return self._failures > 0 and not self._closed

    def put(self, spans: Sequence[Sized]) -> None:
        """Take finished spans; the oldest make room when there is none."""
        with self._lock:
            for item in spans:
                self._queue.append(item)
                self._bytes += item[1]
            self._shrink()
            enough = len(self._queue) >= self._batch[0] or self._bytes >= self._batch[1]
        if enough and not self._failures:
            self._wake.set()

    def drop(self, count: int) -> None:
        """Count spans that were lost before they came here."""
        with self._lock:
            self._lose(count)

    def counts(self) -> OutboxCounts:
        """How it stands."""
        with self._lock:
            return OutboxCounts(self._exported, self._dropped, len(self._queue) + self._in_hand, self._bytes)

    def flush(self, timeout: float) -> bool:
        """Export what is there now; whether that was possible within ``timeout`` seconds."""
        with self._idle:
            self._flushing += 1
            self._wake.set()
            try:
                return self._idle.wait_for(lambda: not self._queue and not self._in_hand, timeout)
            finally:
                self._flushing -= 1

    def close(self, timeout: float) -> None:
        """Export what is there, for at most ``timeout`` seconds, and end; what is left is dropped."""
        self._closing.set()
        self._wake.set()
        self._thread.join(timeout)
        self._exporter.shutdown()
        with self._lock:
            self._closed = True
            self._lose(len(self._queue) + self._in_hand)
            self._queue.clear()
            self._bytes = self._in_hand = 0

    def _shrink(self) -> None:
        spans, size = self._most
        before = len(self._queue)
        while self._queue and (len(self._queue) > spans or self._bytes > size):
            self._bytes -= self._queue.popleft()[1]
        self._lose(before - len(self._queue))

    def _lose(self, count: int) -> None:
        if count:
            self._dropped += count
            _lost.add(count, _TRACES)

    def _work(self) -> None:
        while not self._closing.is_set():
            self._wake.wait(self._interval)
            self._wake.clear()
            self._empty()
        self._empty()

    def _empty(self) -> None:
        """Export what is there; what comes in the meantime gathers, or each request's few spans would travel alone."""
        there = len(self._queue)
        while (there > 0 or self._pressing()) and (batch := self._take()):
            there -= len(batch)
            sent = self._offer(batch)
            with self._idle:
                if self._closed:  # they were given up, and counted
                    return
                self._in_hand = 0
                if sent:
                    self._exported += len(batch)
                else:
                    self._lose(len(batch))
                self._idle.notify_all()
            if self._closing.is_set() and not sent:
                return

    def _pressing(self) -> bool:
        return self._closing.is_set() or self._flushing > 0 or len(self._queue) >= self._batch[0]

    def _offer(self, batch: list[LightSpan]) -> bool:
        begun, offers = time.monotonic(), 1
        while not self._export(batch):
            given_up = offers >= _FEWEST_OFFERS and time.monotonic() - begun >= self._patience
            if given_up or not self._wait():
                return False
            offers += 1
        return True

    def _take(self) -> list[LightSpan]:
        batch: list[LightSpan] = []
        size = 0
        with self._lock:
            while self._queue and len(batch) < self._batch[0]:
                span, bytes_of = self._queue[0]
                if batch and size + bytes_of > self._batch[1]:
                    break
                self._queue.popleft()
                self._bytes -= bytes_of
                size += bytes_of
                batch.append(span)
            self._in_hand = len(batch)
        return batch

    def _export(self, batch: list[LightSpan]) -> bool:
        try:
            sent = self._exporter.export(batch)
        except Exception:  # whatever an exporter may do, the process is not to suffer from it
            sent = False
        if not sent:
            self._failed()
        elif self._failures:
            self._recovered()
        return sent

    def _failed(self) -> None:
        self._failures += 1
        if self._failures == 1:
            self._failing_since = time.monotonic()
            _log.warning("telemetry.export_failing", destination=self._destination)

    def _recovered(self) -> None:
        self._failures = 0
        seconds = round(time.monotonic() - self._failing_since, 1)
        _log.info(
            "telemetry.export_recovered",
            destination=self._destination,
            seconds=seconds,
            dropped=self._dropped,
        )

    def _wait(self) -> bool:
        """Wait before the batch is offered again; False when it is not to be."""
        return not self._closing.wait(self._interval * 2 ** min(self._failures - 1, _MOST_DOUBLINGS))


_outboxes: Sources[Outbox] = Sources()
_outboxes.show(TELEMETRY_FAILING, lambda outbox: [(float(outbox.failing), _TRACES)])


def sized(span: LightSpan) -> Sized:
    """A span with roughly the bytes it holds."""
    size = _BASE_BYTES + 64 * len(span.attributes)
    for value in span.attributes.values():
        if isinstance(value, str):
            size += len(value)
    for name, attributes, _ in span.events:
        size += 200 + len(name) + sum(64 + len(str(value)) for value in attributes.values())
    return span, size
