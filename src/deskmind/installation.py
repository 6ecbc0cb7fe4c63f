"""What an installation stands on: its data folder, the embedded server, the means to migrate."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from deskmind.database import Endpoints, Provisioner, translated
from deskmind.errors import ConfigurationError, DatabaseUnavailableError, DeskmindError, StorageFullError
from deskmind.keyring import Keyring
from deskmind.settings import Settings

__all__ = ["administrator", "embedded_address", "make_home", "no_space"]

_ROOM_TO_RECOVER = 64 * 2**20


@asynccontextmanager
async def administrator(settings: Settings) -> AsyncGenerator[Provisioner]:
    """The means to migrate a database, without opening the application on it.

    Raises:
        ConfigurationError: no administrator's login is configured.
    """
    async with AsyncExitStack() as resources:
        make_home(settings.home)
        keyring = await asyncio.to_thread(Keyring.open, settings.home / "keyring.json")
        embedded = await embedded_address(settings, resources)
        yield Provisioner(Endpoints.of(settings.database, keyring, embedded=embedded), keyring)


async def embedded_address(
    settings: Settings,
    resources: AsyncExitStack,
    *,
    on_lost: Callable[[DeskmindError], None] | None = None,
) -> str | None:
    """The address of the embedded server, started when it has to be; None when a database is configured.

    ``resources`` stops it again; ``on_lost`` is called, in another thread, when its home is removed meanwhile.
    """
    if not settings.embedded:
        return None
    from deskmind.database.embedded import EmbeddedServer

    server = await asyncio.to_thread(
        EmbeddedServer.start,
        settings.home,
        startup_timeout=settings.database.startup_timeout,
        on_lost=on_lost,
    )
    resources.push_async_callback(asyncio.to_thread, server.stop)
    await _create_database(server.conninfo(), settings.database.name)
    return server.conninfo(dbname=settings.database.name)


async def _create_database(address: str, name: str) -> None:
    from psycopg import AsyncConnection, sql
    from psycopg import errors as pg

    with translated():
        async with await AsyncConnection.connect(address, autocommit=True) as connection:
            cursor = await connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            if await cursor.fetchone() is None:
                try:
                    await connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
                except (pg.DuplicateDatabase, pg.UniqueViolation):
                    return


def make_home(home: Path) -> None:
    """The data folder, private to its owner.

    Raises:
        ConfigurationError: it cannot be made.
    """
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigurationError(
            f"The data folder {home} cannot be made.",
            why=f"{error.strerror}.",
            remedy="Choose a folder that you may write to with --home or DESKMIND_HOME.",
        ) from error


def no_space(home: Path, error: DatabaseUnavailableError) -> StorageFullError | None:
    """Whether the embedded server is down because the disk is full: it cannot recover before it has space."""
    try:
        if shutil.disk_usage(home).free >= _ROOM_TO_RECOVER:
            return None
    except FileNotFoundError:  # the home was removed, which is told as such
        return None
    return StorageFullError(
        "The embedded database stopped because it needs more disk space.",
        why=f"Less than {_ROOM_TO_RECOVER // 2**20} MB are free on the disk that holds {home}. {error.why}",
        remedy="Free at least 200 MB there and repeat the command; what was stored is intact.",
    )
