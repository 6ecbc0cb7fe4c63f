"""Beginning a transaction that carries a scope: wiped of what others left, in one round trip.

Everything goes in one flight of the extended protocol: BEGIN, what wipes the server process, and the scope's token as a
bound value. The server runs them in this order and stops at the first that fails, so a scope never enters a process that
was not wiped. Nothing is named, since whoever can run SQL could put another statement in a name's place, and functions
are qualified. BEGIN says what kind of transaction it is, since what others left of defaults is reset only after it.

Statements are sent and results are read by the functions of libpq that ``psycopg.pq`` offers: a pipeline of psycopg's
cursors takes a cursor and a turn of the event loop for each statement.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection, errors
from psycopg.pq import DiagnosticField, ExecStatus
from psycopg.pq.abc import PGconn, PGresult

__all__ = ["Entry"]

_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE NOT DEFERRABLE"
_WIPE = ("DEALLOCATE ALL", "CLOSE ALL", "RESET ALL", "UNLISTEN *")
_UNLOCK = "SELECT pg_catalog.pg_advisory_unlock_all()"
_SCOPE = "pg_catalog.set_config('deskmind.scope', $1, true)"
_SETTINGS = (
    "pg_catalog.set_config('statement_timeout', $2, true), pg_catalog.set_config('search_path', $3, true)"
)
_WIPED = tuple(text.encode() for text in (_BEGIN, *_WIPE))
_UNLOCKED_AND_SCOPED = f"{_UNLOCK}, {_SCOPE}".encode()
_WIPED_AT_ONCE = "; ".join((_BEGIN, *_WIPE, f"{_UNLOCK}, pg_catalog.pg_backend_pid()")).encode()
_SCOPED = f"SELECT {_SCOPE}, {_SETTINGS}".encode()

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

    @property
    def options(self) -> str:
        """What a connection starts with, so that RESET ALL comes back to it; empty where a pooler would refuse it.

        A search path that is set anew in each transaction costs as much as a statement: the server looks its schemas up
        again and doubts the plans it keeps.
        """
        if self.pooled:
            return ""
        return f"-c search_path={self.search_path.replace(' ', '')} -c statement_timeout={self._milliseconds}"

    @property
    def _milliseconds(self) -> int:
        return int(self.timeout * 1000)

    async def begin(self, connection: AsyncConnection[Any], sign: Callable[[int], str]) -> None:
        """Begin a transaction in the scope whose token ``sign`` makes for a server process.

        When this fails, the connection is in no state to be used.
        """
        if self.pooled:
            token = sign(await _wiped(connection))
            values = [token.encode(), str(self._milliseconds).encode(), self.search_path.encode()]
            statements: list[Statement] = [(_SCOPED, values)]
        else:
            token = sign(connection.info.backend_pid)
            statements = [*((text, None) for text in _WIPED), (_UNLOCKED_AND_SCOPED, [token.encode()])]
        await _flight(connection.pgconn, statements)


async def _wiped(connection: AsyncConnection[Any]) -> int:
    """The id of the server process that a pooler chose, in a transaction that is wiped."""
    cursor = await connection.execute(_WIPED_AT_ONCE)
    while cursor.nextset():
        pass
    row = await cursor.fetchone()
    return row[1] if row else 0


async def _flight(connection: PGconn, statements: Sequence[Statement]) -> None:
    """Send statements together and see that all of them were done."""
    connection.enter_pipeline_mode()
    for text, values in statements:
        connection.send_query_params(text, values)
    connection.pipeline_sync()
    await _sent(connection)
    for _ in statements:
        await _done(connection)
    if (end := await _result(connection)) is None or end.status != ExecStatus.PIPELINE_SYNC:
        raise errors.OperationalError("the server closed the connection")
    connection.exit_pipeline_mode()


async def _sent(connection: PGconn) -> None:
    while connection.flush():
        await _ready(connection.socket, writable=True)
        connection.consume_input()  # the server may send before it has read everything


async def _done(connection: PGconn) -> None:
    """One statement's results, to their end.

    Raises:
        Error: it failed; what comes after it is left unread.
    """
    while (result := await _result(connection)) is not None:
        if result.status == ExecStatus.FATAL_ERROR:
            raise _error_of(result)


async def _result(connection: PGconn) -> PGresult | None:
    """The next result; None when a statement has no more."""
    while connection.is_busy():
        await _ready(connection.socket)
        connection.consume_input()
    return connection.get_result()


async def _ready(socket: int, *, writable: bool = False) -> None:
    """Wait until there is something to read, or room to write."""
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    loop.add_reader(socket, _wake, ready)
    if writable:
        loop.add_writer(socket, _wake, ready)
    try:
        await ready
    finally:
        loop.remove_reader(socket)
        if writable:
            loop.remove_writer(socket)


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def _error_of(result: PGresult) -> errors.Error:
    state = (result.error_field(DiagnosticField.SQLSTATE) or b"").decode()
    words = (result.error_field(DiagnosticField.MESSAGE_PRIMARY) or result.error_message).decode(
        errors="replace"
    )
    try:
        return errors.lookup(state)(words)
    except KeyError:  # a state that psycopg does not know
        return errors.DatabaseError(words)
