"""Users, groups, API keys, the audit log, webhooks."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from deskmind.cli.remote.refusing import KEYS_OWNER, MOST, Part, first
from deskmind.cli.remote.shown import Shown
from deskmind.client.made.bodies import EventBody
from deskmind.errors import InvalidRequestError
from deskmind.governance.audit import Checkpoint, Finding, Report

if TYPE_CHECKING:
    from deskmind.client.made.bodies import NewWebhookBody
    from deskmind.governance.audit import VerifyKey
    from deskmind.governance.audit.service import AuditFilter

__all__ = ["RemoteAuditLog", "RemoteKeys", "RemotePrincipals", "RemoteTenants", "RemoteWebhooks"]

_MOST_EVENTS = 1000


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
        role: Any = "member",
        kind: Any = "user",
    ) -> Any:
        """Add one."""
        told = await self._client.users.add(
            name, display_name=display_name, kind=kind, groups=groups, role=role
        )
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
        told = self._client.installation.each_acts(limit=min(limit, _MOST_EVENTS))
        return [
            Shown(one, occurred_at=one.at, resource=one.tenant, correlation_id=one.request_id)
            async for one in first(limit, told)
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
        told = self._client.audit.each_events(**wanted, request_id=request, limit=min(limit, _MOST_EVENTS))
        return [Shown(one) async for one in first(limit, told)]

    async def checkpoint(self) -> Checkpoint:
        """The newest."""
        return Checkpoint.parse((await self._client.audit.get_checkpoint()).note)

    async def verify(self, keys: Sequence[VerifyKey] = (), *, kept: Sequence[Checkpoint] = ()) -> Report:
        """Have the service compare the log with its checkpoints, and with these."""
        told = await self._client.audit.verify(
            keys=list(map(str, keys)), checkpoints=[one.note for one in kept]
        )
        findings = tuple(Finding(one.kind, one.message) for one in told.findings)
        return Report(told.origin, told.events, told.covered, told.kept, findings)

    async def prove(self, event_id: UUID) -> str:
        """The proof of one event, as text."""
        return (await self._client.audit.prove_event(event_id)).proof

    async def export(self) -> AsyncIterator[bytes]:
        """All sealed events, to be checked elsewhere."""
        yield await self._client.audit.export(form="bundle")

    async def events(self) -> AsyncIterator[Any]:
        """All sealed events, with people by name."""
        for line in (await self._client.audit.export(form="readable")).splitlines():
            yield Shown(EventBody(json.loads(line)))

    async def forget(self, subject: str) -> bool:
        """Destroy the keys of a person."""
        return (await self._client.audit.forget_person(subject)).destroyed


class RemoteWebhooks(Part):
    """``desk.webhooks``."""

    async def all(self) -> list[Any]:
        """All of the tenant."""
        return [Shown(one) for one in (await self._client.webhooks.list()).webhooks]

    async def get(self, webhook_id: UUID) -> Any:
        """One."""
        return Shown(await self._client.webhooks.get(webhook_id))

    async def add(self, url: str, types: Sequence[str] = ("*",), *, description: str = "") -> Any:
        """Have an address be told of events."""
        return _new(await self._client.webhooks.add(url, types=list(types), description=description))

    async def change(
        self,
        webhook_id: UUID,
        *,
        url: str | None = None,
        types: Sequence[str] | None = None,
        description: str | None = None,
    ) -> Any:
        """What is given."""
        return Shown(
            await self._client.webhooks.change(webhook_id, url=url, types=types, description=description)
        )

    async def rotate(self, webhook_id: UUID, *, overlap_hours: float = 24.0) -> Any:
        """A new secret."""
        return _new(await self._client.webhooks.rotate_secret(webhook_id, overlap_hours=overlap_hours))

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
        told = self._client.webhooks.each_deliveries(webhook_id, state=state, limit=min(limit, MOST))
        return [Shown(one) async for one in first(limit, told)]

    async def test(self, webhook_id: UUID) -> Any:
        """Send something to it."""
        return Shown(await self._client.webhooks.test(webhook_id))

    async def delivery(self, delivery_id: UUID) -> Any:
        """One delivery."""
        return Shown(await self._client.deliveries.get(delivery_id))

    async def replay(self, delivery_id: UUID) -> Any:
        """Send one again."""
        return Shown(await self._client.deliveries.replay(delivery_id))

    async def replay_dead(self, since: datetime, *, webhook_id: UUID | None = None) -> int:
        """Send dead letters again: of one webhook, or of all that are active."""
        if webhook_id is not None:
            return (await self._client.webhooks.replay_dead_letters(webhook_id, since)).replayed
        active = [one for one in (await self._client.webhooks.list()).webhooks if one.active]
        return sum(
            [
                (await self._client.webhooks.replay_dead_letters(one.webhook_id, since)).replayed
                for one in active
            ]
        )


def _new(told: NewWebhookBody) -> Any:
    return Shown(told, webhook=Shown(told))
