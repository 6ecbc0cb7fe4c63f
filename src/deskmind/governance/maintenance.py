"""What an operator of the installation asks about its database; no tenant's rows are read."""

from __future__ import annotations

from deskmind.database import Database
from deskmind.database.inspection import Inspection, Limits, inspect
from deskmind.governance.access.operation import operation
from deskmind.governance.access.permissions import Permission
from deskmind.scope import Scope

__all__ = ["Maintenance"]


class Maintenance:
    """The installation's database as its operator sees it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._scope = Scope.directory()

    @property
    def scope(self) -> Scope:
        """The directory scope."""
        return self._scope

    @property
    def database(self) -> Database:
        """What is looked at."""
        return self._database

    @operation(Permission.DATABASE_READ)
    async def slow(self, limits: Limits | None = None) -> Inspection:
        """Slowest statements, missing and unused indexes, dead rows, cache, long transactions, vacuum.

        Raises:
            DatabaseUnavailableError: the server cannot be reached.
        """
        return await inspect(self._database, limits)
