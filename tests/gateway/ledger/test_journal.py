"""The journal: an intent is on disk before its call is sent, and nothing booked is lost with a process."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskmind.errors import InvalidRequestError, StorageFullError, UnavailableError
from deskmind.gateway import Caller, Gateway, Intent, Usage, UsageEntry
from deskmind.gateway.ledger import JournalLedger, new_call_id
from deskmind.gateway.ledger.records import entry_of, entry_record, intent_of, intent_record
from deskmind.observability.metering import start_metrics
from deskmind.observability.metering.running import GroupMeterProvider
from deskmind.sandbox.models import DEFAULT_KEY, ModelSandbox
from deskmind.settings import TelemetrySettings

_HELLO = [{"role": "user", "content": "hello there"}]


class Shelf:
    """A sink in memory that keeps an entry once, and can be away."""

    def __init__(self) -> None:
        self.entries: dict[UUID, UsageEntry] = {}
        self.away = False
        self.poison: UUID | None = None
        self.refusal: Exception = ValueError("not this one")

    async def write(self, records: Sequence[bytes]) -> None:
        if self.away:
            raise UnavailableError("The database is away.")
        entries = [entry_of(json.loads(record)) for record in records]
        if any(entry.intent.call_id == self.poison for entry in entries):
            raise self.refusal
        for entry in entries:
            self.entries.setdefault(entry.intent.call_id, entry)

    async def close(self) -> None:
        return


def _intent() -> Intent:
    return Intent(new_call_id(), 1_000.0, Caller(feature="test"), "chat", "fast", 100, Decimal("0.5"))


def _entry(intent: Intent) -> UsageEntry:
    return UsageEntry(intent, "settled", "one", Usage(3, 4), Decimal("0.1"), 0.5, None, 1)


@pytest.fixture
async def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
async def ledger(tmp_path: Path, shelf: Shelf) -> AsyncIterator[JournalLedger]:
    started = JournalLedger(tmp_path / "ledger", shelf, flush_seconds=60)
    await started.start()
    yield started
    await started.close()


def _lines(folder: Path) -> list[dict[str, object]]:
    return [
        json.loads(line)
        for path in sorted(folder.glob("*.journal"))
        for line in path.read_text().splitlines()
    ]


async def test_an_intent_is_on_disk_when_open_returns(ledger: JournalLedger, tmp_path: Path) -> None:
    intents = [_intent() for _ in range(20)]
    await asyncio.gather(*(ledger.open(intent) for intent in intents))
    assert {line["call"] for line in _lines(tmp_path / "ledger")} == {
        intent.call_id.hex for intent in intents
    }


async def test_calls_that_come_together_share_a_sync(
    ledger: JournalLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    sync = os.fdatasync

    def counted(file: int) -> None:
        sync(file)
        synced.append(len(_lines(tmp_path / "ledger")))

    monkeypatch.setattr("deskmind.gateway.ledger.journal.os.fdatasync", counted)
    # however busy the machine is
    monkeypatch.setattr("deskmind.gateway.ledger.journal._GATHER_SECONDS", 60.0)

    async def call(passes: int) -> None:
        for _ in range(passes):
            await asyncio.sleep(0)
        await ledger.open(_intent())

    await asyncio.gather(*(call(number // 10) for number in range(50)))
    assert synced == [50]


async def test_a_call_that_is_given_up_while_it_waits_disturbs_no_other(
    ledger: JournalLedger, tmp_path: Path
) -> None:
    waiting = [asyncio.create_task(ledger.open(_intent())) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[1].cancel()
    ended = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(outcome) for outcome in ended] == [type(None), asyncio.CancelledError, type(None)]
    assert len(_lines(tmp_path / "ledger")) == 3


async def test_settled_calls_reach_the_sink_and_leave_the_disk(
    ledger: JournalLedger, shelf: Shelf, tmp_path: Path
) -> None:
    first, second = _intent(), _intent()
    await ledger.open(first)
    await ledger.open(second)
    ledger.settle(_entry(first))
    ledger.settle(_entry(second))
    await ledger.flush()
    assert set(shelf.entries) == {first.call_id, second.call_id}
    assert ledger.backlog == 0
    await ledger.close()
    assert list((tmp_path / "ledger").iterdir()) == []


async def test_a_sink_that_is_away_loses_nothing(ledger: JournalLedger, shelf: Shelf) -> None:
    intent = _intent()
    await ledger.open(intent)
    shelf.away = True
    ledger.settle(_entry(intent))
    with pytest.raises(UnavailableError):
        await ledger.flush()
    assert ledger.backlog == 1
    shelf.away = False
    await ledger.flush()
    assert set(shelf.entries) == {intent.call_id}


async def test_what_a_closed_ledger_could_not_write_is_written_by_the_next(tmp_path: Path) -> None:
    away = Shelf()
    away.away = True
    ledger = JournalLedger(tmp_path, away)
    await ledger.start()
    settled, left = _intent(), _intent()
    await ledger.open(settled)
    await ledger.open(left)
    ledger.settle(_entry(settled))
    await ledger.close()
    shelf = Shelf()
    after = JournalLedger(tmp_path, shelf)
    await after.start()
    assert shelf.entries[settled.call_id] == _entry(settled)
    lost = shelf.entries[left.call_id]
    assert (lost.outcome, lost.usage.output_tokens, lost.cost) == ("unsettled", 100, Decimal("0.5"))
    await after.close()
    assert list(tmp_path.iterdir()) == []


async def test_a_call_in_flight_of_an_earlier_segment_is_booked_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deskmind.gateway.ledger.journal._SEGMENT_BYTES", 0)
    shelf = Shelf()
    ledger = JournalLedger(tmp_path, shelf)
    await ledger.start()
    left, settled = _intent(), _intent()
    await ledger.open(left)
    await ledger.open(settled)
    ledger.settle(_entry(settled))
    await ledger.close()
    assert set(shelf.entries) == {settled.call_id}
    after = JournalLedger(tmp_path, shelf)
    await after.start()
    assert shelf.entries[left.call_id].outcome == "unsettled"
    await after.close()
    assert list(tmp_path.iterdir()) == []


async def test_calls_that_are_refused_do_not_lengthen_the_backlog(
    ledger: JournalLedger, shelf: Shelf, sandbox: ModelSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deskmind.gateway.ledger.journal._MOST_BACKLOG", 2)
    shelf.away = True
    models = {"fast": {"model": "echo", "base_url": f"{sandbox.base_url}/v1", "api_key": DEFAULT_KEY}}
    async with Gateway(models, ledger=ledger) as gateway:
        for _ in range(3):
            await gateway.chat("fast", _HELLO)
        for _ in range(3):
            with pytest.raises(UnavailableError, match="takes no more calls"):
                await gateway.chat("fast", _HELLO)
        assert ledger.backlog == 3
        shelf.away = False
        await ledger.flush()
        assert (await gateway.chat("fast", _HELLO)).text == "hello there"
    assert len(shelf.entries) == 4


async def test_a_living_process_keeps_its_journal(ledger: JournalLedger, tmp_path: Path) -> None:
    await ledger.open(_intent())
    shelf = Shelf()
    other = JournalLedger(tmp_path / "ledger", shelf)
    await other.start()
    await other.close()
    assert shelf.entries == {}
    assert len(_lines(tmp_path / "ledger")) == 1


@pytest.mark.parametrize("refusal", [ValueError("not this one"), InvalidRequestError("It cannot be stored.")])
async def test_an_entry_the_sink_never_takes_is_set_aside(
    ledger: JournalLedger, shelf: Shelf, tmp_path: Path, refusal: Exception
) -> None:
    shelf.refusal = refusal
    good, bad, last = _intent(), _intent(), _intent()
    for intent in (good, bad, last):
        await ledger.open(intent)
        ledger.settle(_entry(intent))
    shelf.poison = bad.call_id
    await ledger.flush()
    assert set(shelf.entries) == {good.call_id, last.call_id}
    assert ledger.backlog == 0
    assert bad.call_id.hex in (tmp_path / "ledger" / "rejected.jsonl").read_text()


async def test_a_torn_line_does_not_hide_the_others(tmp_path: Path) -> None:
    intent = _intent()
    (tmp_path / "1-dead.lock").touch()
    (tmp_path / "1-dead.000001.journal").write_bytes(intent_record(intent) + b'{"kind":"intent","ca')
    shelf = Shelf()
    ledger = JournalLedger(tmp_path, shelf)
    await ledger.start()
    assert set(shelf.entries) == {intent.call_id}
    await ledger.close()


async def test_a_disk_that_is_full_sends_no_call(
    tmp_path: Path, sandbox: ModelSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = JournalLedger(tmp_path, Shelf())
    await ledger.start()

    def full(file: int, data: object) -> int:
        raise OSError(28, "No space left on device")

    models = {"fast": {"model": "echo", "base_url": f"{sandbox.base_url}/v1", "api_key": DEFAULT_KEY}}
    async with Gateway(models, ledger=ledger) as gateway:
        with monkeypatch.context() as patched:
            patched.setattr("deskmind.gateway.ledger.journal.os.write", full)
            with pytest.raises(StorageFullError, match="journal"):
                await gateway.chat("fast", _HELLO)
        assert sandbox.book.entries == []
        assert (await gateway.chat("fast", _HELLO)).text == "hello there"


async def _opened_together(ledger: JournalLedger) -> list[BaseException | None]:
    async with asyncio.timeout(20):
        return await asyncio.gather(*(ledger.open(_intent()) for _ in range(3)), return_exceptions=True)


async def test_calls_for_which_no_file_can_be_opened_fail_and_later_ones_go_on(ledger: JournalLedger) -> None:
    await ledger.open(_intent())
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))  # what is open stays so
    try:
        refused = await _opened_together(ledger)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert [type(error) for error in refused] == [UnavailableError] * 3
    assert await _opened_together(ledger) == [None] * 3
    assert "limits of open files" in str(refused[0])


async def test_calls_for_which_no_thread_can_be_started_fail_and_later_ones_go_on(
    ledger: JournalLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    await ledger.open(_intent())
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", none)
        refused = await _opened_together(ledger)
    assert [type(error) for error in refused] == [UnavailableError] * 3
    assert await _opened_together(ledger) == [None] * 3


def _cost(provider: GroupMeterProvider) -> float:
    """US dollars on the metric of this process."""
    family = provider.own()[0].get("deskmind.cost")
    return sum(series.values()[0] for series in family.series.values()) if family is not None else 0.0


_CALLING = """
import asyncio, sys
from pathlib import Path
from deskmind.gateway import Gateway
from deskmind.gateway.ledger import JournalLedger

class Nowhere:
    async def write(self, entries): await asyncio.Event().wait()
    async def close(self): pass

async def main(base, folder):
    ledger = JournalLedger(Path(folder), Nowhere(), flush_seconds=60)
    await ledger.start()
    models = {"slow": {"model": "echo", "base_url": base, "api_key": "sandbox-key", "price": {"input": "1", "output": "2"}}}
    gateway = Gateway(models, ledger=ledger)
    await asyncio.gather(*(gateway.chat("slow", [{"role": "user", "content": "hi"}], max_tokens=10) for _ in range(8)))

asyncio.run(main(*sys.argv[1:]))
"""


async def test_calls_in_flight_when_a_process_is_killed_stand_as_unsettled(
    tmp_path: Path, sandbox: ModelSandbox
) -> None:
    sandbox.faults.add("slow_headers", seconds=300)
    process = subprocess.Popen([sys.executable, "-c", _CALLING, f"{sandbox.base_url}/v1", str(tmp_path)])
    try:
        async with asyncio.timeout(60):
            while len(sandbox.book.entries) < 8:
                await asyncio.sleep(0.01)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    shelf = Shelf()
    provider = start_metrics(TelemetrySettings(), release="1")  # pyright: ignore[reportCallIssue]
    assert provider is not None
    before = _cost(provider)
    ledger = JournalLedger(tmp_path, shelf)
    await ledger.start()
    booked = sum(entry.cost or Decimal(0) for entry in shelf.entries.values())
    assert _cost(provider) - before == pytest.approx(float(booked)), "the metric is the ledger's sum"
    assert len(shelf.entries) == 8
    assert {entry.outcome for entry in shelf.entries.values()} == {"unsettled"}
    assert all(entry.usage.output_tokens >= 10 and entry.cost for entry in shelf.entries.values())
    await ledger.close()


_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


@given(_texts, _texts, st.integers(0, 2**40), st.decimals(0, 10**6, places=9), st.booleans())
def test_records_round_trip(key: str, model: str, count: int, cost: Decimal, streamed: bool) -> None:
    intent = Intent(
        new_call_id(), 12.5, Caller(UUID(int=1), UUID(int=2), key, "f", "r"), "chat", model, count, cost
    )
    entry = UsageEntry(intent, "estimated", "d", Usage(count, 1, 2, 3), cost, 1.5, 0.5, 2, "e", streamed)
    assert intent_of(json.loads(intent_record(intent))) == intent
    assert entry_of(json.loads(entry_record(entry))) == entry
    assert b"\n" not in entry_record(entry)[:-1]
