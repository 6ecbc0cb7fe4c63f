"""Beginning a transaction that carries a scope: wiped of what others left, in one round trip.

Everything goes in one flight of the extended protocol: BEGIN, what wipes the server process, and the scope's token as a
bound value. The server runs them in this order and stops at the first that fails, so a scope never enters a process that
was not wiped. Nothing is named, since whoever can run SQL could put another statement in a name's place, and functions
are qualified. BEGIN says what kind of transaction it is, since what others left of defaults is reset only after it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from psycopg import AsyncConnection, errors, generators
from psycopg.abc import PQGen
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult

__all__ = ["Entry"]

_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE NOT DEFERRABLE"
_WIPE = ("DEALLOCATE ALL", "CLOSE ALL", "RESET ALL", "UNLISTEN *")
_UNLOCK = "SELECT pg_catalog.pg_advisory_unlock_all()"
_SCOPE = (
    "pg_catalog.set_config('deskmind.scope', $1, true), pg_catalog.set_config('statement_timeout', $2, true),"
    " pg_catalog.set_config('search_path', $3, true)"
)
_WIPED = tuple(text.encode() for text in (_BEGIN, *_WIPE))
_UNLOCKED_AND_SCOPED = f"{_UNLOCK}, {_SCOPE}".encode()
_WIPED_AT_ONCE = "; ".join((_BEGIN, *_WIPE, f"{_UNLOCK}, pg_catalog.pg_backend_pid()")).encode()
_SCOPED = f"SELECT {_SCOPE}".encode()

Statement = tuple[bytes, Sequence[bytes] | None]


@dataclass(frozen=True, slots=True)
class Entry:
    """Begins transactions.

    Attributes:
        timeout: seconds a statement may run.
        search_path: where unqualified names are looked for.
        pooled: a pooler chooses the server process of each transaction, so that its pid has to be asked for.
    """

    timeout: float
    search_path: str
    pooled: bool

    async def begin(self, connection: AsyncConnection[Any], sign: Callable[[int], str]) -> None:
        """Begin a transaction in the scope whose token ``sign`` makes for a server process.

        When this fails, the connection is in no state to be used.
        """
        if self.pooled:
            token = sign(await _wiped(connection))
            statements: list[Statement] = [(_SCOPED, self._values(token))]
        else:
            token = sign(connection.info.backend_pid)
            statements = [*((text, None) for text in _WIPED), (_UNLOCKED_AND_SCOPED, self._values(token))]
        await connection.wait(_flight(connection.pgconn, statements))

    def _values(self, token: str) -> list[bytes]:
        return [token.encode(), str(int(self.timeout * 1000)).encode(), self.search_path.encode()]


async def _wiped(connection: AsyncConnection[Any]) -> int:
    """The id of the server process that a pooler chose, in a transaction that is wiped."""
    cursor = await connection.execute(_WIPED_AT_ONCE)
    while cursor.nextset():
        pass
    row = await cursor.fetchone()
    return row[1] if row else 0


def _flight(connection: PGconn, statements: Sequence[Statement]) -> PQGen[None]:
    """Send statements together and see that all of them were done."""
    connection.enter_pipeline_mode()
    commands: deque[Callable[[], None]] = deque(
        partial(connection.send_query_params, text, values) for text, values in statements
    )
    commands.append(connection.pipeline_sync)
    expected = len(commands)
    results: list[list[PGresult]] = yield from generators.pipeline_communicate(connection, commands)
    while len(results) < expected and (found := (yield from generators.fetch_many(connection))):
        results.append(found)
    for result in (result for found in results for result in found):
        if result.status == ExecStatus.FATAL_ERROR:
            raise errors.error_from_result(result)
    if len(results) < expected:
        raise errors.OperationalError("the server closed the connection")
    connection.exit_pipeline_mode()
