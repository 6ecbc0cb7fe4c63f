"""Several statements sent together and answered together: one round trip of the extended protocol, values bound.

Statements are sent and results are read by the functions of libpq that ``psycopg.pq`` offers: a pipeline of psycopg's
cursors takes a cursor and a turn of the event loop for each statement.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from psycopg import errors
from psycopg.pq import DiagnosticField, ExecStatus
from psycopg.pq.abc import PGconn, PGresult

__all__ = ["Statement", "flight"]

Statement = tuple[bytes, Sequence[bytes | None] | None]
"""Its text and its values."""


async def flight(connection: PGconn, statements: Sequence[Statement]) -> None:
    """Send statements together and see that all of them were done; what follows one that fails is not.

    Raises:
        psycopg.Error: of the first that failed. The connection can be used further, unless it was closed.
    """
    connection.enter_pipeline_mode()
    for text, values in statements:
        connection.send_query_params(text, values)
    connection.pipeline_sync()
    await _sent(connection)
    failed: PGresult | None = None
    for _ in statements:
        failed = await _failed(connection) or failed
    end = await _result(connection)
    whole = end is not None and end.status == ExecStatus.PIPELINE_SYNC
    if whole:
        connection.exit_pipeline_mode()
    if failed is not None:
        raise _error_of(failed)
    if not whole:
        raise errors.OperationalError("the server closed the connection")


async def _sent(connection: PGconn) -> None:
    while connection.flush():
        await _ready(connection.socket, writable=True)
        connection.consume_input()  # the server may send before it has read everything


async def _failed(connection: PGconn) -> PGresult | None:
    """One statement's results, to their end: what says that it failed."""
    failed: PGresult | None = None
    while (result := await _result(connection)) is not None:
        if result.status == ExecStatus.FATAL_ERROR:
            failed = result
    return failed


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
