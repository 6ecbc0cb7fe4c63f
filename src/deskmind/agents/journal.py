"""The transcript of a run under way: what is written before the next step begins, by whoever holds the lease."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from deskmind.agents.events import AgentEvent
from deskmind.agents.run import Definition, Step
from deskmind.agents.store import RunRow, find_run, owner_of, read_steps, take_run
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
_ADD = """
INSERT INTO agent_steps (tenant_id, run_id, position, principal_id, epoch, kind, call_id, tool, outcome, content)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


class Journal:
    """A run that this process has taken. Every write first sees that it still has it.

    Attributes:
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

    @asynccontextmanager
    async def writing(self, *, tainted: bool = False) -> AsyncGenerator[Connection]:
        """A transaction that stands only if this process still has the run; it holds the lease on.

        Raises:
            LeaseLostError: another worker has it.
            AgentCancelledError: it was cancelled.
        """
        began = time.monotonic()
        self.used.seconds = self._before + began - self._began
        async with self._database.transaction(self.scope) as connection:
            cursor = await connection.execute(_HOLD, self._holding(tainted))
            if cursor.rowcount != 1:
                raise await self._gone(connection)
            yield connection
        self.tainted |= tainted
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
        async with self.writing() as connection:
            for request in requests:
                await self._add(connection, "request", request)
            await self._add(connection, "response", response)
        self.history += [*requests, response]

    async def answered(
        self,
        connection: Connection,
        call_id: str,
        tool: str,
        outcome: str,
        text: str,
        readers: frozenset[UUID] = frozenset(),
        rule: str = "",
    ) -> None:
        """A tool's result, in the caller's transaction, with the access lists of what it draws on, or the rule that refused it."""
        content: dict[str, Any] = {"text": text, "rule": rule} if rule else {"text": text}
        if readers:
            content["readers"] = sorted(str(one) for one in readers)
        await self._add(connection, "result", content, call_id, tool, outcome)
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
    ) -> None:
        """Give the run back, in the caller's transaction."""
        await connection.execute(
            "UPDATE agent_runs SET state = %s, output = %s, problem = %s, remedy = %s, lease_until = NULL,"
            " ended_at = CASE WHEN %s THEN now() END WHERE tenant_id = %s AND run_id = %s AND epoch = %s",
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

    async def _add(
        self,
        connection: Connection,
        kind: str,
        content: dict[str, Any],
        call_id: str = "",
        tool: str = "",
        outcome: str = "",
    ) -> None:
        place = (self.scope.tenant_id, self.run_id, self._position, owner_of(self.scope), self.row.epoch)
        await connection.execute(_ADD, (*place, kind, call_id, tool, outcome, Jsonb(content)))
        self._position += 1

    async def _gone(self, connection: Connection) -> Exception:
        row = await find_run(connection, self.scope, self.run_id)
        if row is not None and row.state == "cancelled":
            return AgentCancelledError("The run was cancelled.", run=str(self.run_id))
        return _lost(self.run_id)


def _lost(run_id: UUID) -> LeaseLostError:
    return LeaseLostError(
        "Another worker has the run, or may have.",
        why="This one was slow or stood still for longer than agents.lease_seconds.",
        run=str(run_id),
    )
