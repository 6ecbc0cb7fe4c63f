"""Schedules that are due, and events that happened, begin runs: each once, however many workers look."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from deskmind.agents.jobs import defer_run
from deskmind.agents.workflows.cron import next_time
from deskmind.agents.workflows.measuring import count_start
from deskmind.agents.workflows.queueing import queue_run
from deskmind.agents.workflows.records import waking
from deskmind.agents.workflows.room import WorkflowRoom
from deskmind.agents.workflows.schedules import Schedule, due_schedules, webhook_schedules
from deskmind.database import Database
from deskmind.errors import DeskmindError
from deskmind.governance.access import Permission, operation
from deskmind.governance.access.principals import Principals
from deskmind.observability import logger
from deskmind.scope import Scope

__all__ = ["begin_due", "begin_for_webhook"]

_log = logger("deskmind.workflows")
_PAGE = 500
_LATE = "5 minutes"
"""A transaction that was under way may show its rows so much later; what was met already is known by its key."""

_CREATED = f"""
SELECT external_id, external_id AS event_key, synced_at FROM synced_records
 WHERE tenant_id = %(tenant)s AND connection_id = %(connection)s AND kind = 'ticket'
   AND synced_at > %(seen)s::timestamptz - interval '{_LATE}' AND (record->>'created_at')::timestamptz >= date_trunc('second', %(made)s::timestamptz)
   AND NOT EXISTS (SELECT FROM workflow_firings f WHERE f.tenant_id = %(tenant)s AND f.schedule_id = %(schedule)s
                      AND f.event_key = external_id)
 ORDER BY synced_at LIMIT {_PAGE}
"""
_UPDATED = f"""
SELECT external_id, left(external_id || ':' || encode(digest, 'hex'), 500) AS event_key, synced_at FROM synced_records
 WHERE tenant_id = %(tenant)s AND connection_id = %(connection)s AND kind = 'ticket'
   AND synced_at > %(seen)s::timestamptz - interval '{_LATE}' AND changed_at >= date_trunc('second', %(made)s::timestamptz)
   AND (record->>'created_at')::timestamptz < changed_at
   AND NOT EXISTS (SELECT FROM workflow_firings f WHERE f.tenant_id = %(tenant)s AND f.schedule_id = %(schedule)s
                      AND f.event_key = left(external_id || ':' || encode(digest, 'hex'), 500))
 ORDER BY synced_at LIMIT {_PAGE}
"""
_AT_RISK = f"""
SELECT r.external_id, left(r.external_id || ':' || p.name || ':' || p.due, 500) AS event_key, r.synced_at
  FROM synced_records r
  CROSS JOIN LATERAL (
       SELECT level->>'name' AS name, level->>'due_at' AS due FROM jsonb_array_elements(r.record->'service_levels') level
        WHERE NOT (level->>'breached')::boolean
       UNION ALL SELECT 'due', r.record->>'due_at') p
 WHERE r.tenant_id = %(tenant)s AND r.connection_id = %(connection)s AND r.kind = 'ticket'
   AND (r.record->>'status_category') IN ('new', 'open', 'waiting')
   AND p.due::timestamptz BETWEEN now() AND now() + make_interval(mins => %(minutes)s)
   AND NOT EXISTS (SELECT FROM workflow_firings f WHERE f.tenant_id = %(tenant)s AND f.schedule_id = %(schedule)s
                      AND f.event_key = left(r.external_id || ':' || p.name || ':' || p.due, 500))
 ORDER BY p.due LIMIT {_PAGE}
"""
_SOUGHT = {"ticket.created": _CREATED, "ticket.updated": _UPDATED, "sla.at_risk": _AT_RISK}
_FIRED = """
INSERT INTO workflow_firings (tenant_id, schedule_id, event_key, run_id) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
_RECORD = """
SELECT left(external_id || ':' || encode(digest, 'hex'), 500) FROM synced_records
 WHERE tenant_id = %s AND connection_id = %s AND kind = %s AND external_id = %s
"""


async def begin_due(room: WorkflowRoom, database: Database, worker: Scope) -> None:
    """Wake the tenant's runs whose time has come, and begin what its schedules want."""
    async with database.transaction(worker) as connection:
        for run_id in await waking(connection, worker):
            await defer_run(connection, worker, run_id)
        due = await due_schedules(connection, worker)
    for schedule in due:
        await _Beginning(room, database, worker, schedule).begin()


async def begin_for_webhook(
    room: WorkflowRoom, database: Database, worker: Scope, connection_id: UUID, kind: str, record_id: str
) -> None:
    """Begin what waits for a connected system's call, once the record it names was read."""
    async with database.transaction(worker) as connection:
        key = (worker.tenant_id, connection_id, kind, record_id)
        row = await (await connection.execute(_RECORD, key)).fetchone()
        due = await webhook_schedules(connection, worker, connection_id)
    for schedule in due if row is not None and kind == "ticket" else []:
        await _Beginning(room, database, worker, schedule).one(record_id, str(row[0]) if row else "")


class _Starter:
    """Begins runs as whoever made the schedule, who must still be allowed to."""

    def __init__(self, database: Database, scope: Scope, room: WorkflowRoom) -> None:
        self._database = database
        self._scope = scope
        self._room = room

    @property
    def scope(self) -> Scope:
        """Who acts."""
        return self._scope

    @property
    def database(self) -> Database:
        """Where runs are kept."""
        return self._database

    @operation(Permission.WORKFLOWS_SCHEDULE)
    async def begin(self, schedule: Schedule, given: dict[str, Any], key: str) -> bool:
        """Queue the run of an event, with the mark that it has one; False where it has."""
        known = self._room.workflow_catalogue.newest(schedule.workflow)
        run_id = uuid4()
        async with self._database.transaction(self._scope) as connection:
            place = (self._scope.tenant_id, schedule.schedule_id, key, run_id)
            if (await connection.execute(_FIRED, place)).rowcount != 1:
                return False
            cause = f"schedule {schedule.name}"
            await queue_run(connection, self._scope, known, given, run_id=run_id, cause=cause)
        return True


class _Beginning:
    """For one schedule."""

    def __init__(self, room: WorkflowRoom, database: Database, worker: Scope, schedule: Schedule) -> None:
        self._room = room
        self._database = database
        self._worker = worker
        self._schedule = schedule

    async def begin(self) -> None:
        """What is due now."""
        schedule = self._schedule
        if schedule.event == "time":
            await self._at_time()
            return
        looked, happened = await self._happened()
        for ticket, key, _ in happened:
            await self.one(ticket, key)
        seen = looked if len(happened) < _PAGE else happened[-1][2]
        async with self._database.transaction(self._worker) as connection:
            await connection.execute(
                "UPDATE workflow_schedules SET seen_at = greatest(seen_at, %s) WHERE tenant_id = %s AND schedule_id = %s",
                (seen, self._worker.tenant_id, schedule.schedule_id),
            )

    async def one(self, ticket: str, key: str) -> None:
        """The run of an event, unless it has one."""
        given = {**self._schedule.input, "connection": self._schedule.connection, "ticket": ticket}
        await self._started(given, key)

    async def _at_time(self) -> None:
        schedule = self._schedule
        assert schedule.next_at is not None
        await self._started(dict(schedule.input), schedule.next_at.astimezone(UTC).isoformat())
        later = next_time(schedule.cron, schedule.zone, datetime.now(UTC))
        async with self._database.transaction(self._worker) as connection:
            await connection.execute(
                "UPDATE workflow_schedules SET next_at = greatest(next_at, %s) WHERE tenant_id = %s AND schedule_id = %s",
                (later, self._worker.tenant_id, schedule.schedule_id),
            )

    async def _happened(self) -> tuple[datetime, list[tuple[str, str, datetime]]]:
        """When was looked, and what had happened then: ticket, key of the event, when it was read; a page at most."""
        schedule = self._schedule
        values = {
            "tenant": self._worker.tenant_id,
            "connection": schedule.connection_id,
            "schedule": schedule.schedule_id,
            "seen": schedule.seen_at,
            "made": schedule.created_at,
            "minutes": schedule.minutes,
        }
        async with self._database.transaction(self._worker) as connection:
            now = await (await connection.execute("SELECT clock_timestamp()")).fetchone()
            assert now is not None
            cursor = await connection.execute(_SOUGHT[schedule.event].encode(), values)
            return now[0], [(row[0], row[1], row[2]) for row in await cursor.fetchall()]

    async def _started(self, given: dict[str, Any], key: str) -> None:
        schedule = self._schedule
        try:
            begun = await _Starter(self._database, await self._scope(), self._room).begin(
                schedule, given, key
            )
        except DeskmindError as error:
            count_start(schedule.event, "failed")
            _log.warning("workflows.not_begun", schedule=schedule.name, reason=error.code)
            await self._told(error.code)
            return
        if begun:
            count_start(schedule.event, "started")
        if schedule.problem:
            await self._told("")

    async def _scope(self) -> Scope:
        if self._schedule.principal_id is None:
            return self._worker
        people = Principals(self._database, self._worker)
        return await people.scope_of(principal_id=self._schedule.principal_id)

    async def _told(self, problem: str) -> None:
        async with self._database.transaction(self._worker) as connection:
            await connection.execute(
                "UPDATE workflow_schedules SET problem = %s WHERE tenant_id = %s AND schedule_id = %s",
                (problem, self._worker.tenant_id, self._schedule.schedule_id),
            )
