"""What model calls used and cost: a desk's, and those of all tenants."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from deskmind.database import Database
from deskmind.gateway.service.room import GatewayRoom
from deskmind.gateway.usage import Grouping, UsageRow, report, survey
from deskmind.governance.access import Permission, operation
from deskmind.governance.audit import record
from deskmind.scope import Scope

__all__ = ["Usage", "UsageSurvey"]


class Usage:
    """What model calls used and cost."""

    def __init__(self, database: Database, scope: Scope, room: GatewayRoom) -> None:
        self._database = database
        self._scope = scope
        self._room = room

    @property
    def scope(self) -> Scope:
        """Whose usage."""
        return self._scope

    @property
    def database(self) -> Database:
        """Where it is."""
        return self._database

    @operation(Permission.USAGE_READ)
    async def report(
        self, by: Sequence[Grouping], *, since: datetime | None = None, until: datetime | None = None
    ) -> list[UsageRow]:
        """Usage of the tenant grouped, dearest first; a member sees its own calls only. See ``usage.report``.

        Raises:
            InvalidRequestError: a grouping is not known, or the times are the wrong way round.
        """
        gateway = await self._room.gateway()
        await gateway.ledger.flush()
        async with self._database.transaction(self._scope) as connection:
            return await report(connection, self._scope, by, since, until)


class UsageSurvey:
    """What the model calls of all tenants used and cost, for the operator of the installation."""

    def __init__(self, database: Database, room: GatewayRoom) -> None:
        self._database = database
        self._scope = Scope.directory()
        self._room = room

    @property
    def scope(self) -> Scope:
        """The installation's."""
        return self._scope

    @property
    def database(self) -> Database:
        """Where it is."""
        return self._database

    @operation(Permission.USAGE_SURVEY)
    async def report(
        self, by: Sequence[Grouping], *, since: datetime | None = None, until: datetime | None = None
    ) -> list[UsageRow]:
        """Usage over all tenants grouped, dearest first; neither users nor keys are named. See ``usage.survey``.

        Raises:
            InvalidRequestError: a grouping is not known or names what is inside a tenant, or the times are the
                wrong way round.
        """
        gateway = await self._room.gateway()
        await gateway.ledger.flush()
        async with self._database.transaction(self._scope) as connection:
            rows = await survey(connection, by, since, until)
            await record(connection, self._scope, Permission.USAGE_SURVEY, groups=list(by), rows=len(rows))
        return rows
