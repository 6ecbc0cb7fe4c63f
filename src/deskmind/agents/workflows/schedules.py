"""``desk.schedules``: what begins workflows by itself, at times or when something happens in a connected system."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID, uuid4

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from deskmind.agents.store import owner_of
from deskmind.agents.workflows.cron import check_cron, next_time
from deskmind.agents.workflows.room import WorkflowRoom
from deskmind.database import Connection, Database
from deskmind.errors import ConflictError, InvalidRequestError, NotFoundError
from deskmind.governance.access import Permission, operation
from deskmind.governance.audit import record
from deskmind.scope import Scope
from deskmind.sync.connections import find_connection

__all__ = ["EVENTS", "Schedule", "Schedules", "Trigger", "due_schedules", "webhook_schedules"]

Trigger = Literal["time", "ticket.created", "ticket.updated", "sla.at_risk", "webhook"]
EVENTS: tuple[Trigger, ...] = ("ticket.created", "ticket.updated", "sla.at_risk", "webhook")
_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,62}")
_COLUMNS = (
    "s.schedule_id, s.name, s.principal_id, s.workflow, s.input, s.event, s.cron, s.zone, c.name AS connection,"
    " s.connection_id, s.minutes, s.enabled, s.next_at, s.seen_at, s.problem, s.created_at"
)
_FROM = """
FROM workflow_schedules s LEFT JOIN connections c ON c.tenant_id = s.tenant_id AND c.connection_id = s.connection_id
WHERE s.tenant_id = %s
"""
_ADD = """
INSERT INTO workflow_schedules (tenant_id, schedule_id, name, principal_id, workflow, input, event, cron, zone, connection_id,
                                minutes, next_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (tenant_id, name) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Schedule:
    """What begins runs of a workflow.

    Attributes:
        principal_id: under whose rights the runs are; None for the operator.
        input: of each run; to an event's are added ``connection`` and ``ticket``.
        event: ``time``, or what has to happen.
        cron, zone: of times: five fields, in that place's time.
        connection: of events: the system's name.
        minutes: before a promised time a ticket is at risk.
        next_at: of times.
        seen_at: of events: what was read until then was looked at.
        problem: the code of the error of the last run that could not begin.
    """

    schedule_id: UUID
    name: str
    principal_id: UUID | None
    workflow: str
    input: Mapping[str, Any]
    event: Trigger
    cron: str
    zone: str
    connection: str | None
    connection_id: UUID | None
    minutes: int
    enabled: bool
    next_at: datetime | None
    seen_at: datetime
    problem: str
    created_at: datetime

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        shown = asdict(self)
        for hidden in ("principal_id", "connection_id", "seen_at"):
            del shown[hidden]
        shown["schedule_id"] = str(self.schedule_id)
        shown["next_at"] = self.next_at.isoformat() if self.next_at else None
        shown["created_at"] = self.created_at.isoformat()
        return shown


class Schedules:
    """Schedules of the tenant (operators). Their runs are under the rights of who made the schedule, as those are then."""

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
        """Where schedules are kept."""
        return self._database

    @operation(Permission.WORKFLOWS_SCHEDULE)
    async def add(
        self,
        name: str,
        workflow: str,
        given: Mapping[str, Any] | None = None,
        *,
        cron: str = "",
        zone: str = "UTC",
        on: Trigger | None = None,
        connection: str = "",
        minutes: int = 60,
    ) -> Schedule:
        """Have a workflow begin at times, or on events.

        Args:
            name: a-z, 0-9 and ``_.-``, unique in the tenant.
            workflow: its name.
            given: its input; for an event without ``connection`` and ``ticket``, which it gets from the event.
            cron: times, as in a crontab: five fields. Times that were missed begin one run, not many.
            zone: whose clock.
            on: instead of times, an event: ``ticket.created``, ``ticket.updated``, ``sla.at_risk``, ``webhook``.
            connection: the system's name.
            minutes: before a promised time a ticket is at risk, 1 to 10,080.

        Raises:
            InvalidRequestError: a value is not right, or neither or both of times and event are given.
            NotFoundError: there is no such workflow or connection.
            ConflictError: there is a schedule of this name.
        """
        self._check(name, workflow, given or {}, cron, zone, on, connection, minutes)
        next_at = next_time(cron, zone, datetime.now(UTC)) if cron else None
        async with self._database.transaction(self._scope) as tx:
            found = await find_connection(tx, self._scope, connection) if connection else None
            who = (self._scope.tenant_id, uuid4(), name, owner_of(self._scope), workflow, Jsonb(given or {}))
            when = (on or "time", cron, zone, found.connection_id if found else None, minutes, next_at)
            cursor = await tx.execute(_ADD, (*who, *when))
            if cursor.rowcount != 1:
                raise ConflictError(
                    f"There is a schedule '{name}' already.",
                    remedy="Remove it first, or choose another name.",
                )
            await self._record(tx, name, "added", workflow=workflow, event=on or "time")
            return await self._found(tx, name)

    @operation(Permission.WORKFLOWS_SCHEDULE)
    async def all(self) -> list[Schedule]:
        """Every schedule, by name."""
        async with self._database.transaction(self._scope) as connection:
            cursor = connection.cursor(row_factory=class_row(Schedule))
            await cursor.execute(
                f"SELECT {_COLUMNS} {_FROM} ORDER BY s.name".encode(), (self._scope.tenant_id,)
            )
            return await cursor.fetchall()

    @operation(Permission.WORKFLOWS_SCHEDULE)
    async def enable(self, name: str, *, enabled: bool = True) -> None:
        """Let a schedule begin runs, or not; times and events meanwhile are passed over.

        Raises:
            NotFoundError: there is none of this name.
        """
        async with self._database.transaction(self._scope) as connection:
            found = await self._found(connection, name)
            next_at = next_time(found.cron, found.zone, datetime.now(UTC)) if found.cron else None
            await connection.execute(
                "UPDATE workflow_schedules SET enabled = %s, next_at = %s, seen_at = clock_timestamp(), problem = ''"
                " WHERE tenant_id = %s AND schedule_id = %s",
                (enabled, next_at, self._scope.tenant_id, found.schedule_id),
            )
            await self._record(connection, name, "enabled" if enabled else "disabled")

    @operation(Permission.WORKFLOWS_SCHEDULE)
    async def remove(self, name: str) -> None:
        """Remove a schedule; its runs stay.

        Raises:
            NotFoundError: there is none of this name.
        """
        async with self._database.transaction(self._scope) as connection:
            found = await self._found(connection, name)
            await connection.execute(
                "DELETE FROM workflow_schedules WHERE tenant_id = %s AND schedule_id = %s",
                (self._scope.tenant_id, found.schedule_id),
            )
            await self._record(connection, name, "removed")

    def _check(
        self,
        name: str,
        workflow: str,
        given: Mapping[str, Any],
        cron: str,
        zone: str,
        on: Trigger | None,
        connection: str,
        minutes: int,
    ) -> None:
        if not _NAME.fullmatch(name):
            raise InvalidRequestError(
                f"'{name[:80]}' cannot name a schedule.",
                why="A name has 1 to 63 characters of a-z, 0-9 and '_.-', starting with a letter.",
            )
        if bool(cron) == (on is not None) or (on is None) != (not connection) or not 1 <= minutes <= 10_080:
            raise InvalidRequestError(
                "It is not clear when the workflow is to begin.",
                remedy="Give times, or an event with its connection; minutes are 1 to 10,080.",
            )
        if on is not None and on not in EVENTS:
            raise InvalidRequestError(
                f"There is no event '{on[:40]}'.", remedy=f"Choose of {', '.join(EVENTS)}."
            )
        if cron:
            check_cron(cron, zone)
        known = self._room.workflow_catalogue.newest(workflow)
        known.stored({**given, "connection": connection, "ticket": "-"} if on is not None else given)

    async def _found(self, connection: Connection, name: str) -> Schedule:
        cursor = connection.cursor(row_factory=class_row(Schedule))
        statement = f"SELECT {_COLUMNS} {_FROM} AND s.name = %s"
        await cursor.execute(statement.encode(), (self._scope.tenant_id, name))
        row = await cursor.fetchone()
        if row is None:
            raise NotFoundError(
                f"There is no schedule '{name[:80]}'.",
                remedy="`deskmind workflows schedule list` shows them.",
            )
        return row

    async def _record(self, connection: Connection, name: str, act: str, **facts: Any) -> None:
        await record(
            connection,
            self._scope,
            Permission.WORKFLOWS_SCHEDULE,
            resource=f"schedule {name}",
            act=act,
            **facts,
        )


async def due_schedules(connection: Connection, scope: Scope) -> list[Schedule]:
    """The tenant's schedules whose time has come, or that look for events; others wait that another worker has."""
    cursor = connection.cursor(row_factory=class_row(Schedule))
    statement = (
        f"SELECT {_COLUMNS} {_FROM} AND s.enabled AND (s.event NOT IN ('time', 'webhook') OR s.next_at <= now())"
        " ORDER BY s.name"
    )
    await cursor.execute(statement.encode(), (scope.tenant_id,))
    return await cursor.fetchall()


async def webhook_schedules(connection: Connection, scope: Scope, connection_id: UUID) -> list[Schedule]:
    """The tenant's schedules that wait for calls of a connected system."""
    cursor = connection.cursor(row_factory=class_row(Schedule))
    statement = f"SELECT {_COLUMNS} {_FROM} AND s.enabled AND s.event = 'webhook' AND s.connection_id = %s ORDER BY s.name"
    await cursor.execute(statement.encode(), (scope.tenant_id, connection_id))
    return await cursor.fetchall()
