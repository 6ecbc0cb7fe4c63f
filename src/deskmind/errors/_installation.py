"""The installation, or a part that it depends on, cannot do its work."""

from __future__ import annotations

from deskmind.errors._base import DeskmindError

__all__ = [
    "ConfigurationError",
    "DatabaseUnavailableError",
    "EmbeddedServerError",
    "EmbedderUnavailableError",
    "KeyringError",
    "MissingExtraError",
    "OverloadedError",
    "RequestTimeoutError",
    "SchemaVersionError",
    "StorageFullError",
    "UnavailableError",
    "WorkerDiedError",
]


class ConfigurationError(DeskmindError):
    """Settings cannot be used as they are."""

    code, status, title, exit_code = "configuration", 500, "Configuration is not usable", 78


class MissingExtraError(ConfigurationError):
    """An optional package is needed and not installed."""

    code, title = "missing-extra", "An optional part is not installed"

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(
            f"{feature} is not installed.",
            why=f"It belongs to the extra '{extra}'.",
            remedy=f'Install it with: pip install "deskmind[{extra}]"',
        )


class KeyringError(ConfigurationError):
    """A key is missing, unreadable, or readable by others."""

    code, title = "keyring", "A key cannot be used"


class UnavailableError(DeskmindError):
    """A part Deskmind depends on does not answer."""

    code, status, title, exit_code = "unavailable", 503, "Temporarily unavailable", 69


class OverloadedError(UnavailableError):
    """Too many requests are under way; this one was not begun. The details carry ``retry_after`` in seconds."""

    code, title, exit_code = "overloaded", "The service is at its limit", 75


class RequestTimeoutError(UnavailableError):
    """A request was not received, or not answered, in the time it has."""

    code, status, title, exit_code = "request-timeout", 504, "The request took too long", 75


class DatabaseUnavailableError(UnavailableError):
    """PostgreSQL cannot be reached or refuses us."""

    code, title = "database-unavailable", "The database is unavailable"


class EmbeddedServerError(DatabaseUnavailableError):
    """The embedded PostgreSQL could not be started or stopped."""

    code, title = "embedded-server", "The embedded database is unavailable"


class StorageFullError(UnavailableError):
    """No space is left for data or temporary files."""

    code, status, title, exit_code = "storage-full", 507, "Storage is full", 74


class EmbedderUnavailableError(UnavailableError):
    """The embedding model cannot be used."""

    code, title = "embedder-unavailable", "The embedding model is unavailable"


class SchemaVersionError(DeskmindError):
    """The database schema and this release do not fit together."""

    code, status, title, exit_code = "schema-version", 503, "Database and release do not fit", 78


class WorkerDiedError(UnavailableError):
    """Workers died while they did it, again and again, and it was given up."""

    code, title = "worker-died", "Its workers died"
