"""Several statements sent together and answered together: one round trip of the extended protocol, values bound."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from psycopg import errors, generators
from psycopg.abc import PQGen
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult

__all__ = ["Statement", "flight"]

Statement = tuple[bytes, Sequence[bytes | None] | None]
"""Its text and its values."""


def flight(connection: PGconn, statements: Sequence[Statement]) -> PQGen[None]:
    """Send statements together and see that all of them were done; what follows one that fails is not.

    Raises:
        psycopg.Error: of the first that failed. The connection can be used further unless it was closed.
    """
    connection.enter_pipeline_mode()
    commands: deque[Callable[[], None]] = deque(
        partial(connection.send_query_params, text, values) for text, values in statements
    )
    commands.append(connection.pipeline_sync)
    expected = len(commands)
    results: list[list[PGresult]] = yield from generators.pipeline_communicate(connection, commands)
    while len(results) < expected and (found := (yield from generators.fetch_many(connection))):
        results.append(found)
    if len(results) == expected:
        connection.exit_pipeline_mode()
    for result in (result for found in results for result in found):
        if result.status == ExecStatus.FATAL_ERROR:
            raise errors.error_from_result(result)
    if len(results) < expected:
        raise errors.OperationalError("the server closed the connection")
