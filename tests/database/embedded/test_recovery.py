"""What a crash leaves behind, and that nothing of it stops the next start."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from deskmind.database.embedded import EmbeddedServer, status
from deskmind.database.embedded._account import service_account
from deskmind.database.embedded._layout import Layout, ServerState
from deskmind.database.embedded._locks import FileLock, is_locked
from deskmind.database.embedded._processes import ProcessIdentity, end_server, identify, is_running
from deskmind.errors import EmbeddedServerError

pytestmark = pytest.mark.chaos

_STARTER = "import sys; from pathlib import Path; from deskmind.database.embedded import *; EmbeddedServer.start(Path(sys.argv[1]))"


def back(server: EmbeddedServer, postmaster: int) -> bool:
    return server.alive and status(server.home).pid not in {None, postmaster}


@pytest.fixture
def bystander(home: Path):
    """A process of the server's own account that has nothing to do with it."""
    account = service_account(Layout.of(home).data)
    process = subprocess.Popen(["sleep", "600"], cwd="/", **(account.options if account else {}))
    yield process.pid
    assert process.poll() is None, "a process that only had the id of a server was ended"
    process.kill()
    process.wait()


def give_to_server(home: Path, path: Path, text: str) -> None:
    path.write_text(text)
    account = service_account(Layout.of(home).data)
    if account is not None:
        os.chown(path, account.uid, account.gid)


def test_a_killed_postmaster_comes_back_with_its_data(home: Path, ask, eventually):
    with EmbeddedServer.start(home) as server:
        ask(server, "CREATE TABLE kept AS SELECT 42 AS value")
        before, port = status(home).pid, server.port
        assert before is not None
        os.kill(before, signal.SIGKILL)
        eventually(lambda: back(server, before))
        assert server.port == port
        assert ask(server, "SELECT value FROM kept") == 42


def test_a_busy_backend_does_not_outlive_its_postmaster(home: Path, ask, eventually, left_over):
    with EmbeddedServer.start(home) as server, psycopg.connect(server.conninfo()) as busy:
        failed: list[BaseException] = []

        def work() -> None:
            try:
                busy.execute("SELECT sum(i) FROM generate_series(1, 1000000000) i")
            except psycopg.Error as error:
                failed.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        query = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT sum(i)%' AND state = 'active'"
        eventually(lambda: ask(server, query) == 1)
        backend, before = busy.info.backend_pid, status(home).pid
        assert before is not None
        os.kill(before, signal.SIGKILL)
        eventually(lambda: back(server, before))
        assert backend not in left_over(home)
        thread.join()
        assert failed


def test_a_killed_supervisor_is_replaced_on_the_same_port(home: Path, ask, eventually, left_over):
    with EmbeddedServer.start(home) as server:
        ask(server, "CREATE TABLE kept AS SELECT 42 AS value")
        before, port = server._state.supervisor, server.port
        os.kill(before.pid, signal.SIGKILL)
        eventually(lambda: server.alive and Layout.of(home).read_state().supervisor != before)
        assert server.port == port
        assert ask(server, "SELECT value FROM kept") == 42
    assert left_over(home) == []


def test_nothing_outlives_users_and_supervisor_killed_together(home: Path, processes, eventually, left_over):
    if sys.platform != "linux":
        pytest.skip("only Linux ends a process with its parent")
    user, _ = processes.use()
    state = Layout.of(home).read_state()
    os.kill(state.supervisor.pid, signal.SIGSTOP)
    user.kill()
    os.kill(state.supervisor.pid, signal.SIGKILL)
    eventually(lambda: not left_over(home))


def test_a_stop_after_the_supervisor_was_killed_leaves_nothing(home: Path, eventually, left_over):
    server = EmbeddedServer.start(home)
    os.kill(server._state.supervisor.pid, signal.SIGKILL)
    server.stop()
    assert left_over(home) == []


def test_start_after_everything_was_killed(home: Path, processes, ask, eventually, left_over):
    user, told = processes.use()
    with psycopg.connect(told["conninfo"], autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS value")
    state = Layout.of(home).read_state()
    for pid in (user.pid, state.supervisor.pid, *left_over(home)):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    eventually(lambda: not left_over(home) and not is_running(state.supervisor))
    with EmbeddedServer.start(home) as server:
        assert ask(server, "SELECT value FROM kept") == 42


def test_a_server_without_supervisor_is_ended_before_the_next(home: Path, eventually, left_over):
    """As where the kernel does not end an orphan with its parent."""
    server, layout = EmbeddedServer.start(home), Layout.of(home)
    os.kill(server._state.supervisor.pid, signal.SIGSTOP)
    assert len(left_over(home)) > 1
    assert end_server(layout.data, layout.title)
    assert left_over(home) == []
    os.kill(server._state.supervisor.pid, signal.SIGKILL)
    server.stop()


def test_ids_that_now_belong_to_others_are_left_alone(home: Path, bystander: int, ask):
    layout = Layout.of(home)
    stranger = ProcessIdentity(bystander, "another start time")
    layout.publish(ServerState(stranger, stranger, 1, "18.6"))
    pid_file = f"{bystander}\n{layout.data}\n1700000000\n1\n\n127.0.0.1\n  16122757        27\nready   \n"
    give_to_server(home, layout.data / "postmaster.pid", pid_file)
    (layout.users / f"{bystander}.0123456789ab").touch()
    assert not status(home).running
    assert status(home).users == ()
    with EmbeddedServer.start(home) as server:
        assert ask(server, "SELECT 1") == 1
        assert status(home).users == (os.getpid(),)


@pytest.mark.parametrize("text", ["", "nonsense", "-1\n\n\n", '{"supervisor": []}', "[]", "null"])
def test_damaged_state_is_no_obstacle(home: Path, ask, text: str):
    layout = Layout.of(home)
    layout.state.write_text(text)
    give_to_server(home, layout.data / "postmaster.pid", text)
    assert not status(home).running
    with EmbeddedServer.start(home) as server:
        assert ask(server, "SELECT 1") == 1


def test_zombies_are_dead():
    child = subprocess.Popen(["true"])
    identity = identify(child.pid)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert identify(child.pid) is None
    assert identity is None or not is_running(identity)
    child.wait()


def test_a_process_is_not_one_that_started_at_another_time():
    own = identify(os.getpid())
    assert own is not None
    assert is_running(own)
    assert not is_running(ProcessIdentity(own.pid, own.started + "0"))


def test_a_start_killed_while_making_the_cluster(empty_home: Path, ask, eventually):
    starter = subprocess.Popen([sys.executable, "-c", _STARTER, str(empty_home)])
    eventually(lambda: list(empty_home.glob("embedded/init-*/data/PG_VERSION")))
    starter.kill()
    starter.wait()
    assert not status(empty_home).initialised
    with EmbeddedServer.start(empty_home) as server:
        assert ask(server, "SELECT 1") == 1
    assert not list(empty_home.glob("embedded/init-*"))


def test_a_port_taken_meanwhile_is_not_insisted_on(home: Path, ask):
    layout = Layout.of(home)
    gone = ProcessIdentity(2**22 + 1, "never")
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        layout.publish(ServerState(gone, gone, taken, "18.6"))
        with EmbeddedServer.start(home) as server:
            assert server.port != taken
            assert ask(server, "SELECT 1") == 1


def test_a_lost_password_is_replaced(home: Path, ask):
    password = home / "embedded" / "password"
    old = password.read_text()
    password.unlink()
    with EmbeddedServer.start(home) as server:
        assert ask(server, "SELECT 1") == 1
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(server.conninfo(user="deskmind_superuser", password=old))
    assert password.stat().st_mode & 0o777 == 0o600


def test_a_password_file_others_can_read_is_closed(home: Path):
    password = home / "embedded" / "password"
    password.chmod(0o644)
    with EmbeddedServer.start(home):
        assert password.stat().st_mode & 0o777 == 0o600


def test_a_home_that_vanishes_takes_its_server_with_it(home: Path, left_over, eventually):
    server = EmbeddedServer.start(home)
    layout, supervisor = Layout.of(home), server._state.supervisor
    shutil.rmtree(home, ignore_errors=True)
    server.stop()
    eventually(lambda: not is_running(supervisor))
    assert not layout.root.exists() or left_over(home) == []


@pytest.mark.parametrize("removed", ["embedded/users", "embedded/data"])
def test_no_new_database_is_made_where_one_was_removed(home: Path, eventually, removed: str):
    lost: list[EmbeddedServerError] = []
    server = EmbeddedServer.start(home, on_lost=lost.append)
    supervisor, postmaster = server._state.supervisor, server._state.postmaster
    shutil.rmtree(home / removed)
    os.kill(supervisor.pid, signal.SIGKILL)
    os.kill(postmaster.pid, signal.SIGKILL)
    eventually(lambda: lost)
    server._watch.join()
    server.stop()
    assert "removed" in lost[0].why
    assert len(lost) == 1
    assert Layout.of(home).initialised is (removed == "embedded/users")
    assert status(home).pid is None


def test_waiting_for_a_home_ends_with_an_explanation(home: Path):
    layout = Layout.of(home)
    with FileLock.acquire(layout.lock), pytest.raises(EmbeddedServerError, match="did not become free"):
        EmbeddedServer.start(home, startup_timeout=0.2)


def test_a_supervisor_that_never_gets_ready_ends_with_an_explanation(home: Path):
    layout = Layout.of(home)
    with FileLock.acquire(layout.supervisor_lock), pytest.raises(EmbeddedServerError, match="ready in time"):
        EmbeddedServer.start(home, startup_timeout=0.2)
    assert status(home).users == ()


@pytest.fixture
def slow(home: Path) -> Path:
    """A cluster whose recovery waits until a file is there, as for a slow disk; gives the file."""
    data = Layout.of(home).data
    with (data / "postgresql.auto.conf").open("a") as settings:
        settings.write("hot_standby = off\n")  # it takes no reader before it has recovered, as after a crash
        settings.write("restore_command = 'while [ ! -e go-on ]; do sleep 0.02; done; false'\n")
    give_to_server(home, data / "recovery.signal", "")
    return data / "go-on"


def recovering(home: Path) -> int:
    """The postmaster that recovers; 0 when none does."""
    try:
        lines = (Layout.of(home).data / "postmaster.pid").read_text().split("\n")
    except FileNotFoundError:
        return 0
    return int(lines[0]) if len(lines) > 7 and lines[7].strip() == "starting" else 0


def test_a_recovery_goes_on_after_who_started_it_has_lost_patience(home: Path, slow: Path, ask, eventually):
    with pytest.raises(EmbeddedServerError, match="ready in time") as refusal:
        EmbeddedServer.start(home, startup_timeout=5.0)
    assert "goes on" in refusal.value.why
    postmaster = recovering(home)
    assert postmaster
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(EmbeddedServer.start, home)
        eventually(lambda: status(home).users)
        assert recovering(home) == postmaster
        slow.touch()
        with starting.result(60) as server:
            assert status(home).pid == postmaster
            assert ask(server, "SELECT 1") == 1


def test_a_recovery_whose_starter_was_killed_comes_to_its_end(
    home: Path, slow: Path, ask, eventually, left_over
):
    starter = subprocess.Popen([sys.executable, "-c", _STARTER, str(home)])
    eventually(lambda: recovering(home))
    starter.kill()
    starter.wait()
    slow.touch()
    eventually(lambda: not left_over(home) and not is_locked(Layout.of(home).supervisor_lock))
    said = "".join(log.read_text() for log in (Layout.of(home).data / "log").glob("*.log"))
    assert "archive recovery complete" in said, said
    with EmbeddedServer.start(home) as server:
        assert ask(server, "SELECT 1") == 1


def test_a_server_that_cannot_be_reached_belongs_to_another_container(home: Path):
    layout = Layout.of(home)
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    own = identify(os.getpid())
    assert own is not None
    with FileLock.acquire(layout.supervisor_lock):
        layout.publish(ServerState(own, own, port, "18.6"))
        with pytest.raises(EmbeddedServerError, match="another container"):
            EmbeddedServer.start(home, startup_timeout=0.5)
        layout.withdraw()


def test_a_server_that_is_being_started_again_is_waited_for(home: Path, eventually):
    layout, own = Layout.of(home), identify(os.getpid())
    assert own is not None
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with FileLock.acquire(layout.supervisor_lock), ThreadPoolExecutor(1) as pool:
        layout.publish(ServerState(own, own, port, "18.6"))
        starting = pool.submit(EmbeddedServer.start, home, startup_timeout=60)
        eventually(lambda: status(home).users)
        with socket.create_server(("127.0.0.1", port)):
            assert starting.result(20).port == port
        layout.withdraw()
    starting.result().stop()
