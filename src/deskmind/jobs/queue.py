"""The queue: adding jobs inside a scope's transaction, running workers, taking over from dead ones."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from procrastinate import App, PsycopgConnector
from procrastinate import exceptions as faults
from procrastinate.tasks import Task
from procrastinate.worker import Worker
from psycopg.types.json import Jsonb

from deskmind.database import Connection, Database
from deskmind.ending import ended
from deskmind.errors import DeskmindError, StorageFullError
from deskmind.jobs.ends import Ends
from deskmind.jobs.own import Own
from deskmind.jobs.retrying import Retrying
from deskmind.jobs.taking_over import Settle, TakeOver
from deskmind.observability import correlation, logger, note, observed, telling
from deskmind.observability.actor import Visit
from deskmind.observability.instruments import JOBS_DURATION, histogram
from deskmind.observability.metering import labels
from deskmind.observability.propagation import TRACEPARENT, TRACESTATE, incoming, outgoing
from deskmind.settings import JobsSettings

__all__ = ["Handler", "JobQueue", "Waiting", "defer"]

Handler = Callable[[dict[str, str]], Awaitable[None]]

_log = logger("deskmind.jobs")
_EACH_HOUR = "41 * * * *"
_EACH_MINUTE = "* * * * *"
_PAUSE_SECONDS = 1.0
_BEATS = 4
"""Signs of life of a worker, and looks for dead ones, in ``jobs.stalled_after``."""
_MOST_CONNECTIONS = 16
"""Jobs need one to begin and to end; their own work is on the application's."""
_STATES = ("todo", "doing", "failed")

_WAITING = """
WITH queues AS (
    SELECT queue_name, count(*) FILTER (WHERE status = 'todo') AS todo,
           count(*) FILTER (WHERE status = 'doing') AS doing, count(*) FILTER (WHERE status = 'failed') AS failed,
           min(id) FILTER (WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now())) AS oldest,
           sum((args->>'last')::bigint - (args->>'first')::bigint + 1)
               FILTER (WHERE status IN ('todo', 'doing') AND args ? 'first' AND args ? 'last') AS files
      FROM procrastinate_jobs GROUP BY queue_name)
SELECT q.queue_name, todo, doing, failed, coalesce(files, 0) AS files,
       coalesce(extract(epoch FROM now() - coalesce(j.scheduled_at, e.at)), 0) AS oldest_seconds
  FROM queues q LEFT JOIN procrastinate_jobs j ON j.id = q.oldest
  LEFT JOIN LATERAL (SELECT min(at) AS at FROM procrastinate_events WHERE job_id = q.oldest AND type = 'deferred') e ON true
"""
_duration = histogram(JOBS_DURATION)


async def defer(connection: Connection, queue: str, task: str, lock: str, arguments: dict[str, str]) -> None:
    """Add a job in the caller's transaction: it exists exactly when the transaction does.

    Args:
        connection: a transaction inside a tenant's scope.
        queue: queue name.
        task: name of a registered handler.
        lock: jobs with the same lock run one after the other.
        arguments: identifiers, with ``tenant_id`` that of the scope.

    The current trace goes with them, so that the job's spans continue it.
    """
    arguments = {**arguments, **outgoing()}
    await connection.execute(
        "SELECT defer_job(%s, %s, %s, %s, %s)", (queue, task, lock, f"{task}:{lock}", Jsonb(arguments))
    )
    note("job", task=task, queue=queue, lock=lock)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A queue at one moment.

    Attributes:
        name: of the queue.
        jobs: how many by state: ``todo``, ``doing``, ``failed``.
        oldest_seconds: since the oldest job that waits could have begun, 0 when none waits.
        files: to be taken in by its jobs, at most.
    """

    name: str
    jobs: dict[str, int]
    oldest_seconds: float
    files: int


class JobQueue:
    """Workers over the job tables, under a login that sees no tenant's rows. The database must be open."""

    def __init__(self, database: Database, settings: JobsSettings) -> None:
        self._database = database
        self._settings = settings
        # a pooler may hand each statement to another server process: nothing may be prepared or listened to there
        self._listens = not database.behind_pooler
        self._app = App(
            connector=PsycopgConnector(
                pool_factory=database.pool,
                conninfo=database.endpoints.jobs,
                min_size=0,
                max_size=min(settings.concurrency, _MOST_CONNECTIONS) + 3,
                timeout=database.patience,
                kwargs={} if self._listens else {"prepare_threshold": None},
            )
        )
        self._periodic: list[tuple[str, Task[Any, Any, Any]]] = []
        self._full: StorageFullError | None = None
        self._own = Own()
        self._app.job_manager = manager = Ends(self._app.connector, self._own)
        self._settles: dict[str, Settle] = {}
        self._taking_over = TakeOver(manager, self._own, settings.stalled_after, self._settles)
        self._opened = False
        self._opening = asyncio.Lock()
        self._queues: set[str] = set()
        self._app.task(name="jobs.take_over", queue="maintenance", pass_context=False)(self._take_over)

    def register(self, task: str, queue: str, handler: Handler, *, given_up: Settle | None = None) -> None:
        """Make a handler known under a task name.

        Args:
            task: its name.
            queue: where its jobs wait.
            handler: does a job.
            given_up: says of what a job should have worked on that nobody does, once its workers have died too often.
        """

        outcomes = {
            outcome: labels({"deskmind.task": task, "deskmind.outcome": outcome})
            for outcome in ("ok", "error", "cancelled")
        }

        async def run(**arguments: str) -> None:
            started, outcome = time.perf_counter(), "error"
            parent = incoming(arguments.pop(TRACEPARENT, ""), arguments.pop(TRACESTATE, ""))
            visit = Visit()
            with correlation(arguments.get("correlation_id")), telling("job"):
                try:
                    async with observed(f"job {task}", kind="consumer", parent=parent) as observation:
                        try:
                            await handler(arguments)
                        finally:
                            observation.acted_by(visit)
                    outcome = "ok"
                except StorageFullError as error:
                    self._full = error
                    raise
                except asyncio.CancelledError:
                    outcome = "cancelled"
                    raise
                finally:
                    visit.end()
                    _duration.record(time.perf_counter() - started, outcomes[outcome])

        self._queues.add(queue)
        if given_up is not None:
            self._settles[task] = given_up
        self._app.task(name=task, queue=queue, retry=Retrying())(run)

    def register_hourly(self, task: str, handler: Callable[[], Awaitable[None]]) -> None:
        """Have workers (``work``, not ``drain``) run a handler once an hour, one of them each time."""
        self._register_periodic(_EACH_HOUR, task, handler)

    def register_each_minute(self, task: str, handler: Callable[[], Awaitable[None]]) -> None:
        """The same once a minute."""
        self._register_periodic(_EACH_MINUTE, task, handler)

    def _register_periodic(self, cron: str, task: str, handler: Callable[[], Awaitable[None]]) -> None:

        async def run(timestamp: int) -> None:
            del timestamp
            with correlation():
                async with observed(f"job {task}"):
                    await handler()

        declared = self._app.task(
            name=task, queue="maintenance", queueing_lock=task, retry=Retrying(), pass_context=False
        )(run)
        self._periodic.append((cron, declared))

    async def close(self) -> None:
        """Close the job connections."""
        if self._opened:
            await self._app.close_async()
            self._opened = False

    async def drain(self) -> None:
        """Run what is due until nothing of it can be begun here, also what running jobs queue; takes over jobs of dead workers.

        What another process has in hand, and what waits for that, is left to it; so is what is due later.

        Raises:
            StorageFullError: a job found no space; it stays queued.
            DatabaseUnavailableError: the queue cannot be reached.
        """
        self._full = None
        with self._faults():
            await self._open()
            await self._own.beat()
            await self._take_over()
            while await self._own.ran(self._worker(wait=False, listen_notify=False)) and self._full is None:
                continue  # what was begun may have queued more
        if self._full is not None:
            raise self._full

    def _worker(self, **options: Any) -> Worker:
        return Worker(
            self._app,
            install_signal_handlers=False,
            concurrency=self._settings.concurrency,
            delete_jobs="successful",
            update_heartbeat_interval=self._settings.stalled_after / _BEATS,
            stalled_worker_timeout=self._settings.stalled_after,
            worker_middleware=[self._own.watched],
            **options,
        )

    async def alive(self, lock: str) -> bool:
        """Whether a job whose lock begins with ``lock`` is queued or running; those given up are not."""
        with self._faults():
            await self._open()
            rows = await self._app.connector.execute_query_all_async(
                "SELECT id FROM procrastinate_jobs WHERE status IN ('todo', 'doing') AND starts_with(lock, %(lock)s) LIMIT 1",
                lock=lock,
            )
        return bool(rows)

    async def work(self, until: asyncio.Event | None = None) -> None:
        """Run jobs until told to stop, through times in which the database cannot be reached.

        New jobs are noticed at once, or within a second where a connection pooler keeps notifications from us.
        Running jobs get ``jobs.shutdown_timeout`` seconds to finish; what does not is taken up again by
        another worker.

        Args:
            until: tells it to stop, and is heard at any moment; a cancellation does too, and may be lost.
        """
        await self._open()
        while self._periodic:
            cron, task = self._periodic.pop()
            self._app.periodic(cron=cron)(task)
        until = until or asyncio.Event()
        guard = asyncio.create_task(self._keep_taking_over())
        try:
            while not until.is_set() and await self._was_interrupted(until):
                continue
        finally:
            await ended(guard)

    async def _was_interrupted(self, until: asyncio.Event) -> bool:
        """Work until told to stop, or until the database cannot be reached: then True, after a pause."""
        worker = self._worker(
            wait=True,
            listen_notify=self._listens,
            fetch_job_polling_interval=1.0,
            shutdown_graceful_timeout=self._settings.shutdown_timeout,
        )
        stopping = asyncio.create_task(_stop_when(until, worker))
        try:
            await self._own.ran(worker)
        except faults.ConnectorException as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():  # it could not sign off: another takes over
                raise asyncio.CancelledError from error
            if until.is_set():
                return False
            _log.warning("jobs.interrupted", reason=type(error.__cause__ or error).__name__)
            await asyncio.sleep(_PAUSE_SECONDS)
            return True
        finally:
            stopping.cancel()
        return False

    async def depth(self) -> dict[str, int]:
        """Jobs by state: ``todo``, ``doing``, ``failed``."""
        with self._faults():
            await self._open()
            rows = await self._app.connector.execute_query_all_async(
                "SELECT status::text AS state, count(*) AS jobs FROM procrastinate_jobs GROUP BY status"
            )
        counts = {str(row["state"]): int(row["jobs"]) for row in rows}
        return {state: counts.get(state, 0) for state in ("todo", "doing", "failed")}

    async def workers(self) -> int:
        """How many workers gave a sign of life within ``jobs.stalled_after``, on any machine.

        Raises:
            DatabaseUnavailableError: the queue cannot be reached.
        """
        with self._faults():
            await self._open()
            rows = await self._app.connector.execute_query_all_async(
                "SELECT count(*) AS alive FROM procrastinate_workers"
                " WHERE last_heartbeat > now() - make_interval(secs => %(seconds)s)",
                seconds=self._settings.stalled_after,
            )
        return int(rows[0]["alive"])

    async def waiting(self) -> list[Waiting]:
        """The queues of the registered jobs, and any other that holds jobs. O(jobs that are not done).

        Raises:
            DatabaseUnavailableError: the queue cannot be reached.
        """
        with self._faults():
            await self._open()
            rows = await self._app.connector.execute_query_all_async(_WAITING)
        found = {name: Waiting(name, dict.fromkeys(_STATES, 0), 0.0, 0) for name in self._queues}
        for row in rows:
            jobs = {state: int(row[state]) for state in _STATES}
            found[row["queue_name"]] = Waiting(
                row["queue_name"], jobs, max(float(row["oldest_seconds"]), 0.0), int(row["files"])
            )
        return list(found.values())

    @contextmanager
    def _faults(self) -> Generator[None]:
        """Turn what the job system raises about the database into our errors."""
        try:
            yield
        except faults.ConnectorException as error:
            with self._database.faults():
                raise error.__cause__ or error from error

    async def _open(self) -> None:
        async with self._opening:
            if not self._opened:
                await self._app.open_async()
                self._opened = True

    async def _keep_taking_over(self) -> None:
        while True:
            await asyncio.sleep(self._settings.stalled_after / _BEATS)
            try:
                await self._take_over()
            except (faults.ConnectorException, DeskmindError) as error:
                _log.warning("jobs.take_over_failed", reason=type(error).__name__)

    async def _take_over(self, **_: Any) -> None:
        """Put back the jobs of workers that gave no sign of life, but for our own: this process lives, if it is late."""
        await self._taking_over()


async def _stop_when(told: asyncio.Event, worker: Worker) -> None:
    await told.wait()
    worker.stop()
