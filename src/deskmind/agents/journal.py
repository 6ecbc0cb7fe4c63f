"""The transcript of a run under way: what is written before the next step begins, by whoever holds the lease."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from psycopg import errors as pg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from deskmind.agents.events import AgentEvent
from deskmind.agents.run import Definition, Step
from deskmind.agents.store import RUN_COLUMNS, RunRow, find_run, owner_of, read_steps, take_run
from deskmind.database import Connection, Database, numbered
from deskmind.errors import AgentCancelledError, ConflictError, LeaseLostError
from deskmind.scope import Scope

__all__ = ["Journal"]

_T = TypeVar("_T")
_OVER = ("done", "failed", "cancelled")
_HELD = """
UPDATE agent_runs
   SET lease_until = clock_timestamp() + make_interval(secs => %(lease)s::float8),
       tainted = tainted OR %(tainted)s::boolean, steps = %(steps)s::integer, tool_calls = %(tool_calls)s::integer,
       tokens = %(tokens)s::bigint, cost = %(cost)s::numeric, seconds = %(seconds)s::float8
 WHERE tenant_id = %(tenant)s::uuid AND run_id = %(run)s::uuid AND epoch = %(epoch)s::integer AND state = 'running'
RETURNING 1
"""
_ADDED = f"""
WITH held AS ({_HELD})
INSERT INTO agent_steps (tenant_id, run_id, position, principal_id, epoch, kind, call_id, tool, outcome, content)
SELECT %(tenant)s::uuid, %(run)s::uuid, %(position)s::integer + n - 1, %(owner)s::uuid, %(epoch)s::integer,
       kind, call_id, tool, outcome, content
  FROM held, ROWS FROM (jsonb_to_recordset(%(made)s::jsonb)
                        AS (kind text, call_id text, tool text, outcome text, content jsonb))
       WITH ORDINALITY AS made (kind, call_id, tool, outcome, content, n)
RETURNING 1
"""
_CLOSED = """
UPDATE agent_runs
   SET state = %(state)s, output = %(output)s::jsonb, problem = %(problem)s, remedy = %(remedy)s, lease_until = NULL,
       ended_at = CASE WHEN %(over)s::boolean THEN now() END, steps = %(steps)s::integer, tool_calls = %(tool_calls)s::integer,
       tokens = %(tokens)s::bigint, cost = %(cost)s::numeric, seconds = %(seconds)s::float8
 WHERE tenant_id = %(tenant)s::uuid AND run_id = %(run)s::uuid AND epoch = %(epoch)s::integer AND state = 'running'
RETURNING cost, to_char(ended_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')
"""
_HOLD, _ADD, _CLOSE = numbered(_HELD), numbered(_ADDED), numbered(_CLOSED)
_END = f"""
UPDATE agent_runs SET state = %s, output = %s, problem = %s, remedy = %s, lease_until = NULL, ended_at = CASE WHEN %s THEN now() END
 WHERE tenant_id = %s AND run_id = %s AND epoch = %s RETURNING {RUN_COLUMNS}
"""


class Journal:
    """A run that this process has taken. Every write first sees that it still has it.

    Attributes:
        wrote: whether an effect may have been claimed.
        pieces: whether ``emit`` is told pieces of text.
        ending: whether the run is cancelled and nothing is begun any more, except to take back what was done.
    """

    def __init__(
        self,
        database: Database,
        scope: Scope,
        row: RunRow,
        steps: Sequence[Step],
        *,
        lease: float,
        taken: float,
        emit: Callable[[AgentEvent], None],
        pieces: bool = False,
    ) -> None:
        self.scope = scope
        self.run_id = row.run_id
        self.row = row
        self.definition = Definition.of(row.definition)
        self.used = row.used
        self.tainted = row.tainted
        self.ending = False
        self.wrote = row.epoch > 1
        self.emit = emit
        self.pieces = pieces
        self.history: list[dict[str, Any]] = [
            dict(step.content) for step in steps if step.kind in ("request", "response")
        ]
        self.results = {step.call_id: step for step in steps if step.kind == "result"}
        self.readers = {
            UUID(one) for step in self.results.values() for one in step.content.get("readers", ())
        }
        self.strikes = sum(step.content.get("rule") == "flow" for step in self.results.values())
        self.texts = [row.prompt, row.untrusted, *(step.text for step in self.results.values())]
        self._database = database
        self._owner = row.principal_id
        self._lease = lease
        self._until = taken + lease
        self._position = len(steps)
        self._turn = asyncio.Lock()
        self._began = time.monotonic()
        self._before = row.seconds

    @classmethod
    async def take(
        cls,
        database: Database,
        scope: Scope,
        run_id: UUID,
        *,
        lease: float,
        emit: Callable[[AgentEvent], None],
        pieces: bool = False,
    ) -> Journal:
        """Take a run.

        Args:
            database: where it is kept.
            scope: whose run.
            run_id: of the run.
            lease: seconds until another may take it over.
            emit: told what happens.
            pieces: whether that is told pieces of text, too.

        Raises:
            ConflictError: another worker has it, or it has ended.
        """
        taken = time.monotonic()
        async with database.transaction(scope) as connection:
            row = await take_run(connection, scope, run_id, lease)
            if row is None:
                raise ConflictError(
                    "The run cannot be taken.", why="Another worker has it, or it has ended.", run=str(run_id)
                )
            steps = await read_steps(connection, scope, run_id)
        return cls(database, scope, row, steps, lease=lease, taken=taken, emit=emit, pieces=pieces)

    @property
    def last(self) -> int:
        """The position of the newest step."""
        return self._position - 1

    @asynccontextmanager
    async def writing(
        self, *, tainted: bool = False, steps: Sequence[Step] = ()
    ) -> AsyncGenerator[Connection]:
        """A transaction that stands only if this process still has the run; it holds the lease on.

        Args:
            tainted: whether the run has read untrusted text.
            steps: that are added to the transcript, which gives them their positions.

        Raises:
            LeaseLostError: another worker has it.
            AgentCancelledError: it was cancelled.
        """
        async with self._turn if steps else nullcontext():  # branches of a workflow write side by side
            began = time.monotonic()
            async with self._database.transaction(
                self.scope, self._statement(began, tainted, steps)
            ) as connection:
                if len(connection.first) != max(len(steps), 1):
                    raise await self._gone(connection)
                yield connection
            self._stands(began, tainted, steps)

    async def write(self, *, tainted: bool = False, steps: Sequence[Step] = ()) -> None:
        """As ``writing`` where nothing else is written with it, in one round trip."""
        async with self._turn if steps else nullcontext():
            began = time.monotonic()
            try:
                written = len(await self._database.alone(self.scope, *self._statement(began, tainted, steps)))
            except pg.UniqueViolation:  # something is there, written under this very epoch
                written = await self._written_again(began, tainted, steps)
            if written != max(len(steps), 1):
                async with self._database.transaction(self.scope) as connection:
                    raise await self._gone(connection)
            self._stands(began, tainted, steps)

    async def _written_again(self, began: float, tainted: bool, steps: Sequence[Step]) -> int:
        """How many of the steps are there: all, where the connection broke once they were written. Where others stand in
        their place, since whoever wrote those did not wait for the answer, these come after them."""
        async with self._database.transaction(self.scope) as connection:
            there = await read_steps(connection, self.scope, self.run_id)
        found = there[self._position :]
        if [_named(one) for one in found[: len(steps)]] == [_named(one) for one in steps]:
            return len(steps)
        self._position = len(there)
        return len(await self._database.alone(self.scope, *self._statement(began, tainted, steps)))

    async def replied(
        self,
        requests: Sequence[dict[str, Any]],
        response: dict[str, Any],
        *,
        tokens: int,
        cost: Decimal | None,
    ) -> None:
        """A reply of the model, with what it was asked since the reply before."""
        self.used.steps += 1
        self.used.tokens += tokens
        self.used.cost += cost or Decimal(0)
        said = [_step("request", one) for one in requests]
        await self.write(steps=(*said, _step("response", response)))
        self.history += [*requests, response]

    async def answered(
        self,
        call_id: str,
        tool: str,
        outcome: str,
        text: str,
        readers: frozenset[UUID] = frozenset(),
        *,
        tainted: bool = False,
    ) -> None:
        """A tool's result, with the access lists of what it draws on."""
        result = _result(call_id, tool, outcome, text, readers)
        await self.write(tainted=tainted, steps=(result,))
        self._heard(result, readers)

    @asynccontextmanager
    async def refusing(self, call_id: str, tool: str, text: str, rule: str) -> AsyncGenerator[Connection]:
        """A transaction as ``writing``'s that adds the refusal of a call, with the rule that refused it."""
        result = _result(call_id, tool, "refused", text, rule=rule)
        async with self.writing(steps=(result,)) as connection:
            yield connection
        self._heard(result)

    def still_held(self) -> None:
        """See, right before something is sent, that the lease has not run out: this process may have stood still.

        Raises:
            LeaseLostError: it has, so another worker may have the run.
        """
        if time.monotonic() >= self._until:
            raise _lost(self.run_id)

    async def confirm(self) -> None:
        """The same, asking the database: nobody else has the run, and for ``lease`` seconds nobody can take it.

        Raises:
            LeaseLostError: somebody has.
            AgentCancelledError: it was cancelled.
        """
        await self.write()
        self.still_held()

    async def keep(self) -> None:
        """Hold the lease until cancelled, while the model or a tool takes its time."""
        while True:
            await asyncio.sleep(self._lease / 3)
            await self.write()

    async def while_held(self, act: Awaitable[_T]) -> _T:
        """What something gives, done while the lease is held on: nobody else takes the run meanwhile.

        Raises:
            LeaseLostError: another worker has it.
            AgentCancelledError: it was cancelled.
        """
        work, keeping = asyncio.ensure_future(act), asyncio.create_task(self.keep())
        try:
            await asyncio.wait((work, keeping), return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                await keeping  # it only ends with an error
            return await work
        finally:
            for task in (work, keeping):
                task.cancel()
            await asyncio.gather(work, keeping, return_exceptions=True)

    async def end(
        self, connection: Connection, state: str, *, output: Any = None, problem: str = "", remedy: str = ""
    ) -> RunRow:
        """Give the run back, in the caller's transaction; its row then."""
        cursor = connection.cursor(row_factory=class_row(RunRow))
        await cursor.execute(
            _END.encode(),
            (
                state,
                Jsonb({"value": output}) if state == "done" else None,
                problem,
                remedy,
                state in _OVER,
                self.scope.tenant_id,
                self.run_id,
                self.row.epoch,
            ),
        )
        row = await cursor.fetchone()
        assert row is not None  # the lease was seen to in this transaction
        return row

    @asynccontextmanager
    async def closing(
        self, state: str, *, output: Any = None, problem: str = "", remedy: str = ""
    ) -> AsyncGenerator[tuple[Connection, RunRow]]:
        """A transaction that begins with giving the run back, if this process still has it; its row then.

        Raises:
            LeaseLostError: another worker has it.
            AgentCancelledError: it was cancelled.
        """
        stored = {"value": output} if state == "done" else None
        values = self._values(time.monotonic(), False, ())
        values |= {"state": state, "problem": problem, "remedy": remedy, "over": str(state in _OVER)}
        values["output"] = None if stored is None else json.dumps(stored)
        text, names = _CLOSE
        async with self._database.transaction(
            self.scope, (text, [values[name] for name in names])
        ) as connection:
            if not connection.first:
                raise await self._gone(connection)
            ((cost, ended),) = connection.first
            used = self.used
            yield (
                connection,
                replace(
                    self.row,
                    state=state,
                    output=stored,
                    problem=problem,
                    remedy=remedy,
                    tainted=self.tainted,
                    steps=used.steps,
                    tool_calls=used.tool_calls,
                    tokens=used.tokens,
                    cost=Decimal(str(cost)),
                    seconds=used.seconds,
                    ended_at=None if ended is None else datetime.fromisoformat(ended).replace(tzinfo=UTC),
                ),
            )

    def _statement(self, began: float, tainted: bool, steps: Sequence[Step]) -> tuple[str, list[str | None]]:
        """Holds the lease on from this time, if this process has the run, and adds the steps; a row for each that was added."""
        values = self._values(began, tainted, steps)
        text, names = _ADD if steps else _HOLD
        return text, [values[name] for name in names]

    def _values(self, began: float, tainted: bool, steps: Sequence[Step]) -> dict[str, str | None]:
        """What is written, as PostgreSQL reads it."""
        used, owner = self.used, owner_of(self.scope)
        used.seconds = self._before + began - self._began
        return {
            "lease": repr(self._lease),
            "tainted": str(tainted),
            "steps": str(used.steps),
            "tool_calls": str(used.tool_calls),
            "tokens": str(used.tokens),
            "cost": str(used.cost),
            "seconds": repr(used.seconds),
            "tenant": str(self.scope.tenant_id),
            "run": str(self.run_id),
            "epoch": str(self.row.epoch),
            "position": str(self._position),
            "owner": None if owner is None else str(owner),
            "made": json.dumps([_columns(one) for one in steps]),
        }

    def _stands(self, began: float, tainted: bool, steps: Sequence[Step]) -> None:
        """What was written at this time is there."""
        self.tainted |= tainted
        self._position += len(steps)
        self._until = began + self._lease

    def _heard(self, result: Step, readers: frozenset[UUID] = frozenset()) -> None:
        self.results[result.call_id] = replace(result, position=self.last)
        self.readers |= readers
        self.texts.append(str(result.content["text"]))

    async def _gone(self, connection: Connection) -> Exception:
        row = await find_run(connection, self.scope, self.run_id)
        if row is not None and row.state == "cancelled":
            return AgentCancelledError("The run was cancelled.", run=str(self.run_id))
        return _lost(self.run_id)


def _step(kind: Any, content: dict[str, Any], tool: str = "", outcome: str = "", call: str = "") -> Step:
    return Step(-1, kind, tool, outcome, content, datetime.now(UTC), call)


def _result(
    call_id: str, tool: str, outcome: str, text: str, readers: frozenset[UUID] = frozenset(), rule: str = ""
) -> Step:
    content: dict[str, Any] = {"text": text, "rule": rule} if rule else {"text": text}
    if readers:
        content["readers"] = sorted(str(one) for one in readers)
    return _step("result", content, tool, outcome, call_id)


def _named(step: Step) -> tuple[str, str, Any]:
    """What tells a step from others of its run: a reply has no id of a call."""
    return step.kind, step.call_id, None if step.call_id else step.content


def _columns(step: Step) -> dict[str, Any]:
    return {
        "kind": step.kind,
        "call_id": step.call_id,
        "tool": step.tool,
        "outcome": step.outcome,
        "content": step.content,
    }


def _lost(run_id: UUID) -> LeaseLostError:
    return LeaseLostError(
        "Another worker has the run, or may have.",
        why="This one was slow or stood still for longer than agents.lease_seconds.",
        run=str(run_id),
    )
