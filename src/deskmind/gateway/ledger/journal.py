"""A ledger that survives the death of its process: intents in a journal on disk, entries in batches to a sink.

An intent is appended and synced before its call is sent; calls that start together share one sync. Entries go to the
sink a few times a second; a journal segment is removed when all its calls are in the sink. Each process has a journal of
its own, held by a lock. Whoever finds one that nobody holds replays it: what had ended goes to the sink, what had not
stands there as unsettled with its reserved maximum. The sink takes an entry any number of times and keeps it once.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import json
import os
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, Protocol
from uuid import UUID, uuid4

from deskmind.ending import ended
from deskmind.errors import DeskmindError, StorageFullError, UnavailableError
from deskmind.gateway.ledger.entry import Intent, UsageEntry
from deskmind.gateway.ledger.records import entry_of, entry_record, intent_fields, intent_of, intent_record
from deskmind.observability import logger
from deskmind.observability.instruments import LEDGER_BACKLOG, LEDGER_FLUSH, histogram
from deskmind.observability.metering import Labels, Sources, labels

__all__ = ["Durability", "JournalLedger", "Sink"]

Durability = Literal["disk", "process"]
"""``disk``: an intent survives the loss of power. ``process``: it survives the death of the process only."""

_SEGMENT_BYTES = 4 * 2**20
_MOST_BACKLOG = 200_000
_SLOW_SYNC = 0.001
_GATHER_SECONDS = 0.005
_QUIET_PASSES = 2
_log = logger("deskmind.ledger")
_flush = histogram(LEDGER_FLUSH)
_WRITTEN, _NOT_WRITTEN = labels({"deskmind.outcome": "ok"}), labels({"deskmind.outcome": "error"})


class Sink(Protocol):
    """Where entries end up."""

    async def write(self, records: Sequence[bytes]) -> None:
        """Store entries, given as lines of the journal (see ``records``); those that are there already are left alone."""
        ...

    async def close(self) -> None:
        """Return connections."""
        ...


class _Segment:
    """One file of the journal, and how many of its calls the sink does not have yet."""

    __slots__ = ("file", "open", "path", "size")

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self.size = 0
        self.open = 0

    def remove(self) -> None:
        os.close(self.file)
        self.path.unlink(missing_ok=True)


class JournalLedger:
    """See the module. Enter with ``start``; ``close`` writes everything.

    Args:
        folder: the journal volume; private, on a local disk.
        sink: where entries go.
        durability: what an intent survives.
        flush_seconds: time between batches.
        scan_seconds: time between looks for journals of dead processes.
    """

    def __init__(
        self,
        folder: Path,
        sink: Sink,
        *,
        durability: Durability = "disk",
        flush_seconds: float = 0.2,
        scan_seconds: float = 15.0,
    ) -> None:
        self._folder = folder
        self._sink = sink
        self._sync = durability == "disk"
        self._flush_seconds = flush_seconds
        self._scan_seconds = scan_seconds
        self._owner = f"{os.getpid()}-{uuid4().hex[:12]}"
        self._lock_file = -1
        self._number = 0
        self._segment: _Segment | None = None
        self._intents: dict[UUID, tuple[_Segment, str]] = {}
        self._settled: list[tuple[bytes, tuple[_Segment, ...]]] = []
        self._lines: list[bytes] = []
        self._commit: list[asyncio.Future[None]] = []
        self._syncing = _syncing_thread()
        self._usual_sync = 0.0
        self._under_way = False
        self._flushing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._problem: str | None = None
        _ledgers.add(self)

    @property
    def backlog(self) -> int:
        """Entries the sink does not have yet."""
        return len(self._settled)

    @property
    def problem(self) -> str | None:
        """Why the sink does not take entries; None when it does."""
        return self._problem

    async def start(self) -> None:
        """Take the journal, replay those of dead processes, begin writing.

        Raises:
            UnavailableError: the folder cannot be written.
        """
        try:
            self._folder.mkdir(exist_ok=True, mode=0o700)  # not its parents: a home that was removed stays so
            self._lock_file = os.open(
                self._folder / f"{self._owner}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise _unwritable(self._folder, error) from error
        await self._replay_dead()
        self._task = asyncio.create_task(self._write_batches())

    async def open(self, intent: Intent) -> None:
        """Make an intent durable.

        Raises:
            UnavailableError: the sink has been away so long that the backlog is full.
            StorageFullError: the journal's disk is full.
        """
        if len(self._settled) > _MOST_BACKLOG:
            raise UnavailableError(
                "The usage ledger takes no more calls.",
                why=f"{len(self._settled):,} entries wait to be written: {self._problem}",
                remedy="See that the database can be reached.",
            )
        segment = self._current()
        segment.open += 1
        fields = intent_fields(intent)
        self._intents[intent.call_id] = (segment, fields)
        self._lines.append(intent_record(intent, fields))
        loop = asyncio.get_running_loop()
        if not self._commit and not self._under_way:
            loop.call_soon(self._gather, 0, loop.time() + _GATHER_SECONDS, 0)
        durable: asyncio.Future[None] = loop.create_future()
        self._commit.append(durable)
        await durable

    def settle(self, entry: UsageEntry) -> None:
        """Book the end of a call; one that was refused when the backlog was full is not booked, it was never sent."""
        if entry.intent.call_id not in self._intents:
            return
        segment = self._current()
        opened, fields = self._intents.pop(entry.intent.call_id)
        held = (segment,) if opened is segment else (segment, opened)
        if opened is not segment:
            segment.open += 1
        record = entry_record(entry, fields)
        self._lines.append(record)
        self._settled.append((record, held))

    async def flush(self) -> None:
        """Write what is booked now.

        Raises:
            DeskmindError: the sink does not take it; it stays booked.
        """
        self._write_out()
        async with self._flushing:
            while self._settled:
                batch = self._settled[:1000]
                await self._deliver([record for record, _ in batch])
                del self._settled[: len(batch)]
                for _, held in batch:
                    for segment in held:
                        self._release(segment)
        self._problem = None

    async def _deliver(self, records: Sequence[bytes]) -> None:
        """Write records; one that the sink will never take is set aside, so that it does not hold up the others."""
        started, outcome = time.perf_counter(), _NOT_WRITTEN
        try:
            await self._sink.write(records)
            outcome = _WRITTEN
        except (UnavailableError, OSError):
            raise
        except Exception as error:
            if len(records) > 1:
                for record in records:
                    await self._deliver([record])
                return
            _log.error("ledger.rejected", error_code=type(error).__name__, folder=str(self._folder))
            with (self._folder / "rejected.jsonl").open("ab") as aside:
                aside.write(records[0])
        finally:
            _flush.record(time.perf_counter() - started, outcome)

    async def close(self) -> None:
        """Write everything; what cannot be written stays in the journal for the next process."""
        if self._task is not None:
            await ended(self._task)
            self._task = None
        with suppress(DeskmindError, OSError):
            await self.flush()
        await self._sink.close()
        self._syncing.shutdown(wait=True)
        segment, self._segment = self._segment, None
        if segment is not None and not segment.open:
            segment.remove()
        if self._lock_file >= 0:
            if not any(self._folder.glob(f"{self._owner}.*.journal")):
                (self._folder / f"{self._owner}.lock").unlink(missing_ok=True)
            os.close(self._lock_file)
            self._lock_file = -1

    def _current(self) -> _Segment:
        segment = self._segment
        if segment is None or segment.size > _SEGMENT_BYTES:
            if segment is not None:
                self._write_out()
                if self._sync:
                    os.fsync(segment.file)
            self._number += 1
            fresh = _Segment(self._folder / f"{self._owner}.{self._number:06}.journal")
            self._segment = fresh
            if segment is not None and not segment.open:
                segment.remove()
            segment = fresh
        return segment

    def _release(self, segment: _Segment) -> None:
        segment.open -= 1
        if not segment.open and segment is not self._segment:
            segment.remove()

    def _write_out(self) -> None:
        """Append what waits to the current segment, without a sync."""
        lines, self._lines = self._lines, []
        if not lines:
            return
        data = b"".join(lines)
        segment = self._segment
        if segment is None:
            return
        view = memoryview(data)
        while view:
            view = view[os.write(segment.file, view) :]
        segment.size += len(data)

    def _gather(self, quiet: int, until: float, known: int) -> None:
        """Let the calls join that are already at the door, while they keep coming: a sync costs a third of what a call
        does, however many share it. A call alone waits for two idle passes of the event loop, some microseconds."""
        loop = asyncio.get_running_loop()
        waiting = len(self._commit)
        quiet = 0 if waiting > known else quiet + 1
        if quiet < _QUIET_PASSES and loop.time() < until:
            loop.call_soon(self._gather, quiet, until, waiting)
        else:
            self._write_lines()

    def _write_lines(self) -> None:
        """Append and sync what calls wait for. A single call on a fast disk is synced here and now; several, or a
        slow disk, in a thread, while the next ones gather."""
        commit, self._commit = self._commit, []
        try:
            self._write_out()
            segment = self._segment
            if not self._sync or segment is None:
                _resolve(commit, None)
            elif len(commit) == 1 and self._usual_sync < _SLOW_SYNC:
                self._timed_sync(segment.file)
                _resolve(commit, None)
            else:
                self._begin_sync(segment.file, commit)
        except OSError as error:
            _resolve(commit, _unwritable(self._folder, error))

    def _begin_sync(self, file: int, commit: Sequence[asyncio.Future[None]]) -> None:
        copy = os.dup(file)
        self._under_way = True
        try:
            self._syncing.submit(self._sync_aside, copy, asyncio.get_running_loop(), commit)
        except RuntimeError as error:  # no thread could be started; the work is in the queue all the same
            self._syncing.shutdown(wait=False, cancel_futures=True)
            self._syncing = _syncing_thread()
            self._under_way = False
            os.close(copy)
            raise OSError(errno.EAGAIN, "No thread could be started") from error

    def _timed_sync(self, file: int) -> None:
        started = time.perf_counter()
        if sys.platform == "linux":
            os.fdatasync(file)
        else:
            os.fsync(file)
        self._usual_sync += 0.2 * (time.perf_counter() - started - self._usual_sync)

    def _sync_aside(
        self, file: int, loop: asyncio.AbstractEventLoop, commit: Sequence[asyncio.Future[None]]
    ) -> None:
        problem: DeskmindError | None = None
        try:
            self._timed_sync(file)
        except OSError as error:
            problem = _unwritable(self._folder, error)
        finally:
            os.close(file)
        loop.call_soon_threadsafe(self._synced, commit, problem)

    def _synced(self, commit: Sequence[asyncio.Future[None]], problem: DeskmindError | None) -> None:
        self._under_way = False
        _resolve(commit, problem)
        if self._commit:
            self._gather(0, asyncio.get_running_loop().time() + _GATHER_SECONDS, 0)

    async def _write_batches(self) -> None:
        looked = time.monotonic()
        wait = self._flush_seconds
        while True:
            await asyncio.sleep(wait)
            try:
                await self.flush()
                wait = self._flush_seconds
                if time.monotonic() - looked > self._scan_seconds:
                    looked = time.monotonic()
                    await self._replay_dead()
            except (DeskmindError, OSError) as error:
                wait = min(max(wait * 2, 0.5), 15.0)
                if self._problem is None:
                    _log.warning(
                        "ledger.backlog", entries=len(self._settled), error_code=type(error).__name__
                    )
                self._problem = str(error)

    async def _replay_dead(self) -> None:
        """Take over the journals of processes that are gone."""
        for lock in await asyncio.to_thread(lambda: sorted(self._folder.glob("*.lock"))):
            if lock.stem == self._owner:
                continue
            held = _try_lock(lock)
            if held < 0:
                continue
            try:
                segments = sorted(self._folder.glob(f"{lock.stem}.*.journal"))
                entries = await asyncio.to_thread(_read, segments)
                for start in range(0, len(entries), 1000):
                    await self._deliver([entry_record(entry) for entry in entries[start : start + 1000]])
                for path in (*segments, lock):
                    path.unlink(missing_ok=True)
                if entries:
                    unsettled = [entry for entry in entries if entry.outcome == "unsettled"]
                    _log.info("ledger.replayed", entries=len(entries), unsettled=len(unsettled))
                    _measure(unsettled)
            finally:
                os.close(held)


def _backlog(ledger: JournalLedger) -> Iterable[tuple[float, Labels]]:
    return [(ledger.backlog, labels())]


_ledgers: Sources[JournalLedger] = Sources()
_ledgers.show(LEDGER_BACKLOG, _backlog)


def _syncing_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="ledger-sync")


def _measure(unsettled: Sequence[UsageEntry]) -> None:
    """Their process ended before it could; those that had ended are on its metrics."""
    from deskmind.gateway.metrics import measure_cost

    for entry in unsettled:
        measure_cost(entry)


def _resolve(commit: Sequence[asyncio.Future[None]], problem: DeskmindError | None) -> None:
    """Tells the calls that still wait."""
    for durable in commit:
        if durable.done():
            continue
        if problem is None:
            durable.set_result(None)
        else:
            durable.set_exception(problem)


def _try_lock(path: Path) -> int:
    """A descriptor that holds the lock, -1 when its owner lives or it is gone."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return -1
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        return -1
    if not path.exists():  # another process replayed it in the meantime
        os.close(file)
        return -1
    return file


def _read(segments: Sequence[Path]) -> list[UsageEntry]:
    """What the segments of one process say: ended calls, and the rest as unsettled. A torn last line is left out."""
    intents: dict[UUID, Intent] = {}
    entries: dict[UUID, UsageEntry] = {}
    for path in segments:
        for line in path.read_bytes().split(b"\n"):
            try:
                record: dict[str, Any] = json.loads(line)
                if record["kind"] == "intent":
                    intent = intent_of(record)
                    intents[intent.call_id] = intent
                else:
                    entry = entry_of(record)
                    entries[entry.intent.call_id] = entry
            except (ValueError, KeyError, TypeError):
                continue
    return [
        *entries.values(),
        *(UsageEntry.unsettled(intent) for call, intent in intents.items() if call not in entries),
    ]


def _unwritable(folder: Path, error: OSError) -> DeskmindError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return StorageFullError(
            "The usage ledger's journal cannot be written.",
            why=f"The disk of {folder} is full.",
            remedy="Make room; no model is called before its intent is on disk.",
        )
    few = error.errno in {errno.EMFILE, errno.ENFILE, errno.EAGAIN}
    return UnavailableError(
        f"The usage ledger's journal in {folder} cannot be written.",
        why=f"{error.strerror}.",
        remedy="Raise the limits of open files and threads."
        if few
        else "Make the folder writable, or name another with gateway.journal.",
    )
