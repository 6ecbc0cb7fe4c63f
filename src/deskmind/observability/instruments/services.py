"""What the rest stands on: the cache, the database, jobs."""

from __future__ import annotations

from deskmind.observability._instrument import (
    REQUEST_SECONDS,
    STEP_SECONDS,
    WORK_SECONDS,
    Instrument,
    Label,
)
from deskmind.observability.instruments._labels import CODE, OUTCOME

__all__ = [
    "CACHE_ENTRIES",
    "CACHE_REQUESTS",
    "CACHE_SIZE",
    "DB_DURATION",
    "JOBS_DEPTH",
    "JOBS_DURATION",
    "JOBS_OLDEST",
    "POOL_COUNT",
    "POOL_MAX",
    "POOL_PENDING",
    "WEBHOOKS",
    "WEBHOOK_ATTEMPTS",
    "WEBHOOK_DELIVERIES",
    "WEBHOOK_DURATION",
    "WEBHOOK_WAITING",
]

_QUEUE = Label("deskmind.queue", "the queues of the registered jobs; else other", most=8)
_SENT = Label(
    "deskmind.outcome",
    CODE,
    ("delivered", "refused", "unavailable", "timeout", "unreachable", "redirected", "forbidden", "gone"),
)

CACHE_REQUESTS = Instrument(
    "deskmind.cache.requests",
    "counter",
    "{request}",
    "questions to a cache",
    (
        Label("deskmind.cache", "the uses that the code has of the cache; else other", most=10),
        Label("deskmind.tier", CODE, ("memory", "shared")),
        Label("deskmind.result", CODE, ("hit", "miss")),
    ),
    observed=True,
)
CACHE_SIZE = Instrument(
    "deskmind.cache.size", "gauge", "By", "estimated size of the values in memory", observed=True
)
CACHE_ENTRIES = Instrument("deskmind.cache.entries", "gauge", "{entry}", "values in memory", observed=True)
POOL_COUNT = Instrument(
    "db.client.connection.count",
    "gauge",
    "{connection}",
    "connections of the pool",
    (Label("db.client.connection.state", CODE, ("idle", "used")),),
    observed=True,
)
POOL_MAX = Instrument(
    "db.client.connection.max", "gauge", "{connection}", "connections that the pool may have", observed=True
)
POOL_PENDING = Instrument(
    "db.client.connection.pending_requests",
    "gauge",
    "{request}",
    "requests that wait for a connection",
    observed=True,
)
DB_DURATION = Instrument(
    "db.client.operation.duration",
    "histogram",
    "s",
    "transactions from begin to commit",
    (Label("db.operation.name", CODE, ("transaction",)),),
    STEP_SECONDS,
)
JOBS_DEPTH = Instrument(
    "deskmind.jobs.depth",
    "gauge",
    "{job}",
    "jobs that are not done",
    (_QUEUE, Label("deskmind.state", CODE, ("todo", "doing", "failed"))),
    across="max",
    observed=True,
)
JOBS_OLDEST = Instrument(
    "deskmind.jobs.oldest_age",
    "gauge",
    "s",
    "since the oldest job that waits could have begun",
    (_QUEUE,),
    across="max",
    observed=True,
)
JOBS_DURATION = Instrument(
    "deskmind.jobs.duration",
    "histogram",
    "s",
    "jobs that were run",
    (Label("deskmind.task", "the registered tasks", most=12), OUTCOME),
    WORK_SECONDS,
)
WEBHOOK_ATTEMPTS = Instrument(
    "deskmind.webhooks.attempts",
    "counter",
    "{attempt}",
    "attempts to deliver an event to a webhook",
    (_SENT,),
)
WEBHOOK_DURATION = Instrument(
    "deskmind.webhooks.duration",
    "histogram",
    "s",
    "from the beginning of an attempt to the target's answer, or to where none was waited for",
    (_SENT,),
    REQUEST_SECONDS,
)
WEBHOOK_DELIVERIES = Instrument(
    "deskmind.webhooks.deliveries",
    "gauge",
    "{delivery}",
    "deliveries of all tenants that wait, and dead letters that are kept",
    (Label("deskmind.state", CODE, ("pending", "dead")),),
    across="max",
    observed=True,
)
WEBHOOK_WAITING = Instrument(
    "deskmind.webhooks.waiting",
    "gauge",
    "s",
    "since that delivery was due that waits longest although its target is not held back; 0 when none is late",
    across="max",
    observed=True,
)
WEBHOOKS = Instrument(
    "deskmind.webhooks.count",
    "gauge",
    "{webhook}",
    "webhooks of all tenants by how they do; given_up are those that were disabled because nothing could be delivered",
    (Label("deskmind.state", CODE, ("working", "failing", "disabled", "given_up")),),
    across="max",
    observed=True,
)
