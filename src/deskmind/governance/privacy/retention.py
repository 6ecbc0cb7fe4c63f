"""Retention: what is older than the policy says goes, on schedule, but for legal holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deskmind.database import Database
from deskmind.governance.access.permissions import Permission
from deskmind.governance.audit import record
from deskmind.governance.privacy.measures import count_expired
from deskmind.governance.privacy.tables import without_time_limit
from deskmind.scope import Scope
from deskmind.settings import PrivacySettings

__all__ = ["Expired", "Policy", "Retention", "policies"]

_DAYS = {
    "conversations": "conversation_days",
    "feedback": "feedback_days",
    "experiment_outcomes": "outcome_days",
    "ingests": "ingest_days",
    "request_stories": "story_days",
    "usage_entries": "usage_days",
    "memories": "memory_days",
}

_ANSWERED = "DELETE FROM request_keys WHERE tenant_id = %s AND expires_at <= now()"
_NOTE = """
INSERT INTO privacy_retention AS r (tenant_id, store, days, ran_at, removed) VALUES (%s, %s, %s, now(), %s)
ON CONFLICT (tenant_id, store) DO UPDATE SET days = excluded.days, ran_at = now(), removed = r.removed + excluded.removed
"""


@dataclass(frozen=True, slots=True)
class Policy:
    """How long a store keeps a row; 0 days for as long as the row's own time lets it, if it has one."""

    store: str
    days: int


@dataclass(frozen=True, slots=True)
class Expired:
    """A policy that ran.

    Attributes:
        policy: which.
        removed: rows this time.
        ran_at: when.
    """

    policy: Policy
    removed: int
    ran_at: datetime

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "store": self.policy.store,
            "days": self.policy.days,
            "removed": self.removed,
            "ran_at": self.ran_at.isoformat(),
        }


def policies(settings: PrivacySettings, tenant: str) -> Iterator[Policy]:
    """The policies of a tenant: its own where ``[privacy.tenants.NAME]`` has one, else the installation's."""
    own = {str(name): days for name, days in settings.tenants.get(tenant, {}).items()}
    for store, setting in _DAYS.items():
        days = own.get(setting)
        yield Policy(store, getattr(settings, setting) if days is None else days)


class Retention:
    """Runs one tenant's policies."""

    def __init__(self, database: Database, scope: Scope, settings: PrivacySettings) -> None:
        """In an operator's scope, whose tenant's name decides the policies."""
        self._database = database
        self._scope = scope
        self._settings = settings

    async def run(self) -> list[Expired]:
        """Remove what has expired, each store in a transaction of its own. O(what goes) where an index leads to it."""
        async with self._database.transaction(self._scope) as connection:
            await connection.execute(_ANSWERED, (self._scope.tenant_id,))
        return [await self._run(policy) for policy in policies(self._settings, self._scope.tenant)]

    async def last(self) -> list[Expired]:
        """When each policy last ran, with all that it ever removed."""
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(
                "SELECT store, days, removed, ran_at FROM privacy_retention WHERE tenant_id = %s ORDER BY store",
                (self._scope.tenant_id,),
            )
            return [Expired(Policy(row[0], row[1]), row[2], row[3]) for row in await cursor.fetchall()]

    async def _run(self, policy: Policy) -> Expired:
        async with self._database.transaction(self._scope) as connection:
            await without_time_limit(connection)
            removed = 0
            if policy.days or policy.store == "conversations":
                cursor = await connection.execute(
                    "SELECT privacy_expire(%s, %s)", (policy.store, policy.days)
                )
                row = await cursor.fetchone()
                removed = int(row[0]) if row else 0
            await connection.execute(_NOTE, (self._scope.tenant_id, policy.store, policy.days, removed))
            if removed:
                await record(
                    connection,
                    self._scope,
                    Permission.PRIVACY_RETAIN,
                    resource=policy.store,
                    days=policy.days,
                    removed=removed,
                )
            row = await (await connection.execute("SELECT now()")).fetchone()
        count_expired(removed)
        assert row is not None
        return Expired(policy, removed, row[0])
