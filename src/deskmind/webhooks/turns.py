"""One turn of a webhook's deliveries, in one transaction: what came of attempts is written down, and the next are claimed.

A claim moves the time that the delivery is due to when the attempt is given up, so that after a ``kill -9`` it is due again
by itself. Attempts are counted when they are claimed; what came of one counts unless a later one was claimed meanwhile, or it
was accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from deskmind.database import Connection
from deskmind.governance.audit import record
from deskmind.scope import Scope
from deskmind.settings import WebhooksSettings
from deskmind.webhooks.backoff import hold_seconds, retry_seconds
from deskmind.webhooks.sending import Sent

__all__ = [
    "Claimed",
    "Settled",
    "Standing",
    "begin_anew",
    "claim",
    "disable_if_hopeless",
    "give_back",
    "settle",
    "sleep_on",
    "standing",
    "take_jobs",
    "wake",
]

_STANDING = """
SELECT url, sealed, CASE WHEN old_until > now() THEN old_sealed END AS old_sealed, active, failures, failing_since,
       coalesce(resume_at > now(), false), now()
  FROM webhooks WHERE tenant_id = %s AND webhook_id = %s
"""
_CLAIM = """
WITH c AS MATERIALIZED (
    SELECT delivery_id, due_at, milliseconds FROM webhook_deliveries
     WHERE tenant_id = %(tenant)s AND webhook_id = %(webhook)s AND state = 'pending' AND due_at <= clock_timestamp()
     ORDER BY due_at LIMIT %(most)s FOR NO KEY UPDATE SKIP LOCKED)
UPDATE webhook_deliveries d
   SET attempts = d.attempts + 1, tries = d.tries + 1, attempted_at = clock_timestamp(),
       due_at = clock_timestamp() + make_interval(secs => %(lease)s), milliseconds = NULL
  FROM c, webhook_events e
 WHERE d.tenant_id = %(tenant)s AND d.delivery_id = c.delivery_id
   AND e.tenant_id = %(tenant)s AND e.event_id = d.event_id
RETURNING d.delivery_id, e.event_id, e.body, d.attempts, d.tries, d.wanted_at, c.due_at, c.milliseconds
"""
"""Materialised: inside a nested loop the choice would be made anew for each row, without those it has just locked and moved,
and more would be claimed than are wanted."""
_GIVE_BACK = """
UPDATE webhook_deliveries d SET attempts = d.attempts - 1, tries = greatest(d.tries - 1, 0), due_at = s.due_at,
       milliseconds = s.took
  FROM unnest(%s::uuid[], %s::integer[], %s::timestamptz[], %s::integer[]) AS s(delivery_id, attempts, due_at, took)
 WHERE d.tenant_id = %s AND d.delivery_id = s.delivery_id AND d.state = 'pending' AND d.attempts = s.attempts
"""
_SETTLE = """
UPDATE webhook_deliveries d
   SET state = s.state, due_at = clock_timestamp() + make_interval(secs => s.delay), status = s.status, problem = s.problem,
       milliseconds = s.took, settled_at = CASE WHEN s.state <> 'pending' THEN clock_timestamp() END
  FROM unnest(%(ids)s::uuid[], %(attempts)s::integer[], %(states)s::text[], %(delays)s::float8[], %(statuses)s::smallint[],
              %(problems)s::text[], %(took)s::integer[], %(wanted)s::timestamptz[])
       AS s(delivery_id, attempts, state, delay, status, problem, took, wanted_at)
 WHERE d.tenant_id = %(tenant)s AND d.delivery_id = s.delivery_id AND d.state = 'pending'
   AND (d.attempts = s.attempts OR s.state = 'delivered') AND (d.wanted_at = s.wanted_at OR s.state <> 'dead')
"""
"""What was replayed while its last attempt was under way is wanted anew, and tried again when the claim ends."""
_WELL = """
UPDATE webhooks SET failures = 0, failing_since = NULL, resume_at = NULL WHERE tenant_id = %s AND webhook_id = %s
"""
_ILL = """
UPDATE webhooks SET failures = %(failures)s, failing_since = coalesce(failing_since, now()),
       resume_at = CASE WHEN %(hold)s > 0 THEN clock_timestamp() + make_interval(secs => %(hold)s) END
 WHERE tenant_id = %(tenant)s AND webhook_id = %(webhook)s
"""
_ANEW = """
UPDATE webhooks w SET failures = 0, failing_since = NULL, resume_at = NULL
 WHERE w.tenant_id = %(tenant)s AND w.active AND w.failing_since IS NOT NULL
   AND (%(webhook)s::uuid IS NULL OR w.webhook_id = %(webhook)s)
   AND NOT EXISTS (SELECT FROM webhook_deliveries d WHERE d.tenant_id = w.tenant_id AND d.webhook_id = w.webhook_id
                      AND d.state = 'pending')
"""
_DISABLE = """
UPDATE webhooks SET active = false, disabled_because = %s, failures = 0, resume_at = NULL, changed_at = clock_timestamp()
 WHERE tenant_id = %s AND webhook_id = %s AND active
"""
_SLEEP = """
SELECT wake_webhook(w.webhook_id, greatest(min(d.due_at), w.resume_at)) FROM webhooks w
  JOIN webhook_deliveries d ON d.tenant_id = w.tenant_id AND d.webhook_id = w.webhook_id AND d.state = 'pending'
 WHERE w.tenant_id = %s AND w.webhook_id = %s AND w.active GROUP BY w.tenant_id, w.webhook_id, w.resume_at
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a webhook stands at the beginning of a turn.

    Attributes:
        held: whether nothing is to be sent now.
        now: the database's clock.
    """

    url: str
    sealed: bytes
    old_sealed: bytes | None
    active: bool
    failures: int
    failing_since: datetime | None
    held: bool
    now: datetime


@dataclass(frozen=True, slots=True)
class Claimed:
    """An attempt that is to be made.

    Attributes:
        due_at: since when, before it was claimed.
        milliseconds: of the attempt before.
    """

    delivery_id: UUID
    event_id: UUID
    body: str
    attempts: int
    tries: int
    wanted_at: datetime
    due_at: datetime
    milliseconds: int | None


@dataclass(frozen=True, slots=True)
class Settled:
    """An attempt that came to an end."""

    claimed: Claimed
    sent: Sent


async def standing(connection: Connection, scope: Scope, webhook_id: UUID) -> Standing | None:
    """How the webhook stands; None where it is gone."""
    cursor = await connection.execute(_STANDING, (scope.tenant_id, webhook_id))
    row = await cursor.fetchone()
    return Standing(*row) if row is not None else None


async def take_jobs(connection: Connection, webhook_id: UUID) -> None:
    """Remove the jobs that wait for the webhook: whoever calls this claims what is due afterwards, or has a job do it."""
    await connection.execute("SELECT take_webhook_jobs(%s)", (webhook_id,))


async def claim(
    connection: Connection, scope: Scope, webhook_id: UUID, *, most: int, lease: float
) -> list[Claimed]:
    """Claim what is due, that which is due longest first."""
    values = {"tenant": scope.tenant_id, "webhook": webhook_id, "most": most, "lease": lease}
    rows = await (await connection.execute(_CLAIM, values)).fetchall()
    return sorted((Claimed(*row) for row in rows), key=lambda one: one.due_at)


async def give_back(connection: Connection, scope: Scope, claimed: Sequence[Claimed]) -> None:
    """Undo claims of which nothing was sent: they keep their places before what was published later."""
    names = ("delivery_id", "attempts", "due_at", "milliseconds")
    columns = ([getattr(one, name) for one in claimed] for name in names)
    await connection.execute(_GIVE_BACK, (*columns, scope.tenant_id))


async def settle(
    connection: Connection,
    scope: Scope,
    webhook_id: UUID,
    found: Standing,
    done: Sequence[Settled],
    settings: WebhooksSettings,
    draw: Callable[[], float],
) -> None:
    """Write down what came of attempts, when the next ones are, and how the target does."""
    given_up = timedelta(hours=settings.give_up_hours)
    rows = [_settled(one, found.now, given_up, draw) for one in done]
    names = ("ids", "attempts", "states", "delays", "statuses", "problems", "took", "wanted")
    columns = {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
    await connection.execute(_SETTLE, {**columns, "tenant": scope.tenant_id})
    key = {"tenant": scope.tenant_id, "webhook": webhook_id}
    if any(one.sent.outcome == "delivered" for one in done):
        if found.failing_since is not None:
            await connection.execute(_WELL, (scope.tenant_id, webhook_id))
        return
    failures = found.failures + sum(one.sent.down for one in done)
    hold = hold_seconds(failures, draw)
    await connection.execute(_ILL, {"failures": failures, "hold": hold, **key})
    if any(one.sent.outcome == "gone" for one in done):
        await _disable(connection, scope, webhook_id, "gone")
    elif any(row[2] == "dead" for row in rows):
        await begin_anew(connection, scope, webhook_id)


async def begin_anew(connection: Connection, scope: Scope, webhook_id: UUID | None = None) -> None:
    """Forget since when a webhook fails, or each of the tenant's, where nothing waits any more: days in which nothing was tried
    are none of failure."""
    await connection.execute(_ANEW, {"tenant": scope.tenant_id, "webhook": webhook_id})


async def disable_if_hopeless(
    connection: Connection, scope: Scope, webhook_id: UUID, found: Standing, settings: WebhooksSettings
) -> bool:
    """Disable a webhook to which nothing could be delivered for ``webhooks.disable_days``, and say so."""
    since = found.failing_since
    if since is None or found.now - since < timedelta(days=settings.disable_days):
        return False
    return await _disable(connection, scope, webhook_id, "failing")


async def sleep_on(connection: Connection, scope: Scope, webhook_id: UUID) -> None:
    """Have a job go on when the next delivery is due, where there is one."""
    await connection.execute(_SLEEP, (scope.tenant_id, webhook_id))


async def wake(connection: Connection, webhook_ids: Sequence[UUID]) -> None:
    """Queue a job for each of the scope's webhooks."""
    await connection.execute("SELECT wake_webhook(w, NULL) FROM unnest(%s::uuid[]) w", (list(webhook_ids),))


async def _disable(connection: Connection, scope: Scope, webhook_id: UUID, why: str) -> bool:
    cursor = await connection.execute(_DISABLE, (why, scope.tenant_id, webhook_id))
    if cursor.rowcount != 1:
        return False
    await record(
        connection,
        scope,
        "webhooks.disable",
        resource=f"webhooks/{webhook_id}",
        outcome="failed",
        because=why,
    )
    return True


def _settled(one: Settled, now: datetime, given_up: timedelta, draw: Callable[[], float]) -> tuple[Any, ...]:
    """A row: id, attempts, state, delay, status, problem, milliseconds, when it was wanted."""
    claimed, sent = one.claimed, one.sent
    state, delay = "delivered", 0.0
    if sent.outcome != "delivered":
        delay = retry_seconds(claimed.tries, draw, sent.retry_after)
        late = now + timedelta(seconds=delay) > claimed.wanted_at + given_up
        state = "dead" if late or sent.outcome == "gone" else "pending"
    problem = "" if state == "delivered" else sent.outcome
    took = int(sent.seconds * 1000)
    return claimed.delivery_id, claimed.attempts, state, delay, sent.status, problem, took, claimed.wanted_at
