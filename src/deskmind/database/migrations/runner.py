"""Running migrations: up, down, status, drift check, offline SQL."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from deskmind import __version__
from deskmind.database._faults import connection_error
from deskmind.database.endpoints import Endpoints
from deskmind.errors import ConfigurationError, InvalidRequestError, SchemaVersionError

__all__ = ["MigrationStatus", "Migrations"]


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """Where a database stands.

    Attributes:
        current: revision of the database, None before the first migration.
        head: revision this release brings.
        pending: revisions still to be applied, oldest first.
        min_compatible_release: the oldest release that may use this database.
    """

    current: str | None
    head: str
    pending: tuple[str, ...]
    min_compatible_release: str | None

    @property
    def up_to_date(self) -> bool:
        """Whether nothing is pending."""
        return self.current == self.head


class Migrations:
    """The schema's history, applied to one database with the owner's rights."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints
        self._scripts = ScriptDirectory(str(Path(__file__).parent))

    @property
    def head(self) -> str:
        """The newest revision."""
        return str(self._scripts.get_current_head())

    async def upgrade(self, revision: str = "head") -> None:
        """Apply migrations up to ``revision``."""
        await asyncio.to_thread(self._run, lambda config: command.upgrade(config, revision))

    async def downgrade(self, revision: str) -> None:
        """Take migrations back to ``revision`` (``base`` for none). Destroys data."""
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
        return self.compare(current, minimum)

    def revisions(self) -> tuple[str, ...]:
        """Every revision this release knows, oldest first."""
        return tuple(script.revision for script in reversed(list(self._scripts.walk_revisions())))

    def compare(self, current: str | None, min_compatible_release: str | None) -> MigrationStatus:
        """The status of a database at revision ``current``; unknown revisions are a newer release's."""
        known = self.revisions()
        pending = known if current is None else known[known.index(current) + 1 :] if current in known else ()
        return MigrationStatus(current, self.head, pending, min_compatible_release)

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
            return not name.startswith(("procrastinate_", "embeddings_")) and "_p" not in name[-4:]
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


def check_release(status: MigrationStatus, release: str = __version__) -> None:
    """Refuse to run on a database that does not fit this release.

    Raises:
        SchemaVersionError: the schema is older than this release needs, or no longer serves this release.
    """
    if status.min_compatible_release is not None and _numbers(release) < _numbers(
        status.min_compatible_release
    ):
        raise SchemaVersionError(
            f"The database needs Deskmind {status.min_compatible_release} or newer; this is {release}.",
            why="A newer release has migrated it.",
            remedy=f'Upgrade with: pip install "deskmind>={status.min_compatible_release}"',
        )
    if status.pending:
        raise SchemaVersionError(
            f"The database lacks {len(status.pending)} migration(s): {', '.join(status.pending)}.",
            why="This release is newer than the database's schema.",
            remedy="Run `deskmind migrate up`.",
        )


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split("+", maxsplit=1)[0].split(".")[:3] if part.isdigit())
