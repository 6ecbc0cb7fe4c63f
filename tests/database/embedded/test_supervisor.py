"""The supervisor itself, run in a thread of the test, on a real server."""

from __future__ import annotations

import io
import json
import os
import runpy
import signal
import socket
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from deskmind.database.embedded import EmbeddedServer, _launch, _locks, _processes, _supervisor, status
from deskmind.database.embedded._failures import StartFailure
from deskmind.database.embedded._layout import Layout
from deskmind.database.embedded._locks import FileLock, is_locked, live_users, register_user
from deskmind.database.embedded._postmaster import Postmaster, free_port
from deskmind.database.embedded._supervisor import Plan, Supervisor


class Running:
    """A supervisor in a thread with a user who can leave."""

    def __init__(self, plan: Plan) -> None:
        self.layout = Layout(Path(plan.home), Path(plan.place))
        self.reports: list[dict[str, str]] = []
        self.user = register_user(self.layout.users)
        self._reported = threading.Event()
        self._thread = threading.Thread(target=Supervisor(plan, self._report).run, daemon=True)
        self._thread.start()

    def _report(self, outcome: dict[str, str]) -> None:
        self.reports.append(outcome)
        self._reported.set()

    def report(self) -> dict[str, str]:
        assert self._reported.wait(60)
        return self.reports[0]

    def leave(self) -> None:
        self.user.path.unlink(missing_ok=True)
        self.user.release()

    def end(self) -> None:
        self._thread.join(60)
        assert not self._thread.is_alive()


@pytest.fixture
def plan(home: Path) -> Plan:
    return _launch._plan(Layout.of(home), None, time.monotonic() + 60)


@pytest.fixture
def start():
    """Starts supervisors that end with the test."""
    running: list[Running] = []

    def start(plan: Plan) -> Running:
        running.append(Running(plan))
        return running[-1]

    yield start
    for each in running:
        each.leave()
        each.end()


def test_a_plan_survives_the_pipe(plan: Plan):
    assert Plan.decode(plan.encode()) == plan
    nobody = replace(plan, order=replace(plan.order, account=None))
    assert Plan.decode(nobody.encode()) == nobody


def test_from_the_first_to_the_last_user(plan: Plan, start, left_over, home: Path):
    running = start(replace(plan, fresh=True))
    assert running.report() == {}
    found = status(home)
    assert found.running
    assert found.users == (os.getpid(),)
    assert is_locked(running.layout.supervisor_lock)
    running.leave()
    running.end()
    assert not status(home).running
    assert left_over(home) == []
    assert not is_locked(running.layout.lock)
    assert not is_locked(running.layout.supervisor_lock)


def test_who_comes_as_the_last_user_leaves_is_not_left_alone(plan: Plan, start, home: Path, eventually):
    running = start(plan)
    assert running.report() == {}
    with FileLock.acquire(running.layout.lock):
        running.leave()
        running.user = register_user(running.layout.users)
    eventually(lambda: not is_locked(running.layout.lock))
    assert status(home).running


def test_without_users_a_start_is_abandoned(plan: Plan, home: Path, left_over):
    reports: list[dict[str, str]] = []
    Supervisor(plan, reports.append).run()
    assert reports in ([{"kind": "cancelled", "log": reports[0].get("log", "")}], [{}])
    assert left_over(home) == []
    assert not status(home).running


def test_two_supervisors_do_not_share_a_home(plan: Plan, start, monkeypatch: pytest.MonkeyPatch):
    running = start(plan)
    assert running.report() == {}
    monkeypatch.setattr(_supervisor, "_LOCK_PATIENCE", 0.05)
    reports: list[dict[str, str]] = []
    Supervisor(plan, reports.append).run()
    assert reports[0]["kind"] == "remnant"


def test_a_postmaster_that_dies_is_started_again_on_its_port(plan: Plan, start, home: Path, eventually):
    running = start(plan)
    assert running.report() == {}
    before = status(home)
    assert before.pid is not None
    os.kill(before.pid, signal.SIGKILL)

    def back_on_its_port() -> bool:
        now = status(home)
        return now.running and now.pid != before.pid and now.port == before.port

    eventually(back_on_its_port)


def test_a_postmaster_that_keeps_dying_is_given_up(
    plan: Plan, start, home: Path, monkeypatch: pytest.MonkeyPatch, left_over
):
    monkeypatch.setattr(_supervisor, "_DEATHS_ALLOWED", 0)
    running = start(plan)
    assert running.report() == {}
    found = status(home)
    assert found.pid is not None
    os.kill(found.pid, signal.SIGKILL)
    running.end()
    assert not status(home).running


def test_a_postmaster_that_cannot_be_started_again_is_given_up(plan: Plan, start, home: Path):
    running = start(plan)
    assert running.report() == {}
    found, control = status(home), home / "embedded" / "data" / "global" / "pg_control"
    assert found.pid is not None
    control.rename(home / "pg_control")
    os.kill(found.pid, signal.SIGKILL)
    running.end()
    assert not status(home).running


def test_a_program_that_is_not_there_is_reported(plan: Plan, start, tmp_path: Path):
    running = start(replace(plan, order=replace(plan.order, program=str(tmp_path / "postgres"))))
    assert running.report()["kind"] == "other"
    assert str(tmp_path / "postgres") in running.report()["log"]


def test_ports_that_are_taken_are_avoided(plan: Plan, start, home: Path, monkeypatch: pytest.MonkeyPatch):
    running = start(plan)
    assert running.report() == {}
    taken, free = status(home).port, free_port()
    offers = [taken, free]
    monkeypatch.setattr(_supervisor, "free_port", lambda: offers.pop(0))
    running.leave()
    running.end()
    assert taken is not None
    with socket.create_server(("127.0.0.1", taken)):
        second = start(replace(plan, port=taken))
        assert second.report() == {}
        assert status(home).port == free


def test_a_remnant_that_blocks_the_start_is_ended(plan: Plan, start, home: Path, left_over):
    port = free_port()
    orphan = Postmaster.launch(plan.order, port, timeout=60, cancelled=lambda: False)
    reaper = threading.Thread(target=orphan.wait)
    reaper.start()
    running = start(plan)
    assert running.report() == {}
    reaper.join(60)
    assert orphan.pid not in left_over(home)
    assert status(home).pid in left_over(home)


def test_a_start_that_takes_too_long_leaves_nothing(plan: Plan, left_over, home: Path):
    with pytest.raises(StartFailure) as failure:
        Postmaster.launch(plan.order, free_port(), timeout=-1.0, cancelled=lambda: False)
    assert failure.value.kind == "timeout"
    assert left_over(home) == []


def test_stop_closes_connections_and_may_be_repeated(plan: Plan):
    postmaster = Postmaster.launch(plan.order, free_port(), timeout=60, cancelled=lambda: False)
    password = (Path(plan.home) / "embedded" / "password").read_text()
    address = (
        f"host=127.0.0.1 port={postmaster.port} user=deskmind_superuser dbname=postgres password={password}"
    )
    with psycopg.connect(address) as connection:
        postmaster.stop()
        postmaster.stop()
        assert postmaster.wait() == 0
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")


def test_processes_are_found_by_their_titles_where_there_is_no_proc(
    plan: Plan, start, home: Path, monkeypatch: pytest.MonkeyPatch, left_over
):
    running = start(plan)
    assert running.report() == {}
    layout = running.layout
    assert set(_processes._servers_ps(layout.title)) == set(left_over(home))
    assert _processes._servers_ps("deskmind-0000000000") == []
    child = _processes._started_ps(os.getpid())
    assert child
    assert child == _processes._started_ps(os.getpid())
    assert _processes._started_ps(2**22 + 1) is None


def test_end_server_forces_what_does_not_end(plan: Plan, home: Path, monkeypatch: pytest.MonkeyPatch):
    postmaster = Postmaster.launch(plan.order, free_port(), timeout=60, cancelled=lambda: False)
    reaper = threading.Thread(target=postmaster.wait)
    reaper.start()
    os.kill(postmaster.pid, signal.SIGSTOP)
    monkeypatch.setattr(_processes, "_POLITE", 0.1)
    monkeypatch.setattr(_processes, "_FORCED", 0.3)
    layout = Layout.of(home)
    assert _processes.end_server(layout.data, layout.title)
    reaper.join(60)
    assert not reaper.is_alive()


def test_file_locks_end_with_release_and_are_swept(tmp_path: Path):
    lock = register_user(tmp_path)
    (tmp_path / "4711.gone").touch()
    assert live_users(tmp_path) == [lock.path]
    assert (tmp_path / "4711.gone").exists()
    assert live_users(tmp_path, sweep=True) == [lock.path]
    assert not (tmp_path / "4711.gone").exists()
    lock.release()
    lock.release()
    assert live_users(tmp_path) == []
    assert live_users(tmp_path / "absent") == []
    assert not is_locked(tmp_path / "absent")
    with FileLock.acquire(lock.path), pytest.raises(_locks.LockTimeoutError):
        FileLock.acquire(lock.path, deadline=time.monotonic() + 0.02)


def test_the_process_reports_a_line_and_lives_on_its_own(
    plan: Plan, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
):
    monkeypatch.chdir(tmp_path)
    given_up: list[int] = []
    handlers = {number: signal.getsignal(number) for number in _supervisor._UNWANTED}
    monkeypatch.setattr(os, "fork", lambda: 0)
    monkeypatch.setattr(_supervisor, "_give_up_stream", given_up.append)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(plan.encode())))
    try:
        _supervisor.main()
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert json.loads(capfd.readouterr().out).get("kind", "cancelled") == "cancelled"
    assert given_up == [0, 1]
    assert Path.cwd() == Path("/")


def test_a_stream_that_is_given_up_goes_nowhere():
    reader, writer = os.pipe()
    _supervisor._give_up_stream(writer)
    assert os.write(writer, b"lost") == 4
    os.close(writer)
    assert os.read(reader, 10) == b""
    os.close(reader)


def test_the_script_brings_up_nothing_but_the_supervisor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    started: list[list[str]] = []
    monkeypatch.setattr(_supervisor, "main", lambda: started.append(list(sys.modules["deskmind"].__path__)))
    for name in ("deskmind", "deskmind.database", "deskmind.database.embedded"):
        monkeypatch.setitem(sys.modules, name, sys.modules[name])
    monkeypatch.setattr(sys, "argv", ["bootstrap", str(tmp_path)])
    runpy.run_path(str(Path(_supervisor.__file__).with_name("_bootstrap.py")))
    assert started == [[str(tmp_path)]]


def test_an_idle_supervisor_has_loaded_no_drivers(home: Path):
    if sys.platform != "linux":
        pytest.skip("needs /proc")
    with EmbeddedServer.start(home) as server:
        loaded = Path(f"/proc/{server._state.supervisor.pid}/maps").read_text()
    assert "/libc" in loaded or "musl" in loaded
    assert "psycopg" not in loaded
    assert "numpy" not in loaded
