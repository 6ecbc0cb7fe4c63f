"""Spans of statements by what they do to which relations: never their text, never values.

A span is made only inside another that is recorded, so that a statement costs one look where nobody looks on.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

import psycopg
from opentelemetry import trace
from psycopg import AsyncConnection, AsyncCursor, AsyncTransaction, sql
from psycopg.abc import Params, QueryNoTemplate
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

from deskmind.database._flight import RefusedAt, Rows, Statement, flight
from deskmind.errors import ConfigurationError
from deskmind.observability import names, span

__all__ = ["Connection", "Writer", "spanned", "statement_name"]

_MOST_RELATIONS = 3
_NOISE = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", re.S)
_OPERATION = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE)\b")
_COMMON = re.compile(r"(?:\bWITH(?:\s+RECURSIVE)?|\)\s*,)\s+([a-z_]\w*)(?:\s*\([^()]*\))?\s+AS\b", re.I)
_RELATION = re.compile(
    r"(?:(?<!DISTINCT )\bFROM|\bJOIN|\bINTO|(?<!FOR )(?<!DO )\bUPDATE)\s+(?:ONLY\s+|LATERAL\s+)?(?:\w+\.)?([a-z_]\w*)"
)
_CALL = re.compile(r"\bSELECT\s+(?:\w+\.)?([a-z_]\w*)\s*\(")
_NO_RELATIONS = frozenset({"set", "lateral", "now"})
_TABLE_FUNCTION = re.compile(r"unnest|generate_|jsonb?_|regexp_|string_to_")
_SAVEPOINT = b"SAVEPOINT before_the_last"
_BACK = "ROLLBACK TO SAVEPOINT before_the_last"
_HOUSEKEEPING = frozenset({"set_config", "pg_advisory_unlock_all", "pg_backend_pid"})


_Companion = TypeVar("_Companion")


class Writer(Protocol):
    """Writes what waits in a transaction."""

    async def __call__(self, connection: Connection, waiting: list[Any], /) -> None:
        """Write it."""
        ...

    def statement(self, waiting: list[Any], /) -> tuple[str, Sequence[str]] | None:
        """What writes it, with ``$1``, ``$2``, … for the values, where that is one statement whose result says nothing."""
        ...

    async def and_commit(
        self, connection: Connection, waiting: list[Any], before: Sequence[tuple[str, Sequence[str]]], /
    ) -> None:
        """Write it as the last thing in the transaction, after these statements, and commit; in one round trip where that can be."""
        ...


class Connection(AsyncConnection[TupleRow]):
    """A connection whose statements leave spans.

    Attributes:
        companions: what upper floors keep with the database, by type.
        waiting: what is to be written before the transaction commits, by what writes it; None outside of a scope's
            transaction.
        firsts: what each of the statements gave that were executed as the transaction began.
    """

    companions: Mapping[type[Any], Any] = MappingProxyType({})
    waiting: dict[Writer, list[Any]] | None = None
    firsts: list[Rows] = []  # noqa: RUF012 - set anew for each transaction

    @property
    def first(self) -> Rows:
        """What the first of them gave; nothing where there was none."""
        return self.firsts[0] if self.firsts else []

    async def settle(self) -> None:
        """Write what waits."""
        waiting = self.waiting
        while waiting:
            write, items = waiting.popitem()
            await write(self, items)

    async def finish(self) -> None:
        """Write what waits, and commit."""
        waiting = self.waiting
        before: list[tuple[str, Sequence[str]]] = []
        while waiting:
            write, items = waiting.popitem()
            if not waiting:
                await write.and_commit(self, items, before)
                return
            if (statement := write.statement(items)) is not None:
                before.append(statement)
            else:
                await write(self, items)
        await self.commit()

    async def commit_after(self, *statements: tuple[str, Sequence[str]]) -> None:
        """Execute statements and commit, in one round trip.

        Args:
            statements: with ``$1``, ``$2``, … for the values, which are as PostgreSQL reads them.

        Raises:
            psycopg.Error: of a statement; all were undone, and the transaction goes on as it was before.
        """
        given = [(text.encode(), [value.encode() for value in values]) for text, values in statements]
        sent: list[Statement] = [(_SAVEPOINT, None), *given, (b"COMMIT", None)]
        try:
            with spanned(statements[-1][0]):
                await flight(self.pgconn, sent)
        except RefusedAt as refused:
            if self.info.transaction_status is TransactionStatus.INERROR:
                await super().execute(_BACK)
            raise refused.error from None

    @asynccontextmanager
    async def transaction(
        self, savepoint_name: str | None = None, force_rollback: bool = False
    ) -> AsyncGenerator[AsyncTransaction]:
        """As psycopg's; what waits is written before a savepoint is set or released, and forgotten when it is rolled back."""
        await self.settle()
        async with super().transaction(savepoint_name, force_rollback) as transaction:
            try:
                yield transaction
                await self.settle()
            except BaseException:
                if self.waiting:
                    self.waiting.clear()
                raise

    def companion(self, kind: type[_Companion]) -> _Companion:
        """What an upper floor keeps with the database.

        Raises:
            ConfigurationError: it keeps none.
        """
        found = self.companions.get(kind)
        if found is None:
            raise ConfigurationError(
                f"This connection has no {kind.__name__}.",
                why="It is of no transaction of an application's database.",
                remedy="Use `async with database.transaction(scope)`.",
            )
        return found

    async def execute(  # pyright: ignore[reportIncompatibleMethodOverride] - template strings are of Python 3.14
        self,
        query: QueryNoTemplate,
        params: Params | None = None,
        *,
        prepare: bool | None = None,
        binary: bool = False,
    ) -> AsyncCursor[TupleRow]:
        """As psycopg's, inside a span ``{operation} {relations}`` where there is a trace."""
        recorded = trace.get_current_span().is_recording()
        attributes = _attributes(_text(query)) if recorded else None
        if attributes is None:
            return await super().execute(query, params, prepare=prepare, binary=binary)
        with span(str(attributes[names.DB_QUERY_SUMMARY]), kind="client", **attributes) as current:
            try:
                return await super().execute(query, params, prepare=prepare, binary=binary)
            except psycopg.Error as error:
                if error.sqlstate:
                    current.set_attribute(names.DB_RESPONSE_STATUS_CODE, error.sqlstate)
                raise


def spanned(text: str) -> AbstractContextManager[object]:
    """The span of a statement, where there is a trace."""
    attributes = _attributes(text) if trace.get_current_span().is_recording() else None
    if attributes is None:
        return nullcontext()
    return span(str(attributes[names.DB_QUERY_SUMMARY]), kind="client", **attributes)


def statement_name(text: str) -> str:
    """What a statement does and to which relations or with which function, such as ``SELECT chunks documents``.

    Empty for what is not worth a span: settings of the session and the like.
    """
    plain = _NOISE.sub("", text).replace('"', "")
    operations = _OPERATION.findall(plain)
    if not operations:
        return ""
    first = operations[0]
    operation = (
        next((item for item in operations if item != "SELECT"), first) if "WITH" in plain[:80] else first
    )
    common = set(_COMMON.findall(plain))
    found = dict.fromkeys(_RELATION.findall(plain))
    relations = [
        name for name in found if name not in _NO_RELATIONS | common and not _TABLE_FUNCTION.match(name)
    ]
    if not relations:
        relations = _CALL.findall(plain)[:1]
        if not relations or relations[0] in _HOUSEKEEPING:
            return ""
    return " ".join([operation, *relations[:_MOST_RELATIONS]])


@lru_cache(maxsize=1_000)
def _attributes(text: str) -> Mapping[str, str] | None:
    name = statement_name(text)
    if not name:
        return None
    return {
        names.DB_SYSTEM_NAME: "postgresql",
        names.DB_OPERATION_NAME: name.partition(" ")[0],
        names.DB_QUERY_SUMMARY: name,
    }


def _text(query: QueryNoTemplate) -> str:
    if isinstance(query, sql.Composable):
        return query.as_string(None)
    return query.decode() if isinstance(query, bytes) else query
