"""Several statements sent together and answered together: one round trip of the extended protocol, values bound.

Statements are sent and results are read by the functions of libpq that ``psycopg.pq`` offers: a pipeline of psycopg's
cursors takes a cursor and a turn of the event loop for each statement.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from psycopg import errors
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult

__all__ = ["Statement", "flight"]

Statement = tuple[bytes, Sequence[bytes | None] | None]
"""Its text and its values."""


async def flight(connection: PGconn, statements: Sequence[Statement]) -> None:
    """Send statements together and see that all of them were done; what follows one that fails is not.

    Raises:
        psycopg.Error: of the first that failed. The connection can be used further unless it was closed, or this was
            cancelled.
    """
    connection.enter_pipeline_mode()
    for text, values in statements:
        connection.send_query_params(text, values)
    connection.pipeline_sync()
    await _sent(connection)
    failed: PGresult | None = None
    for _ in statements:
        while (result := await _result(connection)) is not None:
            if result.status == ExecStatus.FATAL_ERROR:
                failed = failed or result
    end = await _result(connection)
    if end is not None and end.status == ExecStatus.PIPELINE_SYNC:
        connection.exit_pipeline_mode()
    elif failed is None:
        raise errors.OperationalError("the server closed the connection")
    if failed is not None:
        raise errors.error_from_result(failed)


async def _sent(connection: PGconn) -> None:
    while connection.flush():
        await _ready(connection.socket, writable=True)
        connection.consume_input()  # the server may send before it has read everything


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
