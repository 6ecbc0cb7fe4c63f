"""``desk.webhooks``: who is told of what, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID, uuid4

from deskmind.database import Connection, Database
from deskmind.errors import ConflictError, InvalidRequestError
from deskmind.governance.access import Permission, operation
from deskmind.governance.audit import record
from deskmind.keyring import Keyring
from deskmind.scope import Scope
from deskmind.settings import Settings
from deskmind.webhooks import store
from deskmind.webhooks.events import TEST, check_patterns
from deskmind.webhooks.publishing import body_of
from deskmind.webhooks.rows import Delivery, DeliveryState, NewWebhook, Webhook
from deskmind.webhooks.sealing import seal_secret
from deskmind.webhooks.signing import new_secret
from deskmind.webhooks.targets import check_target

__all__ = ["WebhookRoom", "Webhooks"]

_LONGEST_DESCRIPTION = 500
_MOST_REPLAYED = 10_000
_LONGEST_OVERLAP_HOURS = 24.0 * 30
_CHANGE = """
UPDATE webhooks SET url = %(url)s, types = %(types)s, description = %(description)s, changed_at = clock_timestamp(),
       failures = CASE WHEN url = %(url)s THEN failures ELSE 0 END,
       failing_since = CASE WHEN url = %(url)s THEN failing_since END,
       resume_at = CASE WHEN url = %(url)s THEN resume_at END
 WHERE tenant_id = %(tenant)s AND webhook_id = %(webhook)s
"""
_ROTATE = """
UPDATE webhooks SET old_sealed = CASE WHEN %(hours)s > 0 THEN sealed END,
       old_until = CASE WHEN %(hours)s > 0 THEN now() + make_interval(secs => %(hours)s * 3600) END,
       sealed = %(sealed)s, changed_at = clock_timestamp()
 WHERE tenant_id = %(tenant)s AND webhook_id = %(webhook)s
"""
_SWITCH = """
UPDATE webhooks SET active = %(active)s, disabled_because = CASE WHEN %(active)s THEN '' ELSE 'person' END,
       failures = 0, failing_since = NULL, resume_at = NULL, changed_at = clock_timestamp()
 WHERE tenant_id = %(tenant)s AND webhook_id = %(webhook)s
"""
_EVENT = "INSERT INTO webhook_events (tenant_id, event_id, type, body) VALUES (%s, %s, %s, %s)"
_DELIVERY = """
INSERT INTO webhook_deliveries (tenant_id, delivery_id, webhook_id, event_id) VALUES (%s, %s, %s, %s)
"""


class WebhookRoom(Protocol):
    """What webhooks need of the application."""

    settings: Settings
    keyring: Keyring


class Webhooks:
    """Addresses that are told of what happens in the tenant (operators)."""

    def __init__(self, database: Database, scope: Scope, room: WebhookRoom) -> None:
        self._database = database
        self._scope = scope
        self._room = room

    @property
    def scope(self) -> Scope:
        """Who acts."""
        return self._scope

    @property
    def database(self) -> Database:
        """Where webhooks are kept."""
        return self._database

    @operation(Permission.WEBHOOKS_WRITE)
    async def add(self, url: str, types: Sequence[str] = ("*",), *, description: str = "") -> NewWebhook:
        """Have an address be told of events from now on. Its secret is shown this once.

        Args:
            url: of https, in public networks, or of a host in ``webhooks.internal_hosts``.
            types: of events: ``run.failed``, ``run.*`` for all that begin so, ``*`` for all.
            description: for people, 500 characters at most.

        Raises:
            InvalidRequestError: the address, a type or the description cannot be used.
            ForbiddenAddressError: nothing may be sent there.
            ConflictError: the tenant has ``webhooks.most`` already.
        """
        settings = self._room.settings.webhooks
        target = check_target(url, settings.internal_hosts)
        patterns, webhook_id, secret = check_patterns(types), uuid4(), new_secret()
        async with self._database.transaction(self._scope) as connection:
            added = await store.add_webhook(
                connection,
                self._scope,
                webhook_id,
                url=url,
                types=patterns,
                description=_described(description),
                sealed=self._sealed(webhook_id, secret),
                most=settings.most,
            )
            if not added:
                raise ConflictError(
                    "The tenant has no room for another webhook.",
                    why=f"webhooks.most is {settings.most}.",
                    remedy="Delete one that is not needed.",
                )
            await self._record(connection, webhook_id, "added", host=target.host, types=patterns)
            return NewWebhook(await store.find_webhook(connection, self._scope, webhook_id), secret)

    @operation(Permission.WEBHOOKS_READ)
    async def all(self) -> list[Webhook]:
        """Every webhook, the oldest first."""
        async with self._database.transaction(self._scope) as connection:
            return await store.list_webhooks(connection, self._scope)

    @operation(Permission.WEBHOOKS_READ)
    async def get(self, webhook_id: UUID) -> Webhook:
        """One webhook.

        Raises:
            NotFoundError: there is none of this id.
        """
        async with self._database.transaction(self._scope) as connection:
            return await store.find_webhook(connection, self._scope, webhook_id)

    @operation(Permission.WEBHOOKS_WRITE)
    async def change(
        self,
        webhook_id: UUID,
        *,
        url: str | None = None,
        types: Sequence[str] | None = None,
        description: str | None = None,
    ) -> Webhook:
        """Change what is given. What waits goes to the new address. Errors as for ``add``, and:

        Raises:
            NotFoundError: there is none of this id.
        """
        target = check_target(url, self._room.settings.webhooks.internal_hosts) if url is not None else None
        patterns = check_patterns(types) if types is not None else None
        async with self._database.transaction(self._scope) as connection:
            found = await store.find_webhook(connection, self._scope, webhook_id, lock=True)
            values = {
                "url": found.url if target is None else target.url,
                "types": found.types if patterns is None else patterns,
                "description": found.description if description is None else _described(description),
            }
            await connection.execute(_CHANGE, {**values, **self._key(webhook_id)})
            facts: dict[str, Any] = {"host": target.host} if target is not None else {}
            await self._record(connection, webhook_id, "changed", **facts, types=values["types"])
            await store.wake(connection, self._scope, webhook_id)
            return await store.find_webhook(connection, self._scope, webhook_id)

    @operation(Permission.WEBHOOKS_WRITE)
    async def rotate(self, webhook_id: UUID, *, overlap_hours: float = 24.0) -> NewWebhook:
        """A new secret, shown this once; until the overlap is over, both sign.

        Args:
            webhook_id: which.
            overlap_hours: 0 to 720; 0 where the old one has leaked: it signs nothing from now on.

        Raises:
            NotFoundError: there is none of this id.
            InvalidRequestError: the overlap is not possible.
        """
        if not 0 <= overlap_hours <= _LONGEST_OVERLAP_HOURS:
            raise InvalidRequestError(
                f"An overlap of {overlap_hours:g} hours is not possible.", remedy="Choose 0 to 720."
            )
        secret = new_secret()
        async with self._database.transaction(self._scope) as connection:
            await store.find_webhook(connection, self._scope, webhook_id, lock=True)
            values = {"sealed": self._sealed(webhook_id, secret), "hours": overlap_hours}
            await connection.execute(_ROTATE, {**values, **self._key(webhook_id)})
            await self._record(connection, webhook_id, "rotated", overlap_hours=overlap_hours)
            return NewWebhook(await store.find_webhook(connection, self._scope, webhook_id), secret)

    @operation(Permission.WEBHOOKS_WRITE)
    async def disable(self, webhook_id: UUID) -> Webhook:
        """Send nothing more: new events are not kept for it, what waits stays until it is too old.

        Raises:
            NotFoundError: there is none of this id.
        """
        return await self._switch(webhook_id, active=False)

    @operation(Permission.WEBHOOKS_WRITE)
    async def enable(self, webhook_id: UUID) -> Webhook:
        """Send again, what waits first.

        Raises:
            NotFoundError: there is none of this id.
        """
        return await self._switch(webhook_id, active=True)

    @operation(Permission.WEBHOOKS_WRITE)
    async def remove(self, webhook_id: UUID) -> None:
        """Delete a webhook with its deliveries: it is disabled first, and stays so where this comes to no end.

        Raises:
            NotFoundError: there is none of this id.
        """
        await self._switch(webhook_id, active=False)
        while True:  # in pages, so that nobody who acts meanwhile waits for all of them
            async with self._database.transaction(self._scope) as connection:
                if await store.remove_deliveries(connection, self._scope, webhook_id):
                    continue
                if await store.remove_webhook(connection, self._scope, webhook_id):
                    await self._record(connection, webhook_id, "removed")
                return

    @operation(Permission.WEBHOOKS_WRITE)
    async def test(self, webhook_id: UUID) -> Delivery:
        """Send an event of the type ``webhook.test``, whatever types the webhook wants.

        Raises:
            NotFoundError: there is none of this id.
            ConflictError: it is disabled.
        """
        tenant, event_id, delivery_id = self._scope.tenant_id, uuid4(), uuid4()
        async with self._database.transaction(self._scope) as connection:
            await self._active(connection, webhook_id, lock=True)
            body = body_of(TEST, tenant, {"webhook_id": webhook_id, "link": f"/v1/webhooks/{webhook_id}"})
            await connection.execute(_EVENT, (tenant, event_id, TEST, body))
            await connection.execute(_DELIVERY, (tenant, delivery_id, webhook_id, event_id))
            await store.wake(connection, self._scope, webhook_id)
            await self._record(connection, webhook_id, "tested")
            return await store.find_delivery(connection, self._scope, delivery_id)

    @operation(Permission.WEBHOOKS_READ)
    async def deliveries(
        self,
        webhook_id: UUID,
        *,
        state: DeliveryState | None = None,
        before: tuple[datetime, UUID] | None = None,
        limit: int = 100,
    ) -> list[Delivery]:
        """What was sent to a webhook or waits, the newest first.

        Args:
            webhook_id: which.
            state: only those.
            before: ``created_at`` and ``delivery_id`` of the last one of the page before.
            limit: 1 to 1000.

        Raises:
            NotFoundError: there is no such webhook.
            InvalidRequestError: the limit is not 1 to 1000.
        """
        if not 1 <= limit <= 1000:
            raise InvalidRequestError(f"A limit of {limit} is not possible.", remedy="Choose 1 to 1000.")
        async with self._database.transaction(self._scope) as connection:
            await store.find_webhook(connection, self._scope, webhook_id)
            return await store.list_deliveries(
                connection, self._scope, webhook_id, state=state, before=before, limit=limit
            )

    @operation(Permission.WEBHOOKS_READ)
    async def delivery(self, delivery_id: UUID) -> Delivery:
        """One delivery.

        Raises:
            NotFoundError: there is none of this id, or it is no longer kept.
        """
        async with self._database.transaction(self._scope) as connection:
            return await store.find_delivery(connection, self._scope, delivery_id)

    @operation(Permission.WEBHOOKS_WRITE)
    async def replay(self, delivery_id: UUID) -> Delivery:
        """Send an event again, with the id it has, whatever became of it before.

        Raises:
            NotFoundError: there is no such delivery, or it is no longer kept.
            ConflictError: the webhook is disabled.
        """
        async with self._database.transaction(self._scope) as connection:
            found = await store.find_delivery(connection, self._scope, delivery_id)
            await self._active(connection, found.webhook_id)
            await store.replay(connection, self._scope, [delivery_id])
            await store.wake(connection, self._scope, found.webhook_id)
            await self._record(connection, found.webhook_id, "replayed", deliveries=1)
            return await store.find_delivery(connection, self._scope, delivery_id)

    @operation(Permission.WEBHOOKS_WRITE)
    async def replay_dead(self, since: datetime, *, webhook_id: UUID | None = None) -> int:
        """Send dead letters again, the oldest first, 10,000 at most in one call; how many.

        Args:
            since: those that were given up from then on.
            webhook_id: of this webhook; of all active ones when left out.

        Raises:
            NotFoundError: there is no such webhook.
            ConflictError: the webhook is disabled.
            InvalidRequestError: ``since`` has no time zone.
        """
        if since.tzinfo is None:
            raise InvalidRequestError("The time has no zone.", remedy="Add Z or an offset.")
        async with self._database.transaction(self._scope) as connection:
            if webhook_id is not None:
                await self._active(connection, webhook_id)
            counts = await store.replay_dead(connection, self._scope, since, webhook_id, _MOST_REPLAYED)
            for one, count in counts.items():
                await store.wake(connection, self._scope, one)
                await self._record(connection, one, "replayed", deliveries=count)
            return sum(counts.values())

    async def _switch(self, webhook_id: UUID, *, active: bool) -> Webhook:
        async with self._database.transaction(self._scope) as connection:
            await store.find_webhook(connection, self._scope, webhook_id, lock=True)
            await connection.execute(_SWITCH, {"active": active, **self._key(webhook_id)})
            if active:
                await store.wake(connection, self._scope, webhook_id)
            await self._record(connection, webhook_id, "enabled" if active else "disabled")
            return await store.find_webhook(connection, self._scope, webhook_id)

    async def _active(self, connection: Connection, webhook_id: UUID, *, lock: bool = False) -> None:
        found = await store.find_webhook(connection, self._scope, webhook_id, lock=lock)
        if not found.active:
            raise ConflictError(
                "The webhook is disabled.",
                why=f"disabled_because is '{found.disabled_because}'.",
                remedy=f"`deskmind webhooks enable {webhook_id}` sends again.",
            )

    def _sealed(self, webhook_id: UUID, secret: str) -> bytes:
        return seal_secret(self._room.keyring, self._scope.tenant_id, webhook_id, secret)

    def _key(self, webhook_id: UUID) -> dict[str, UUID]:
        return {"tenant": self._scope.tenant_id, "webhook": webhook_id}

    async def _record(self, connection: Connection, webhook_id: UUID, act: str, **facts: Any) -> None:
        resource = f"webhooks/{webhook_id}"
        await record(connection, self._scope, Permission.WEBHOOKS_WRITE, resource=resource, act=act, **facts)


def _described(text: str) -> str:
    if len(text) > _LONGEST_DESCRIPTION or not text.isprintable():
        raise InvalidRequestError(
            "The description is not valid.", why="It has up to 500 printable characters."
        )
    return text
