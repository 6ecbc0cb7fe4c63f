"""Several processes, real ones, one of which is killed: sums that never fall, and nobody who stays for ever."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deskmind.observability.metering import MemoryMeterProvider, ProcessGroup, labels
from deskmind.observability.metering.families import Families, families_of, merge, stored, unstored
from deskmind.observability.metering.memory import ProcessMemory

_PROGRAM = """
import sys
from pathlib import Path
from deskmind.observability.metering import MemoryMeterProvider
from deskmind.observability.metering.memory import ProcessMemory
meter = MemoryMeterProvider(ProcessMemory(Path(sys.argv[1]))).get_meter("t")
calls, active = meter.create_counter("calls"), meter.create_up_down_counter("active")
seconds = meter.create_histogram("seconds", explicit_bucket_boundaries_advisory=[1.0])
worst = meter.create_gauge("deskmind.event_loop.lag")
for line in sys.stdin:
    amount = float(line)
    calls.add(amount, {"model": "fast"}); active.add(1); seconds.record(amount); worst.set(amount)
    print("done", flush=True)
"""


class Process:
    """A process that records what it is told."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def record(self, amount: float) -> None:
        """And wait until it has."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{amount!r}\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "done\n"

    def end(self, number: int = signal.SIGKILL) -> None:
        """At once."""
        self._process.send_signal(number)
        self._process.communicate()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Process]]:
    """Starts a process of the group."""
    started: list[Process] = []

    def one() -> Process:
        started.append(Process(tmp_path))
        return started[-1]

    yield one
    for process in started:
        process.end()


def value(families: Families, name: str) -> list[float]:
    """The only series of a metric."""
    (series,) = families[name].series.values()
    return series.values()


def test_three_processes_of_which_one_is_killed_and_replaced(
    tmp_path: Path, start: Callable[[], Process]
) -> None:
    """What it counted stays, to the last call before the kill; what it was doing does not."""
    group = ProcessGroup(tmp_path)
    processes = [start() for _ in range(3)]
    for number, process in enumerate(processes):
        process.record(0.1 * (number + 1))
    before = group.collect()
    assert value(before, "calls") == [pytest.approx(0.6)]
    assert value(before, "active") == [3.0]
    assert value(before, "seconds") == [3.0, 0.0, pytest.approx(0.6)]
    assert value(before, "deskmind.event_loop.lag") == [pytest.approx(0.3)]

    processes[2].record(5.0)
    processes[2].end()
    after = group.collect()
    assert value(after, "calls") == [pytest.approx(5.6)]
    assert value(after, "active") == [2.0]
    assert value(after, "seconds") == [3.0, 1.0, pytest.approx(5.6)]
    assert value(after, "deskmind.event_loop.lag") == [pytest.approx(0.2)]

    start().record(1.0)
    again = group.collect()
    assert value(again, "calls") == [pytest.approx(6.6)]
    assert value(again, "active") == [3.0]
    assert len(list(tmp_path.glob("*.values"))) == 3, "the dead process's file stays"


def test_processes_that_come_and_go_leave_nothing_but_their_counts(
    tmp_path: Path, start: Callable[[], Process]
) -> None:
    """Killed or ended, read by nobody in between or each time."""
    group = ProcessGroup(tmp_path)
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        process = start()
        process.record(1.0)
        process.end(number)
    assert value(group.collect(), "calls") == [3.0]
    assert "active" not in group.collect()
    assert {path.name for path in tmp_path.iterdir()} == {"base.json", "reading.lock"}


def test_a_reader_that_is_killed_while_it_adds_up_counts_nobody_twice(tmp_path: Path) -> None:
    """The base was written, the dead process's files were not yet removed."""
    group = ProcessGroup(tmp_path / "group")
    memory = ProcessMemory(group.folder)
    MemoryMeterProvider(memory).get_meter("t").create_counter("calls").add(7, labels())
    memory.close()
    shutil.copytree(group.folder, tmp_path / "copy")
    assert value(group.collect(), "calls") == [7.0]
    for name in (memory.token + ".values", memory.token + ".keys"):
        shutil.copy(tmp_path / "copy" / name, group.folder / name)
    assert value(group.collect(), "calls") == [7.0]
    assert not list(group.folder.glob("*.values"))
    assert value(group.collect(), "calls") == [7.0]


def test_a_process_that_is_just_beginning_is_not_taken_for_a_dead_one(tmp_path: Path) -> None:
    """Whoever reads at any moment of its beginning leaves its file alone."""
    group = ProcessGroup(tmp_path)
    memory = ProcessMemory(tmp_path)
    assert group.collect() == {}
    counter = MemoryMeterProvider(memory).get_meter("t").create_counter("calls")
    group.collect()
    counter.add(1, labels())
    assert value(group.collect(), "calls") == [1.0]


def test_an_explanation_that_is_half_written(tmp_path: Path) -> None:
    """Is read when it is whole."""
    memory = ProcessMemory(tmp_path)
    provider = MemoryMeterProvider(memory)
    provider.get_meter("t").create_counter("calls").add(1, labels())
    whole = memory.explanations()
    for length in range(len(whole)):
        families_of(whole[:length], memory.values)
    assert families_of(whole[:-2], memory.values)["calls"].series == {}
    assert value(families_of(whole, memory.values), "calls") == [1.0]


def test_another_releases_buckets_are_not_mixed_in(tmp_path: Path) -> None:
    """Two sets of bounds have no sum; the others are shown all the same."""
    for bounds in ([1.0, 2.0], [5.0]):
        meter = MemoryMeterProvider(ProcessMemory(tmp_path)).get_meter("t")
        meter.create_histogram("h", explicit_bucket_boundaries_advisory=bounds).record(1.0, labels())
        meter.create_counter("c").add(1, labels())
    found = ProcessGroup(tmp_path).collect()
    assert sum(value(found, "h")[:-1]) == 1.0
    assert value(found, "c") == [2.0]


@settings(max_examples=60)
@given(
    st.lists(st.lists(st.floats(0, 1e12, allow_nan=False), min_size=1, max_size=6), min_size=2, max_size=6)
)
def test_whoever_dies_first_the_sum_is_the_same(amounts: list[list[float]]) -> None:
    """To the last bit, or Prometheus would see a restart: a rounding error downwards is a fall."""
    processes: list[Families] = []
    for of_one in amounts:
        memory = ProcessMemory()
        counter = MemoryMeterProvider(memory).get_meter("t").create_counter("c")
        for amount in of_one:
            counter.add(amount, labels())
        processes.append(families_of(memory.explanations(), memory.values))
    together: Families = {}
    for process in processes:
        merge(together, process)
    base: Families = {}
    for dead, process in enumerate(processes):
        merge(base, process, lasting=True)
        base = unstored(stored(base))
        shown = unstored(stored(base))
        for living in processes[dead + 1 :]:
            merge(shown, living)
        assert value(shown, "c") == value(together, "c")


def test_one_process_has_a_role(tmp_path: Path) -> None:
    """Until it ends; then another may take it."""
    first, second = ProcessGroup(tmp_path), ProcessGroup(tmp_path)
    assert first.elected("jobs.lock")
    assert not second.elected("jobs.lock")
    assert first.elected("jobs.lock")
    first.close()
    assert second.elected("jobs.lock")


def test_folders_of_dead_services_are_removed_and_those_of_living_ones_are_not() -> None:
    """A service that was killed cannot remove its own."""
    living, dead = ProcessGroup.new(), ProcessGroup.new()
    for number in list(dead._locks.values()):
        os.close(number)
    for group in (living, dead):
        os.utime(group.folder, (0, 0))
    newest = ProcessGroup.new()
    assert living.folder.exists()
    assert not dead.folder.exists()
    for group in (living, newest):
        group.close()
        assert not group.folder.exists()
