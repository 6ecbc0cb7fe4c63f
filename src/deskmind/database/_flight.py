"""Several statements sent together and answered together: one round trip of the extended protocol, values bound.

Statements are sent and results are read by the functions of libpq that ``psycopg.pq`` offers: a pipeline of psycopg's
cursors takes a cursor and a turn of the event loop for each statement.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import psycopg
from psycopg import errors
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult

__all__ = ["RefusedAt", "Rows", "Statement", "flight", "rows_of"]

Statement = tuple[bytes, Sequence[bytes | None] | None]
"""Its text and its values."""
Rows = list[tuple[str | None, ...]]
"""What a statement gave, as PostgreSQL writes it."""


class RefusedAt(Exception):
    """The server answered a statement with an error, and the connection is whole.

    Attributes:
        place: of the statement among those sent.
        error: what it was.
    """

    def __init__(self, place: int, error: psycopg.Error) -> None:
        self.place = place
        self.error = error
        super().__init__(place)


async def flight(connection: PGconn, statements: Sequence[Statement]) -> list[PGresult]:
    """Send statements together and see that all of them were done; what follows one that fails is not.

    Returns:
        What each gave.

    Raises:
        RefusedAt: the first that failed. The connection can be used further.
        psycopg.Error: the connection was closed.
    """
    connection.enter_pipeline_mode()
    for text, values in statements:
        connection.send_query_params(text, values)
    connection.pipeline_sync()
    await _sent(connection)
    results: list[PGresult] = []
    failed: tuple[int, PGresult] | None = None
    for place in range(len(statements)):
        while (result := await _result(connection)) is not None:
            results.append(result)
            if result.status == ExecStatus.FATAL_ERROR:
                failed = failed or (place, result)
    end = await _result(connection)
    if end is None or end.status != ExecStatus.PIPELINE_SYNC:
        if failed is None:
            raise errors.OperationalError("the server closed the connection")
        raise errors.error_from_result(failed[1])
    connection.exit_pipeline_mode()
    if failed is not None:
        place, result = failed
        raise RefusedAt(place, errors.error_from_result(result))
    return results


def rows_of(result: PGresult) -> Rows:
    """The rows of a result. O(values)."""
    columns = range(result.nfields)
    return [
        tuple(_text(result.get_value(row, column)) for column in columns) for row in range(result.ntuples)
    ]


def _text(value: bytes | None) -> str | None:
    return None if value is None else bytes(value).decode()


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
