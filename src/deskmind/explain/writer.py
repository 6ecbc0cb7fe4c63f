"""Writing stories: after the response, in batches, without ever being waited for."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, cast

import psycopg
from psycopg import AsyncConnection, sql

from deskmind.database import translated
from deskmind.ending import ended
from deskmind.errors import DeskmindError, InvalidRequestError
from deskmind.explain.records import story_record
from deskmind.observability import logger
from deskmind.observability.instruments import TELEMETRY_DROPPED, counter
from deskmind.observability.metering import labels
from deskmind.observability.story import Story

__all__ = ["StoryWriter"]

_MOST_WAITING = 1_000
_MANY = 250
_BATCH = 250
_AT_ONCE = 50
"""Stories that are made records before others get a turn."""
_LONGEST_PAUSE = 30.0
_CLOSING_SECONDS = 5.0

_INSERT = """
INSERT INTO {schema}.request_stories (tenant_id, began_at, story_id, principal_id, request_id, kind, operation, error,
    seconds, found, confidence, mode, prompt, prompt_version, experiment, variant, documents, groups, question, told)
SELECT r.tenant_id, to_timestamp(r.began_at), r.story_id, r.principal_id, r.request_id, r.kind, r.operation, r.error,
       r.seconds, r.found, r.confidence, r.mode, r.prompt, r.prompt_version, r.experiment, r.variant, r.documents,
       r.groups, r.question, r.told
  FROM jsonb_to_recordset(%s::jsonb) AS r(tenant_id uuid, began_at double precision, story_id uuid, principal_id uuid,
    request_id text, kind text, operation text, error text, seconds double precision, found boolean,
    confidence double precision, mode text, prompt text, prompt_version integer, experiment text, variant text,
    documents uuid[], groups uuid[], question text, told jsonb)
ON CONFLICT DO NOTHING
"""

_MONTHS = """
SELECT {schema}.ensure_story_partition(m) FROM (
    SELECT DISTINCT date_trunc('month', to_timestamp((r->>'began_at')::double precision), 'UTC')
      FROM jsonb_array_elements(%s::jsonb) r) x(m)
"""

_DROP = "SELECT {schema}.drop_story_partitions(%s::integer)"
_DELETE = "SELECT {schema}.delete_old_stories(%s::integer)"

_STORIES = labels({"deskmind.signal": "stories"})
_log = logger("deskmind.explain")
_dropped = counter(TELEMETRY_DROPPED)


class StoryWriter:
    """A sink of stories in PostgreSQL, under the login that may add them and read none.

    Attributes:
        written: stories stored by this process.
        dropped: stories lost: more than 1,000 waited, or the database refused one.
        problem: why stories cannot be written now; None when they can.
    """

    def __init__(self, address: str, schema: str, *, flush_seconds: float = 0.5) -> None:
        """Nothing is opened before the first story comes.

        Args:
            address: of the ledger's login.
            schema: where our tables are.
            flush_seconds: time between batches.
        """
        self._address = address
        self._schema = sql.Identifier(schema)
        self._flush_seconds = flush_seconds
        self._waiting: deque[Story] = deque()
        self._task: asyncio.Task[None] | None = None
        self._connection: AsyncConnection[Any] | None = None
        self._writing = asyncio.Lock()
        self._many = asyncio.Event()
        self._closed = False
        self.written = 0
        self.dropped = 0
        self.problem: str | None = None

    @property
    def alive(self) -> bool:
        """Whether somebody is writing, or nothing is to be written."""
        return not self._waiting or (self._task is not None and not self._task.done())

    def take(self, story: Story) -> None:
        """Queue a story of an operation; one too many is dropped and counted."""
        if story.scope is None:
            return
        if self._closed or len(self._waiting) >= _MOST_WAITING:
            self._lose("closed" if self._closed else "too-many")
            return
        self._waiting.append(story)
        if len(self._waiting) >= _MANY and self.problem is None:
            self._many.set()
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._write_batches())

    async def flush(self) -> None:
        """Write what waits now, as far as the database lets us; what comes meanwhile gathers for the next time."""
        async with self._writing:
            there = len(self._waiting)
            while batch := list(islice(self._waiting, min(there, _BATCH))):
                try:
                    await self._store(await self._records(batch))
                except DeskmindError as error:
                    self._fail(error.code)
                    return
                for _ in batch:
                    self._waiting.popleft()
                there -= len(batch)
                self.problem = None
                await asyncio.sleep(0)

    async def check(self) -> None:
        """See that stories could be written now.

        Raises:
            DatabaseUnavailableError: the ledger's login cannot connect.
        """
        async with self._writing:
            await self._run("SELECT {schema}.ensure_story_partition(now())")

    async def expire(self, keep_days: int, *, by_month: bool = True) -> int:
        """Drop stories that began more than ``keep_days`` days ago; gives how many rows went singly.

        Args:
            keep_days: how long stories are kept.
            by_month: whether whole months go at once, which looks at no row: not while a legal hold stands.
        """
        async with self._writing:
            ((months,),) = await self._run(_DROP, keep_days) if by_month else ((0,),)
            ((singly,),) = await self._run(_DELETE, keep_days)
        _log.info("explain.expired", months=months, stories=singly, keep_days=keep_days)
        return int(singly)

    async def close(self) -> None:
        """Write what waits, for at most five seconds, and stop."""
        self._closed = True
        if self._task is not None:
            await ended(self._task)
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await self.flush()
        if self._waiting:
            self._lose("closed", len(self._waiting))
        self._waiting.clear()
        await self._give_up()

    async def _write_batches(self) -> None:
        pause = self._flush_seconds
        while self._waiting:
            await self._gather(pause)
            await self.flush()
            pause = self._flush_seconds if self.problem is None else min(pause * 2, _LONGEST_PAUSE)

    async def _gather(self, seconds: float) -> None:
        """Until a time has passed, or, while they can be written, many wait."""
        self._many.clear()
        if len(self._waiting) >= _MANY and self.problem is None:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._many.wait()

    async def _records(self, stories: Sequence[Story]) -> list[bytes]:
        found: list[bytes] = []
        for first in range(0, len(stories), _AT_ONCE):
            found += [
                record for story in stories[first : first + _AT_ONCE] if (record := self._record(story))
            ]
            await asyncio.sleep(0)
        return found

    def _record(self, story: Story) -> bytes | None:
        try:
            return story_record(story)
        except (ValueError, TypeError) as error:  # a fact that cannot be stored must not keep the others back
            self._lose(type(error).__name__)
            return None

    async def _store(self, records: Sequence[bytes]) -> None:
        """Store a batch; where the database refuses it, one by one, so that a bad one takes no other with it."""
        if not records:
            return
        try:
            await self._insert(records)
            self.written += len(records)
        except (psycopg.Error, InvalidRequestError) as error:
            if len(records) == 1:
                if not isinstance(error, psycopg.errors.ForeignKeyViolation):  # else its tenant was erased
                    self._lose(type(error).__name__)
                return
            for record in records:
                await self._store([record])

    async def _insert(self, records: Sequence[bytes]) -> None:
        lines = (b"[" + b",".join(records) + b"]").decode()
        try:
            await self._run(_INSERT, lines)
        except psycopg.errors.CheckViolation:  # no partition of that month yet
            await self._run(_MONTHS, lines)
            await self._run(_INSERT, lines)

    async def _run(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        composed = sql.SQL(cast("Any", statement)).format(schema=self._schema)
        with translated():
            try:
                if self._connection is None or self._connection.closed:
                    self._connection = await AsyncConnection.connect(
                        self._address, autocommit=True, prepare_threshold=None
                    )
                cursor = await self._connection.execute(composed, values)
                return await cursor.fetchall() if cursor.description else []
            except BaseException:
                await self._give_up()
                raise

    async def _give_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    def _lose(self, reason: str, count: int = 1) -> None:
        if not self.dropped:
            _log.warning("explain.dropped", reason=reason)
        self.dropped += count
        _dropped.add(count, _STORIES)

    def _fail(self, code: str) -> None:
        if self.problem is None:
            _log.warning("explain.not_written", reason=code)
        self.problem = code
