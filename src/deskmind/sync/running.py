"""A run: every kind of record that a connection reads, several at once, then what is gone, then who may see what."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from deskmind.connectors.model import Kind
from deskmind.connectors.protocol import Connector
from deskmind.database import Connection as DatabaseConnection
from deskmind.database import Database
from deskmind.errors import (
    DeskmindError,
    InvalidRequestError,
    KeyringError,
    SourceAuthenticationError,
    SourceError,
    SourceRateLimitedError,
    SourceUnavailableError,
    UnavailableError,
)
from deskmind.governance.access import Permission
from deskmind.governance.audit import record
from deskmind.governance.privacy import Suppression
from deskmind.keyring import Keyring
from deskmind.knowledge.engine import Engine
from deskmind.observability import logger
from deskmind.scope import Scope
from deskmind.settings import Settings
from deskmind.sync.connections import Connection, connector_of, find_connection, source_name
from deskmind.sync.following import Follower, outstanding
from deskmind.sync.jobs import defer_follow
from deskmind.sync.learning import learn_names
from deskmind.sync.measures import measure_run
from deskmind.sync.mirroring import Mirrored, mirror
from deskmind.sync.passes import MISSHAPEN, Pass, misshapen, read_kind, sweep_kind
from deskmind.sync.storing import Counted, RecordStore
from deskmind.webhooks import publish

if TYPE_CHECKING:
    from deskmind.connectors.opening import VendorConnector

__all__ = ["RunRoom", "Runner", "kinds_of"]

_log = logger("deskmind.sync")
_LONGEST_PAUSE = 3600.0
_REFUSED = (SourceAuthenticationError, SourceRateLimitedError)
_LATER = (SourceRateLimitedError, SourceUnavailableError, UnavailableError)

_STARTED = """
UPDATE connections SET started_at = clock_timestamp(), renewing = renewing OR wish_full, wish_full = false, wish_sweep = false
 WHERE tenant_id = %s AND connection_id = %s RETURNING renewing, swept_at
"""
_CUT_SHORT = "coalesce(started_at > coalesce(finished_at, '-infinity'), false)"
"""The last run did not come to its end, and may have taken the wish for a sweep with it."""
_WISHED = f"""
SELECT wish_full, wish_sweep OR {_CUT_SHORT} FROM connections WHERE tenant_id = %s AND connection_id = %s FOR UPDATE
"""
_BEGAN_NOTHING = f"""
UPDATE connections SET started_at = clock_timestamp(), wish_sweep = wish_sweep OR {_CUT_SHORT}
 WHERE tenant_id = %s AND connection_id = %s
"""
"""What was wished stays so: the next run that can begin does it."""
_ANEW = """
UPDATE sync_passes SET cursor = NULL, pass = pass + 1, running = true, started_at = clock_timestamp(), notes = '{}',
       unmapped = '{}'
 WHERE tenant_id = %s AND connection_id = %s
"""
_FORGOTTEN = "DELETE FROM sync_problems WHERE tenant_id = %s AND connection_id = %s"
_FINISHED = """
UPDATE connections SET finished_at = clock_timestamp(), error = %(error)s, renewing = renewing AND %(error)s <> '',
       wish_sweep = wish_sweep OR (%(sweep)s AND %(error)s <> ''),
       swept_at = CASE WHEN %(error)s = '' AND (%(sweep)s OR swept_at IS NULL) THEN clock_timestamp() ELSE swept_at END
 WHERE tenant_id = %(tenant)s AND connection_id = %(connection)s
"""


@dataclass(frozen=True, slots=True)
class _Run:
    found: Connection
    source: VendorConnector
    renewing: bool
    sweep: bool


class RunRoom(Protocol):
    """What runs need of the application."""

    settings: Settings
    keyring: Keyring

    async def engine(self) -> Engine:
        """What documents go through."""
        ...

    def suppression(self, scope: Scope) -> Suppression:
        """Who may not come back."""
        ...

    def forget_authentication(self) -> None:
        """Memberships changed."""
        ...

    def forget_redaction(self, tenant_id: UUID) -> None:
        """Names changed."""
        ...


class Runner:
    """Runs the synchronisation of one connection in its tenant's operator's scope."""

    def __init__(self, database: Database, scope: Scope, room: RunRoom) -> None:
        self._database = database
        self._scope = scope
        self._room = room

    async def run(self, connection_id: UUID) -> None:
        """Read what is new, or everything where that was wished; what the vendor refuses is in the status afterwards."""
        began = time.monotonic()
        try:
            run = await self._begin(connection_id)
        except (KeyringError, InvalidRequestError) as error:  # another attempt would say the same
            await self._never_began(connection_id, error)
            return
        async with run.source:
            passes = await self._read(run)
            if not any(isinstance(one.error, _REFUSED) for one in passes):
                follower = await self._follower(run.found, run.source)
                passes += await follower.follow()
        await self._heed(run, passes)
        mirrored = await self._conclude(run, passes)
        outcome = "ok" if not _errors(passes) else "partial" if _some(passes) else "error"
        measure_run(run.found.vendor, outcome, time.monotonic() - began)
        _log.info("sync.finished", connection=str(connection_id), outcome=outcome, matched=mirrored.matched)

    async def read_one(self, connection_id: UUID, kind: Kind, record_id: str) -> None:
        """Read one record that the vendor says has changed, or remove it when it is gone."""
        async with self._database.transaction(self._scope) as connection:
            found = await find_connection(connection, self._scope, connection_id)
            source = await self._open(connection, found)
        store = await self.store(found)
        async with source:
            if kind not in kinds_of(found, source):
                return
            try:
                one = await source.get(kind, record_id)
            except (SourceUnavailableError, SourceRateLimitedError):
                raise  # later
            except (SourceError, *MISSHAPEN) as error:  # again and again the same, or the account is locked
                await store.problem(kind, record_id, misshapen(kind, error).code)
                return

        async def then(connection: DatabaseConnection) -> None:
            if one is None:
                await store.remove(connection, kind, [record_id])
            await self._follow_later(connection, connection_id)

        await store.store(kind, [] if one is None else [one], unless_newer=True, then=then)

    async def follow(self, connection_id: UUID) -> None:
        """Read again what calls by name records that were renamed or are gone, and queue the rest of it."""
        async with self._database.transaction(self._scope) as connection:
            if not await outstanding(connection, self._scope, connection_id):
                return
            found = await find_connection(connection, self._scope, connection_id)
            source = await self._open(connection, found)
        async with source:
            passes = await (await self._follower(found, source)).follow()
        for one in passes:
            if isinstance(one.error, _LATER):
                raise one.error
            if one.error is not None:  # the next run tells it
                return
        async with self._database.transaction(self._scope) as connection:
            await self._follow_later(connection, connection_id)

    async def _follower(self, found: Connection, source: VendorConnector) -> Follower:
        kinds = source.capabilities.incremental & set(kinds_of(found, source))
        store = await self.store(found)
        return Follower(self._database, self._scope, found.connection_id, source, store, kinds)

    async def _follow_later(self, connection: DatabaseConnection, connection_id: UUID) -> None:
        if await outstanding(connection, self._scope, connection_id):
            await defer_follow(connection, self._scope, connection_id)

    async def _never_began(self, connection_id: UUID, error: DeskmindError) -> None:
        async with self._database.transaction(self._scope) as connection:
            found = await find_connection(connection, self._scope, connection_id)
            await connection.execute(_BEGAN_NOTHING, (self._scope.tenant_id, connection_id))
            await self._finished(connection, found, _said(error))
            told = {"connection_id": connection_id, "vendor": found.vendor, "problem": error.code}
            await publish(connection, self._scope, "sync.failed", told)
        measure_run(found.vendor, "error", 0.0)

    async def _finished(
        self, connection: DatabaseConnection, found: Connection, error: str, *, sweep: bool = False
    ) -> None:
        values = {"error": error[:2000], "sweep": sweep}
        key = {"tenant": self._scope.tenant_id, "connection": found.connection_id}
        await connection.execute(_FINISHED, {**values, **key})

    async def _begin(self, connection_id: UUID) -> _Run:
        key = (self._scope.tenant_id, connection_id)
        async with self._database.transaction(self._scope) as connection:
            found = await find_connection(connection, self._scope, connection_id)
            wished = await (await connection.execute(_WISHED, key)).fetchone()
            assert wished is not None
            full, sweep = wished
            if full:
                await connection.execute(_ANEW, key)
                await connection.execute(_FORGOTTEN, key)
            row = await (await connection.execute(_STARTED, key)).fetchone()
            assert row is not None
            source = await self._open(connection, found)
        renewing, swept_at = row
        return _Run(found, source, renewing, renewing or sweep or self._due(swept_at))

    async def _open(self, connection: DatabaseConnection, found: Connection) -> VendorConnector:
        return await connector_of(connection, self._scope, self._room.keyring, found, database=self._database)

    async def store(self, found: Connection, *, again: bool = False) -> RecordStore:
        """Where the records of a connection go."""
        engine = await self._room.engine()
        return RecordStore(
            self._database,
            self._scope,
            found.connection_id,
            source=source_name(found.name),
            suppression=self._room.suppression(self._scope),
            pipeline=engine.pipeline,
            masked=self._room.settings.redaction.ingest,
            again=again,
        )

    def _due(self, swept_at: datetime | None) -> bool:
        """The first run reads all there is, so nothing is looked for then."""
        hours = timedelta(hours=self._room.settings.sync.sweep_hours)
        return swept_at is not None and datetime.now(swept_at.tzinfo) - swept_at >= hours

    async def _read(self, run: _Run) -> list[Pass]:
        turns = asyncio.Semaphore(self._room.settings.sync.parallel)
        refused = asyncio.Event()

        async def read(kind: Kind) -> list[Pass]:
            async with turns:
                if refused.is_set():  # asking on could lock the account, or make it wait for longer
                    return []
                done = await self._kind(run, kind)
                if any(isinstance(one.error, _REFUSED) for one in done):
                    refused.set()
                return done

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(read(kind)) for kind in kinds_of(run.found, run.source)]
        except (
            ExceptionGroup
        ) as several:  # our own trouble, such as a full disk: the job knows what to do with one
            raise several.exceptions[0] from None
        return [one for task in tasks for one in task.result()]

    async def _kind(self, run: _Run, kind: Kind) -> list[Pass]:
        store = await self.store(run.found, again=run.renewing)
        place = (self._database, self._scope, run.found.connection_id, run.source, store, kind)
        done = [await read_kind(*place)]
        can = run.source.capabilities
        if run.sweep and kind in can.sweep & can.incremental and done[0].error is None:
            done.append(await sweep_kind(*place, believed=run.renewing))
        return done

    async def _heed(self, run: _Run, passes: Sequence[Pass]) -> None:
        """Where the vendor asked for a long pause, later runs keep it too."""
        from deskmind.sync.pacing import SharedPace

        asked = [one.error.details.get("retry_after") for one in passes if isinstance(one.error, _REFUSED)]
        pause, pace = (
            max((one for one in asked if isinstance(one, int | float)), default=0.0),
            run.source.client.pace,
        )
        if pause and isinstance(pace, SharedPace):
            await pace.hold(min(pause, _LONGEST_PAUSE))

    async def _conclude(self, run: _Run, passes: Sequence[Pass]) -> Mirrored:
        scope, found = self._scope, run.found
        errors = _errors(passes)
        async with self._database.transaction(scope) as connection:
            mirrored = await mirror(connection, scope, found.connection_id, found.name)
            if _touched(passes, {Kind.PERSON, Kind.CONFIGURATION_ITEM, Kind.ORGANISATION}):
                await learn_names(connection, scope, found)
            await self._finished(connection, found, "; ".join(errors), sweep=run.sweep)
            if not any(isinstance(one.error, (*_REFUSED, *_LATER)) for one in passes):
                await self._follow_later(connection, found.connection_id)
            await self._record(connection, run, passes, mirrored)
        if mirrored.joined or mirrored.left:
            if self._database.authority is not None:
                self._database.authority.forget(scope.tenant_id)
            self._room.forget_authentication()
        self._room.forget_redaction(scope.tenant_id)
        return mirrored

    async def _record(
        self, connection: DatabaseConnection, run: _Run, passes: Sequence[Pass], mirrored: Mirrored
    ) -> None:
        counted = sum((one.counted for one in passes), Counted())
        if counted.added or counted.changed or counted.gone:
            await connection.execute("SELECT refresh_statistics()")
        await record(
            connection,
            self._scope,
            Permission.SYNC_RUN,
            resource=f"connection {run.found.name}",
            outcome="failed" if _errors(passes) else "done",
            added=counted.added,
            changed=counted.changed,
            gone=counted.gone,
            failed=counted.failed,
            joined=mirrored.joined,
            left=mirrored.left,
        )
        told = {
            "connection_id": run.found.connection_id,
            "vendor": run.found.vendor,
            "added": counted.added,
            "changed": counted.changed,
            "gone": counted.gone,
            "failed": counted.failed,
        }
        event_type = "sync.failed" if _errors(passes) else "sync.finished"
        await publish(connection, self._scope, event_type, told)


def kinds_of(found: Connection, source: Connector) -> list[Kind]:
    """The kinds that a connection reads; people and sets first, since they say who may see the others."""
    wanted = {Kind(kind) for kind in found.kinds} or set(Kind)
    order = (Kind.PERSON, Kind.GROUP, Kind.MEMBERSHIP, Kind.ARTICLE, Kind.TICKET)
    ordered = [*order, *(kind for kind in Kind if kind not in order)]
    return [kind for kind in ordered if kind in wanted and kind in source.capabilities.kinds]


def _errors(passes: Sequence[Pass]) -> list[str]:
    failed = ((one.kind, one.error) for one in passes if one.error is not None)
    return list(dict.fromkeys(f"{kind}: {_said(error)}" for kind, error in failed))


def _said(error: DeskmindError) -> str:
    return f"{error.code}: {error.what} {error.why}".strip()


def _some(passes: Sequence[Pass]) -> bool:
    return any(one.error is None for one in passes)


def _touched(passes: Sequence[Pass], kinds: set[Kind]) -> bool:
    return any(
        one.kind in kinds and (one.counted.added or one.counted.changed or one.counted.gone) for one in passes
    )
