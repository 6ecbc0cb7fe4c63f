"""The transcript of a run under way: what is written before the next step begins, by whoever holds the lease."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from deskmind.agents.events import AgentEvent
from deskmind.agents.run import Definition, Step
from deskmind.agents.store import RUN_COLUMNS, RunRow, find_run, owner_of, read_steps, take_run
from deskmind.database import Connection, Database
from deskmind.errors import AgentCancelledError, ConflictError, LeaseLostError
from deskmind.scope import Scope

__all__ = ["Journal"]

_HOLD = """
UPDATE agent_runs
   SET lease_until = clock_timestamp() + make_interval(secs => %(lease)s), tainted = tainted OR %(tainted)s,
       steps = %(steps)s, tool_calls = %(tool_calls)s, tokens = %(tokens)s, cost = %(cost)s, seconds = %(seconds)s
 WHERE tenant_id = %(tenant)s AND run_id = %(run)s AND epoch = %(epoch)s AND state = 'running'
"""
_ADD = f"""
WITH held AS ({_HOLD} RETURNING 1)
INSERT INTO agent_steps (tenant_id, run_id, position, principal_id, epoch, kind, call_id, tool, outcome, content)
SELECT %(tenant)s, %(run)s, %(position)s + n - 1, %(owner)s, %(epoch)s, kind, call_id, tool, outcome, content
  FROM held, unnest(%(kinds)s::text[], %(calls)s::text[], %(tools)s::text[], %(outcomes)s::text[], %(contents)s::jsonb[])
       WITH ORDINALITY AS made (kind, call_id, tool, outcome, content, n)
"""
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
            self.used.seconds = self._before + began - self._began
            statement, values = _HOLD, self._holding(tainted)
            if steps:
                statement, values = _ADD, {**values, **self._adding(steps)}
            async with self._database.transaction(self.scope) as connection:
                cursor = await connection.execute(statement.encode(), values)
                if cursor.rowcount != max(len(steps), 1):
                    raise await self._gone(connection)
                yield connection
            self.tainted |= tainted
            self._position += len(steps)
            self._until = began + self._lease

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
        async with self.writing(steps=(*said, _step("response", response))):
            pass
        self.history += [*requests, response]

    @asynccontextmanager
    async def answering(
        self,
        call_id: str,
        tool: str,
        outcome: str,
        text: str,
        readers: frozenset[UUID] = frozenset(),
        rule: str = "",
        *,
        tainted: bool = False,
    ) -> AsyncGenerator[Connection]:
        """A transaction as ``writing``'s that adds a tool's result, with the access lists of what it draws on, or the rule that refused it."""
        content: dict[str, Any] = {"text": text, "rule": rule} if rule else {"text": text}
        if readers:
            content["readers"] = sorted(str(one) for one in readers)
        result = _step("result", content, tool, outcome, call_id)
        async with self.writing(tainted=tainted, steps=(result,)) as connection:
            yield connection
        self.results[call_id] = replace(result, position=self.last)
        self.readers |= readers
        self.texts.append(text)

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
        async with self.writing():
            pass
        self.still_held()

    async def keep(self) -> None:
        """Hold the lease until cancelled, while the model or a tool takes its time."""
        while True:
            await asyncio.sleep(self._lease / 3)
            async with self.writing():
                pass

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
                state in ("done", "failed", "cancelled"),
                self.scope.tenant_id,
                self.run_id,
                self.row.epoch,
            ),
        )
        row = await cursor.fetchone()
        assert row is not None  # the lease was seen to in this transaction
        return row

    def _holding(self, tainted: bool) -> dict[str, Any]:
        return {
            "lease": self._lease,
            "tainted": tainted,
            "steps": self.used.steps,
            "tool_calls": self.used.tool_calls,
            "tokens": self.used.tokens,
            "cost": self.used.cost,
            "seconds": self.used.seconds,
            "tenant": self.scope.tenant_id,
            "run": self.run_id,
            "epoch": self.row.epoch,
        }

    def _adding(self, steps: Sequence[Step]) -> dict[str, Any]:
        return {
            "position": self._position,
            "owner": owner_of(self.scope),
            "kinds": [one.kind for one in steps],
            "calls": [one.call_id for one in steps],
            "tools": [one.tool for one in steps],
            "outcomes": [one.outcome for one in steps],
            "contents": [Jsonb(one.content) for one in steps],
        }

    async def _gone(self, connection: Connection) -> Exception:
        row = await find_run(connection, self.scope, self.run_id)
        if row is not None and row.state == "cancelled":
            return AgentCancelledError("The run was cancelled.", run=str(self.run_id))
        return _lost(self.run_id)


def _step(kind: Any, content: dict[str, Any], tool: str = "", outcome: str = "", call: str = "") -> Step:
    return Step(-1, kind, tool, outcome, content, datetime.now(UTC), call)


def _lost(run_id: UUID) -> LeaseLostError:
    return LeaseLostError(
        "Another worker has the run, or may have.",
        why="This one was slow or stood still for longer than agents.lease_seconds.",
        run=str(run_id),
    )
