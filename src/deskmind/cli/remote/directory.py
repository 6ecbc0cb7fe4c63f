"""Users, groups, API keys, the audit log, webhooks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from deskmind.cli.remote.refusing import KEYS_OWNER, Part
from deskmind.cli.remote.shown import Shown
from deskmind.cli.server import not_remote
from deskmind.errors import InvalidRequestError

if TYPE_CHECKING:
    from deskmind.governance.audit.service import AuditFilter

__all__ = ["RemoteAuditLog", "RemoteKeys", "RemotePrincipals", "RemoteTenants", "RemoteWebhooks"]


class RemotePrincipals(Part):
    """``desk.principals``."""

    async def users(self) -> list[Any]:
        """By name."""
        return [Shown(one) for one in (await self._client.users.list()).users]

    async def add_user(
        self,
        name: str,
        *,
        groups: Sequence[str] = (),
        display_name: str = "",
        role: str = "member",
        kind: Any = "user",
    ) -> Any:
        """Add one."""
        if role != "member":
            raise not_remote("Adding an operator")
        told = await self._client.users.add(name, display_name=display_name, kind=kind, groups=groups)
        return Shown(told)

    async def set_groups(self, name: str, groups: Sequence[str]) -> Any:
        """Replace a user's."""
        return Shown(await self._client.users.set_groups(name, groups))

    async def groups(self) -> list[Any]:
        """By name."""
        return [Shown(one) for one in (await self._client.groups.list()).groups]

    async def add_group(self, name: str) -> None:
        """Make one."""
        await self._client.groups.add(name)


class RemoteTenants(Part):
    """``app.tenants``, for owners of a tenant that operates the installation."""

    async def all(self) -> list[Any]:
        """By name."""
        return [Shown(one) for one in (await self._client.tenants.list()).tenants]

    async def create(self, slug: str, *, name: str = "") -> Any:
        """Add one."""
        return Shown((await self._client.tenants.create(slug, name=name)).tenant)

    async def delete(self, slug: str) -> Any:
        """Erase one; the command has asked."""
        return Shown(await self._client.tenants.erase(slug, slug))

    async def audit(self, *, limit: int = 100) -> list[Any]:
        """What was done to the installation."""
        told = await self._client.installation.list_acts(limit=limit)
        return [
            Shown(one, occurred_at=one.at, resource=one.tenant, correlation_id=one.request_id)
            for one in told.acts
        ]

    async def closed_accounts(self) -> list[Any]:
        """What erased ones spent."""
        told = await self._client.installation.list_closed_accounts()
        return [Shown(one, month=date.fromisoformat(f"{one.month}-01")) for one in told.accounts]


class RemoteKeys(Part):
    """``desk.keys``."""

    async def all(self) -> list[Any]:
        """Without their secrets."""
        return [Shown(one) for one in (await self._client.keys.list()).keys]

    async def create(self, user: str, *, name: str = "", expires_at: datetime | None = None) -> Any:
        """Make one for a user."""
        if user == KEYS_OWNER:
            raise InvalidRequestError("Whose key is it to be?", remedy="Add --user NAME.")
        return Shown(await self._client.keys.create(user, name=name, expires_at=expires_at))

    async def rotate(self, key_id: UUID, *, overlap_hours: float = 24.0) -> Any:
        """A new secret."""
        return Shown(await self._client.keys.rotate(key_id, overlap_hours=overlap_hours))

    async def revoke(self, key_id: UUID) -> None:
        """End one."""
        await self._client.keys.revoke(key_id)


class RemoteAuditLog(Part):
    """``desk.audit_log``: what was recorded."""

    async def search(self, only: AuditFilter | None = None, *, limit: int = 100) -> list[Any]:
        """The events that fit, newest first."""
        wanted: dict[str, Any] = {} if only is None else asdict(only)
        request = wanted.pop("correlation_id", None)
        told = await self._client.audit.search_events(**wanted, request_id=request, limit=limit)
        return [Shown(one) for one in told.events]


class RemoteWebhooks(Part):
    """``desk.webhooks``."""

    async def all(self) -> list[Any]:
        """All of the tenant."""
        return [Shown(one) for one in (await self._client.webhooks.list()).webhooks]

    async def get(self, webhook_id: UUID) -> Any:
        """One."""
        return Shown(await self._client.webhooks.get(webhook_id))

    async def disable(self, webhook_id: UUID) -> Any:
        """Send nothing more to it."""
        return Shown(await self._client.webhooks.disable(webhook_id))

    async def enable(self, webhook_id: UUID) -> Any:
        """Send to it again."""
        return Shown(await self._client.webhooks.enable(webhook_id))

    async def remove(self, webhook_id: UUID) -> None:
        """Remove one."""
        await self._client.webhooks.delete(webhook_id)

    async def deliveries(self, webhook_id: UUID, *, state: Any = None, limit: int = 100) -> list[Any]:
        """What became of events on their way to it."""
        told = await self._client.webhooks.list_deliveries(webhook_id, state=state, limit=limit)
        return [Shown(one) for one in told.deliveries]

    async def test(self, webhook_id: UUID) -> Any:
        """Send something to it."""
        return Shown(await self._client.webhooks.test(webhook_id))

    async def delivery(self, delivery_id: UUID) -> Any:
        """One delivery."""
        return Shown(await self._client.deliveries.get(delivery_id))

    async def replay(self, delivery_id: UUID) -> Any:
        """Send one again."""
        return Shown(await self._client.deliveries.replay(delivery_id))
