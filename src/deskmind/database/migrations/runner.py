"""Running migrations: up, down, status, drift check, offline SQL."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from deskmind.database._faults import connection_error
from deskmind.database._pooler import ASK_PID, require_direct
from deskmind.database.endpoints import Endpoints
from deskmind.database.migrations.status import MigrationStatus, compare, revisions
from deskmind.errors import ConfigurationError, InvalidRequestError

__all__ = ["Migrations"]

_PARTITION = re.compile(r"_(p\d+|\d{6})$")


class Migrations:
    """The schema's history, applied to one database with the owner's rights."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints

    @property
    def head(self) -> str:
        """The newest revision."""
        return revisions()[-1]

    async def upgrade(self, revision: str = "head") -> None:
        """Apply migrations up to ``revision``.

        Raises:
            ConfigurationError: a connection pooler stands between us and the server.
        """
        await asyncio.to_thread(self._run, lambda config: command.upgrade(config, revision))

    async def downgrade(self, revision: str) -> None:
        """Take migrations back to ``revision`` (``base`` for none). Destroys data.

        Raises:
            ConfigurationError: a connection pooler stands between us and the server.
        """
        await asyncio.to_thread(self._run, lambda config: command.downgrade(config, revision))

    async def status(self) -> MigrationStatus:
        """Compare the database with this release."""
        return await asyncio.to_thread(self._status)

    async def drift(self) -> list[str]:
        """Differences between the described and the actual tables; empty when there are none."""
        return await asyncio.to_thread(self._drift)

    def sql(self, revision: str = "head") -> str:
        """The SQL that ``upgrade`` would run, for a person to review and apply."""
        config = self._config()
        buffer = io.StringIO()
        config.output_buffer = buffer
        command.upgrade(config, f"base:{revision}", sql=True)
        return buffer.getvalue()

    def _config(self, connection: Connection | None = None) -> Config:
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        config.attributes.update(
            connection=connection,
            schema=self._endpoints.schema,
            prefix=self._endpoints.roles.prefix,
        )
        return config

    def _run(self, act: Callable[[Config], None]) -> None:
        with self._connect() as connection:
            announced = connection.connection.driver_connection.info.backend_pid
            require_direct(announced, connection.execute(text(ASK_PID)).scalar_one())
            connection.execute(text("SELECT pg_advisory_lock(hashtextextended('deskmind.migrate', 0))"))
            connection.commit()
            connection.execute(text(f'SET ROLE "{self._endpoints.roles.owner}"'))
            connection.commit()
            try:
                act(self._config(connection))
            except Exception as error:
                if "Can't locate revision" in str(error):
                    raise InvalidRequestError(
                        "There is no such migration.", remedy="`deskmind migrate status` lists the revisions."
                    ) from error
                raise
            connection.commit()

    def _status(self) -> MigrationStatus:
        with self._connect() as connection:
            current = self._context(connection).get_current_revision()
            minimum = None
            if current is not None:
                minimum = connection.execute(
                    text(f'SELECT min_compatible_release FROM "{self._endpoints.schema}".release')
                ).scalar()
        return compare(current, minimum)

    def _drift(self) -> list[str]:
        from deskmind.database.tables import describe

        with self._connect() as connection:
            metadata = describe(self._endpoints.schema)
            connection.execute(text(f'SET search_path = "{self._endpoints.schema}", public'))
            context = MigrationContext.configure(
                connection,
                opts={
                    "include_schemas": True,
                    "compare_type": True,
                    "version_table_schema": self._endpoints.schema,
                    "include_name": self._ours,
                    "include_object": _described,
                },
            )
            return [str(difference) for difference in compare_metadata(context, metadata)]

    def _ours(self, name: str | None, kind: str, parents: Any) -> bool:
        if kind == "schema":
            return name == self._endpoints.schema
        if kind == "table" and name is not None:
            return not name.startswith(("procrastinate_", "embeddings_")) and not _PARTITION.search(name)
        return True

    def _context(self, connection: Connection) -> MigrationContext:
        return MigrationContext.configure(connection, opts={"version_table_schema": self._endpoints.schema})

    def _connect(self) -> Any:
        address = self._endpoints.admin
        if address is None:
            raise ConfigurationError(
                "Migrations need an administrator's login to the database.",
                remedy="Set DESKMIND_DATABASE_OWNER_URL for this command.",
            )
        engine = create_engine(
            "postgresql+psycopg://",
            creator=lambda: psycopg.connect(address, prepare_threshold=None),
            poolclass=NullPool,
        )
        try:
            return engine.connect()
        except OperationalError as error:
            raise connection_error(error.orig) from error  # pyright: ignore[reportArgumentType]
        except psycopg.OperationalError as error:
            raise connection_error(error) from error


def _described(thing: Any, name: str | None, kind: str, reflected: bool, other: Any) -> bool:
    return not (kind == "index" and reflected and other is None)
