"""Deliveries as jobs: one job a webhook at a time, for some seconds, so that all webhooks have their turn.

Attempts begin in the order in which they are due. As many are under way at one time as ``webhooks.concurrency`` says: a target
that is slow holds its own deliveries, and one place of the worker for some seconds. A tenant's webhooks have half of a worker's
places together, so that its slow targets leave room for others.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from uuid import UUID

from deskmind.database import Connection, Database
from deskmind.errors import DeskmindError, KeyringError
from deskmind.observability import logger, span
from deskmind.scope import Scope
from deskmind.webhooks.backoff import HELD_FROM
from deskmind.webhooks.measures import count_attempt
from deskmind.webhooks.sealing import open_secret
from deskmind.webhooks.sending import Sender, Sent
from deskmind.webhooks.service import WebhookRoom
from deskmind.webhooks.shares import Shares
from deskmind.webhooks.signing import key_of, signed_headers
from deskmind.webhooks.targets import Target, check_target
from deskmind.webhooks.turns import (
    Claimed,
    Settled,
    Standing,
    claim,
    disable_if_hopeless,
    give_back,
    settle,
    sleep_on,
    standing,
    take_jobs,
    wake,
)

__all__ = ["DUE_TASK", "WEBHOOKS_QUEUE", "WEBHOOKS_TASK", "Deliverer"]

WEBHOOKS_QUEUE: Final = "webhooks"
WEBHOOKS_TASK: Final = "webhooks.deliver"
DUE_TASK: Final = "webhooks.due"

_SLICE_SECONDS = 5.0
_SETTLE_SECONDS = 0.25
_AHEAD = 4
_SPARE_SECONDS = 5.0
_HEADERS = {
    "Content-Type": "application/json",
    "User-Agent": "Deskmind-Webhooks/1",
    "Accept-Encoding": "identity",
}
_log = logger("deskmind.webhooks")


class Deliverer:
    """Delivers in one process."""

    def __init__(
        self,
        database: Database,
        room: WebhookRoom,
        *,
        sender: Sender | None = None,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """Over connections of its own.

        Args:
            database: where deliveries are.
            room: settings and keys.
            sender: how attempts are made.
            draw: jitter.
        """
        self.database = database
        self.room = room
        self.sender = sender or Sender(room.settings.webhooks.timeout_seconds)
        self.draw = draw
        self._shares = Shares(max(1, room.settings.jobs.concurrency // 2))

    async def close(self) -> None:
        """Return connections."""
        await self.sender.close()

    async def run(self, arguments: Mapping[str, str]) -> None:
        """The job: what is due for one webhook, and another job for what will be.

        Where the tenant's share is taken, whoever ends first queues it again; if that one is killed, ``wake_due`` does.
        """
        tenant_id, webhook_id = UUID(arguments["tenant_id"]), UUID(arguments["webhook_id"])
        if not self._shares.begin(tenant_id, webhook_id):
            return
        try:
            await self.deliver(tenant_id, webhook_id)
        finally:
            await self._wake(Scope.operator(tenant_id, "", "worker"), self._shares.end(tenant_id))

    async def deliver(self, tenant_id: UUID, webhook_id: UUID) -> None:
        """What is due, here and now, whatever the tenant's share is."""
        await _Round(self, Scope.operator(tenant_id, "", "worker"), webhook_id).go()

    async def due(self, arguments: Mapping[str, str]) -> None:
        """The job of a delivery whose time has come: have the webhook's be made, in their turn."""
        scope = Scope.operator(UUID(arguments["tenant"]), "", "worker")
        await self._wake(scope, [UUID(arguments["webhook_id"])])

    async def _wake(self, scope: Scope, webhook_ids: Sequence[UUID]) -> None:
        if not webhook_ids:
            return
        async with self.database.transaction(scope) as connection:
            await wake(connection, webhook_ids)


class _Round:
    """Some seconds of one webhook."""

    def __init__(self, deliverer: Deliverer, scope: Scope, webhook_id: UUID) -> None:
        self._deliverer = deliverer
        self._settings = deliverer.room.settings.webhooks
        self._scope = scope
        self._webhook_id = webhook_id
        self._until = time.monotonic() + _SLICE_SECONDS
        self._ready: deque[Claimed] = deque()
        self._running: set[asyncio.Task[Settled]] = set()
        self._done: list[Settled] = []
        self._keys: dict[bytes, bytes] = {}
        self._unreadable: set[bytes] = set()
        self._begun = False

    async def go(self) -> None:
        try:
            while (found := await self._turn()) is not None and (self._ready or self._running):
                await self._send(found)
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    async def _send(self, found: Standing) -> None:
        """Make attempts until there is enough to write down: what was claimed is begun, or one failed, or some time is over."""
        pause = asyncio.get_running_loop().time() + _SETTLE_SECONDS
        while True:
            while self._ready and len(self._running) < self._settings.concurrency:
                self._running.add(asyncio.create_task(self._attempt(found, self._ready.popleft())))
            left = pause - asyncio.get_running_loop().time() if self._done else None
            finished, self._running = await asyncio.wait(
                self._running, timeout=left, return_when=asyncio.FIRST_COMPLETED
            )
            self._done += [task.result() for task in finished]
            failed = any(one.sent.outcome != "delivered" for one in self._done)
            if failed or not finished or not self._ready or time.monotonic() > self._until:
                return

    async def _turn(self) -> Standing | None:
        """Settle and claim; None where the webhook is gone."""
        async with self._deliverer.database.transaction(self._scope) as connection:
            found = await standing(connection, self._scope, self._webhook_id)
            if found is None:
                return None
            if self._done:
                found = await self._settled(connection, found)
            most = self._wanted(found)
            if not most and self._ready:
                await give_back(connection, self._scope, self._ready)
                self._ready.clear()
            if most > len(self._ready) + len(self._running):
                await self._claim(connection, most - len(self._ready) - len(self._running))
            if not self._ready and not self._running:
                await take_jobs(connection, self._webhook_id)
                await sleep_on(connection, self._scope, self._webhook_id)
        return found

    async def _settled(self, connection: Connection, found: Standing) -> Standing:
        """Write down what came of attempts; how the webhook stands then."""
        scope, webhook_id, settings = self._scope, self._webhook_id, self._settings
        done, self._done = self._done, []
        await settle(connection, scope, webhook_id, found, done, settings, self._deliverer.draw)
        if found.failing_since is None and all(one.sent.outcome == "delivered" for one in done):
            return found
        found = await standing(connection, scope, webhook_id) or found
        if await disable_if_hopeless(connection, scope, webhook_id, found, settings):
            _log.warning("webhooks.disabled", webhook=str(webhook_id))
            found = await standing(connection, scope, webhook_id) or found
        return found

    async def _claim(self, connection: Connection, most: int) -> None:
        """Claim; before the first time, take the jobs that wait."""
        lease = _AHEAD * self._settings.timeout_seconds + _SPARE_SECONDS
        if not self._begun:
            await take_jobs(connection, self._webhook_id)
            self._begun = True
        self._ready += await claim(connection, self._scope, self._webhook_id, most=most, lease=lease)

    def _wanted(self, found: Standing) -> int:
        """How many are to be claimed or under way; of a target that did not answer lately what can begin now, then one alone."""
        if not found.active or found.held or time.monotonic() > self._until:
            return 0
        if found.failures >= HELD_FROM:
            return 1
        return self._settings.concurrency * (1 if found.failures else _AHEAD)

    async def _attempt(self, found: Standing, claimed: Claimed) -> Settled:
        with span("webhooks.attempt"):
            sent = await self._sent(found, claimed)
        count_attempt(sent.outcome, sent.seconds)
        return Settled(claimed, sent)

    async def _sent(self, found: Standing, claimed: Claimed) -> Sent:
        try:
            target = self._target(found)
            keys = [self._key(found.sealed), *self._older(found)]
        except DeskmindError as error:
            _log.warning("webhooks.not_sent", webhook=str(self._webhook_id), problem=error.code)
            return Sent("forbidden", None, 0.0)
        body = claimed.body.encode()
        headers = signed_headers(keys, str(claimed.event_id), int(time.time()), body)
        return await self._deliverer.sender.send(target, {**_HEADERS, **headers}, body)

    def _target(self, found: Standing) -> Target:
        """Looked at anew for each attempt: what the installation allows may have changed."""
        return check_target(found.url, self._settings.internal_hosts)

    def _older(self, found: Standing) -> list[bytes]:
        """The key before, while it signs too; none where it cannot be opened: a new secret is how that is mended."""
        if found.old_sealed is None or found.old_sealed in self._unreadable:
            return []
        try:
            return [self._key(found.old_sealed)]
        except KeyringError as error:
            _log.warning("webhooks.old_secret_unreadable", webhook=str(self._webhook_id), problem=error.code)
            self._unreadable.add(found.old_sealed)
            return []

    def _key(self, sealed: bytes) -> bytes:
        if sealed not in self._keys:
            scope = self._scope
            secret = open_secret(self._deliverer.room.keyring, scope.tenant_id, self._webhook_id, sealed)
            self._keys[sealed] = key_of(secret)
        return self._keys[sealed]
