"""Beginning a transaction that carries a scope: wiped of what others left, in one round trip.

Everything goes in one flight of the extended protocol: BEGIN, what wipes the server process, and the scope's token as a
bound value. The server runs them in this order and stops at the first that fails, so a scope never enters a process that
was not wiped. Nothing is named, since whoever can run SQL could put another statement in a name's place, and functions
are qualified. BEGIN says what kind of transaction it is, since what others left of defaults is reset only after it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection

from deskmind.database._flight import RefusedAt, Rows, Statement, flight, rows_of

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

    async def begin(
        self, connection: AsyncConnection[Any], sign: Callable[[int], str], then: Sequence[Statement] = ()
    ) -> list[Rows]:
        """Begin a transaction in the scope whose token ``sign`` makes for a server process; ``then`` goes with it.

        When this fails, the connection is in no state to be used.

        Returns:
            What each of ``then`` gave.

        Raises:
            RefusedAt: one of ``then`` failed, at its place among them.
            psycopg.Error: what goes before them failed, or the connection broke.
        """
        if self.pooled:
            token = sign(await _wiped(connection))
            values: list[bytes | None] = [
                token.encode(),
                str(self._milliseconds).encode(),
                self.search_path.encode(),
            ]
            statements: list[Statement] = [(_SCOPED, values)]
        else:
            token = sign(connection.info.backend_pid)
            statements = [*((text, None) for text in _WIPED), (_UNLOCKED_AND_SCOPED, [token.encode()])]
        try:
            results = await flight(connection.pgconn, [*statements, *then])
        except RefusedAt as refused:
            if refused.place < len(statements):
                raise refused.error from None
            raise RefusedAt(refused.place - len(statements), refused.error) from None
        return [rows_of(result) for result in results[len(statements) :]]


async def _wiped(connection: AsyncConnection[Any]) -> int:
    """The id of the server process that a pooler chose, in a transaction that is wiped."""
    cursor = await connection.execute(_WIPED_AT_ONCE)
    while cursor.nextset():
        pass
    row = await cursor.fetchone()
    return row[1] if row else 0
