"""Transactions bound to a scope, on a bounded pool that survives PgBouncer in transaction mode."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from functools import partial
from typing import Any

import psycopg
from pgvector.psycopg import register_vector_async
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import AsyncConnectionPool

from deskmind.database._entering import Entry
from deskmind.database._faults import connection_error, translated
from deskmind.database._flight import RefusedAt, Rows, Statement
from deskmind.database._statements import Connection, spanned
from deskmind.database._waiting import GivingUpPool
from deskmind.database.authority import Authority
from deskmind.database.endpoints import Endpoints
from deskmind.database.scope_token import ScopeSigner
from deskmind.errors import DatabaseUnavailableError, DeskmindError
from deskmind.observability import StorySink
from deskmind.observability.instruments import DB_DURATION, POOL_COUNT, POOL_MAX, POOL_PENDING, histogram
from deskmind.observability.metering import Labels, Sources, labels
from deskmind.scope import Scope
from deskmind.settings import DatabaseSettings

__all__ = ["Connection", "Database"]

_TRANSACTION = labels({"db.operation.name": "transaction"})
_IDLE = labels({"db.client.connection.state": "idle"})
_USED = labels({"db.client.connection.state": "used"})
_duration = histogram(DB_DURATION)

_RECONNECT_SECONDS = 5.0
"""A pool tries again at growing intervals, up to minutes; after this long it starts anew with who asks next."""

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.01, 0.5
"""Seconds between connections that turn out to be broken."""


class Database:
    """The application's door to PostgreSQL.

    Every statement runs in a transaction that carries a signed scope; its values are bound on the server.
    No statement is prepared by name, because whoever can run SQL could put another in its place, and a server process
    is wiped of what others left as a transaction begins: see ``_entering`` and ``docs/design/isolation.md``. Behind a
    pooler the server process changes from transaction to transaction, so there it is asked for its pid before the
    scope is signed.

    Attributes:
        stories: where operations on it leave their stories; None for nowhere.
        authority: decides what scopes may do on it; without one, operations go by what the scope reaches.
        companions: what upper floors keep with it, by type; every transaction's connection has them.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        settings: DatabaseSettings,
        signer: ScopeSigner,
        *,
        diagnose: Callable[[DatabaseUnavailableError], DeskmindError | None] | None = None,
    ) -> None:
        """Not connected yet, see ``open``.

        Args:
            endpoints: addresses of the logins.
            settings: the ``[database]`` section.
            signer: of scopes.
            diagnose: may know better why the server does not answer.
        """
        self._diagnose = diagnose
        self._endpoints = endpoints
        self._settings = settings
        self._signer = signer
        self._entry = self._entries(pooled=False)
        self._pool: AsyncConnectionPool[Connection] | None = None
        _databases.add(self)
        self.stories: StorySink | None = None
        self.authority: Authority | None = None
        self.companions: dict[type[Any], Any] = {}

    @property
    def endpoints(self) -> Endpoints:
        """The addresses in use."""
        return self._endpoints

    @property
    def behind_pooler(self) -> bool:
        """Whether a connection pooler such as PgBouncer stands between us and the server."""
        return self._entry.pooled

    @property
    def patience(self) -> float:
        """Seconds to wait for a free connection."""
        return self._settings.pool_timeout

    async def open(self) -> None:
        """Connect.

        Raises:
            DatabaseUnavailableError: the server cannot be reached or refuses the login.
        """
        await self._probe()
        given = str(conninfo_to_dict(self._endpoints.app).get("options") or "")
        self._pool = self.pool(
            make_conninfo(self._endpoints.app, options=f"{given} {self._entry.options}".strip()),
            connection_class=Connection,
            min_size=self._settings.pool_min,
            max_size=max(self._settings.pool_max, self._settings.pool_min),
            timeout=self._settings.pool_timeout,
            max_waiting=1000,
            kwargs={"prepare_threshold": None},
            configure=_configure,
            open=False,
        )
        with translated():
            await self._pool.open()

    def _entries(self, *, pooled: bool) -> Entry:
        return Entry(self._settings.statement_timeout, self._endpoints.schema + ", public", pooled)

    def pool(self, conninfo: str, **options: Any) -> AsyncConnectionPool[Any]:
        """A pool, not open yet, that does not wait for a server that is known to stay away."""
        return GivingUpPool(conninfo, doomed=self._is_doomed, reconnect_timeout=_RECONNECT_SECONDS, **options)

    def _is_doomed(self) -> bool:
        return self._diagnose is not None and self._diagnose(DatabaseUnavailableError("")) is not None

    async def close(self) -> None:
        """Return every connection."""
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    def stats(self) -> dict[str, int]:
        """Counters of the pool: size, available, waiting, errors."""
        return dict(self._pool.get_stats()) if self._pool is not None else {}

    @asynccontextmanager
    async def transaction(
        self, scope: Scope, *first: tuple[str, Sequence[str | None]]
    ) -> AsyncGenerator[Connection]:
        """A transaction in which the database shows what ``scope`` may see, and nothing else.

        Args:
            scope: who acts.
            first: statements that are executed as it begins, in the same round trip, as ``alone`` takes one; what each gave
                is in the connection's ``firsts``.

        Raises:
            DatabaseUnavailableError: no connection could be had.
            StorageFullError: the server has no space left.
            UnavailableError: a statement ran longer than ``database.statement_timeout``.
        """
        pool = self._opened()
        with self.faults():
            connection, found = await self._entered(pool, scope, [_given(*one) for one in first])
            started = time.perf_counter()
            try:
                connection.companions, connection.waiting = self.companions, {}
                connection.firsts = found
                yield connection
                await connection.finish()
            except BaseException:
                await _roll_back(connection)
                raise
            finally:
                connection.waiting = None
                _duration.record(time.perf_counter() - started, _TRANSACTION)
                await pool.putconn(connection)

    async def narrow(self, connection: Connection, scope: Scope) -> None:
        """Have what is left of a transaction see what ``scope`` may see, and nothing else.

        For what must first ask as an operator, under a lock that the whole transaction holds, and then act as who it acts for.
        """
        pid = connection.info.backend_pid
        if self.behind_pooler:
            row = await (await connection.execute("SELECT pg_catalog.pg_backend_pid()")).fetchone()
            pid = row[0] if row else 0
        token = self._signer.sign(scope, pid)
        await connection.execute("SELECT pg_catalog.set_config('deskmind.scope', %s, true)", (token,))

    async def alone(self, scope: Scope, text: str, values: Sequence[str | None]) -> Rows:
        """Execute one statement in a transaction of its own, in one round trip: a third of what ``transaction`` takes.

        It is executed again when the connection breaks meanwhile, and so must do the same when it is done twice, or be
        refused by the server then.

        Args:
            scope: as for ``transaction``.
            text: with ``$1``, ``$2``, … for the values.
            values: as PostgreSQL reads them.

        Returns:
            What it gave, as PostgreSQL writes it.

        Raises:
            psycopg.Error: of the statement; nothing was done.
            DatabaseUnavailableError: no connection could be had.
        """
        return (await self.together(scope, (text, values)))[0]

    async def together(self, scope: Scope, *statements: tuple[str, Sequence[str | None]]) -> list[Rows]:
        """As ``alone``, of several statements, the one after the other in one transaction; what each gave."""
        pool = self._opened()
        with self.faults():
            started = time.perf_counter()
            sent = [*(_given(*one) for one in statements), (b"COMMIT", None)]
            connection, found = await self._entered(pool, scope, sent)
            _duration.record(time.perf_counter() - started, _TRANSACTION)
            await pool.putconn(connection)
        return found[:-1]

    def _opened(self) -> AsyncConnectionPool[Connection]:
        if self._pool is None:
            raise DatabaseUnavailableError(
                "The database is not open.", remedy="Use `async with Deskmind.open()`."
            )
        return self._pool

    @contextmanager
    def faults(self) -> Generator[None]:
        """Turn errors of psycopg into ours, with what is known about the server."""
        try:
            with translated():
                yield
        except DatabaseUnavailableError as error:
            better = self._diagnose(error) if self._diagnose is not None else None
            if better is None:
                raise
            raise better from error

    async def _entered(
        self, pool: AsyncConnectionPool[Connection], scope: Scope, then: Sequence[Statement] = ()
    ) -> tuple[Connection, list[Rows]]:
        """A connection in a transaction of the scope; one that broke while it was idle, or was spoilt, is replaced.

        With ``then``, which ends the transaction, it is ready for the next one; what they gave comes with it.
        """
        until = time.monotonic() + self.patience
        pause = 0.0
        while True:
            connection = await pool.getconn(until - time.monotonic())
            try:
                with spanned(then[0][0].decode()) if then else nullcontext():
                    return connection, await self._entry.begin(
                        connection, partial(self._signer.sign, scope), then
                    )
            except BaseException as error:
                await connection.close()
                await pool.putconn(connection)
                if isinstance(error, RefusedAt):
                    raise error.error from None
                if not isinstance(error, psycopg.Error) or time.monotonic() + pause > until:
                    raise
            await asyncio.sleep(pause)
            pause = min(_LONGEST_PAUSE, 2 * pause + _SHORTEST_PAUSE)

    async def _probe(self) -> None:
        """Connect once: report what is wrong at once, and see whether a pooler is in between."""
        try:
            async with await AsyncConnection.connect(self._endpoints.app, autocommit=True) as connection:
                cursor = await connection.execute(
                    "SELECT pg_backend_pid(), rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
                )
                row = await cursor.fetchone()
                self._entry = self._entries(pooled=row is not None and row[0] != connection.info.backend_pid)
        except psycopg.OperationalError as error:
            raise connection_error(error) from error
        if row is None or row[1]:
            raise DatabaseUnavailableError(
                "The application's login may bypass row-level security.",
                why="It is a superuser or has BYPASSRLS, so tenants would not be kept apart.",
                remedy="Use the login that `deskmind migrate up` creates.",
            )


def _given(text: str, values: Sequence[str | None]) -> Statement:
    if any(value is not None and "\0" in value for value in values):
        raise psycopg.DataError(
            "PostgreSQL text fields cannot contain NUL (0x00) bytes"
        )  # libpq would cut there
    return text.encode(), [None if value is None else value.encode() for value in values]


def _connections(database: Database) -> Iterator[tuple[float, Labels]]:
    if stats := database.stats():
        idle = stats.get("pool_available", 0)
        yield idle, _IDLE
        yield stats.get("pool_size", 0) - idle, _USED


def _most(database: Database) -> Iterator[tuple[float, Labels]]:
    if stats := database.stats():
        yield stats.get("pool_max", 0), labels()


def _waiting(database: Database) -> Iterator[tuple[float, Labels]]:
    if stats := database.stats():
        yield stats.get("requests_waiting", 0), labels()


_databases: Sources[Database] = Sources()
_databases.show(POOL_COUNT, _connections)
_databases.show(POOL_MAX, _most)
_databases.show(POOL_PENDING, _waiting)


async def _configure(connection: AsyncConnection[Any]) -> None:
    await connection.set_autocommit(True)
    await register_vector_async(connection)


async def _roll_back(connection: Connection) -> None:
    """End what failed; a connection that cannot even do that is closed, and replaced by the pool."""
    try:
        await connection.rollback()
    except psycopg.Error:
        await connection.close()
