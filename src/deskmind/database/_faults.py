"""What psycopg raises, in our own words."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import psycopg
from psycopg import errors as pg
from psycopg_pool import PoolTimeout, TooManyRequests

from deskmind.errors import (
    DatabaseUnavailableError,
    DeskmindError,
    InvalidRequestError,
    StorageFullError,
    UnavailableError,
)

__all__ = ["connection_error", "translated"]

_REMEDY = "Check DESKMIND_DATABASE_URL and that the server runs; `deskmind status` shows what is used."


@contextmanager
def translated() -> Generator[None]:
    """Turn connection, capacity and storage errors of psycopg into ours; others pass."""
    try:
        yield
    except (pg.DiskFull, pg.IoError) as error:
        raise StorageFullError(
            "The database cannot store more.",
            why=_first_line(error),
            remedy="Free space on the database's volume and repeat the command; what was stored is intact.",
        ) from error
    except pg.QueryCanceled as error:
        raise UnavailableError(
            "The database took too long and the statement was stopped.",
            why=_first_line(error),
            remedy="Try again, or raise database.statement_timeout.",
        ) from error
    except (PoolTimeout, TooManyRequests) as error:
        raise DatabaseUnavailableError(
            "No database connection became free in time.",
            why="All connections of the pool are in use, or the server does not answer.",
            remedy="Raise database.pool_max or database.pool_timeout, or check the server.",
        ) from error
    except (pg.DeadlockDetected, pg.SerializationFailure) as error:
        raise UnavailableError(
            "Others were at the same rows, and this act was stopped.",
            why=_first_line(error),
            remedy="Try again; nothing of it was stored.",
        ) from error
    except psycopg.OperationalError as error:
        raise connection_error(error) from error
    except UnicodeEncodeError as error:  # of a value, before it is sent
        raise _unstorable("half of a surrogate pair, as a name that is not UTF-8 does") from error
    except pg.UntranslatableCharacter as error:  # in JSON
        raise _unstorable("NUL") from error
    except pg.InvalidTextRepresentation as error:
        if "type json" not in str(error):
            raise
        raise _unstorable("a number that is not finite, or half of a surrogate pair") from error
    except (pg.InvalidTimeZoneDisplacementValue, pg.DatetimeFieldOverflow) as error:
        raise InvalidRequestError(
            "A time is beyond what can be kept.",
            why="Its offset from UTC is of 16 hours or more, or its year has no place.",
            remedy="Give it in UTC.",
        ) from error
    except psycopg.DataError as error:
        if error.sqlstate is not None or "NUL" not in str(error):
            raise
        raise _unstorable("NUL") from error  # found in a value, before it is sent


def _unstorable(what: str) -> InvalidRequestError:
    return InvalidRequestError(
        "A name or text has characters that cannot be stored.",
        why=f"It contains {what}.",
        remedy="Remove them and send it again as UTF-8.",
    )


def connection_error(error: psycopg.Error) -> DeskmindError:
    """Say why a connection failed: address, password, database, capacity."""
    message = _first_line(error)
    lowered = message.lower()
    if "password authentication failed" in lowered or "no password supplied" in lowered:
        return DatabaseUnavailableError(
            "The database refused the login.", why=message, remedy="Check user and password in the address."
        )
    if "does not exist" in lowered and "database" in lowered:
        return DatabaseUnavailableError(
            "The database does not exist.", why=message, remedy="Create it (createdb) or correct the address."
        )
    if "role" in lowered and "does not exist" in lowered:
        return DatabaseUnavailableError(
            "The login does not exist.", why=message, remedy="Run `deskmind migrate up`, which creates it."
        )
    return DatabaseUnavailableError("The database cannot be reached.", why=message, remedy=_REMEDY)


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return (text[0] if text else type(error).__name__).rstrip(".") + "."
