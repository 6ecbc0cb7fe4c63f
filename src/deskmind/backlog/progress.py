"""How far jobs are, from the tables that they work on; one query a kind of job, however many there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from deskmind.backlog.job import Job, Progress, Subject
from deskmind.database import Connection
from deskmind.governance.privacy.erasures import PRIVACY_TASK
from deskmind.knowledge.ingest.staging import INGEST_TASK
from deskmind.scope import Scope
from deskmind.sync.jobs import SYNC_TASK

__all__ = ["told"]

_FILES = """
SELECT j.job_id, p.done, p.total
  FROM unnest(%s::bigint[], %s::uuid[], %s::integer[], %s::integer[]) j(job_id, ingest_id, first, last)
 CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE f.state <> 'pending') AS done, count(*) AS total FROM ingest_files f
        WHERE f.tenant_id = %s AND f.ingest_id = j.ingest_id AND f.ordinal BETWEEN j.first AND j.last) p
"""
_STORES = """
SELECT erasure_id, (SELECT count(*) FROM jsonb_object_keys(counts)) FROM privacy_erasures
 WHERE tenant_id = %s AND erasure_id = ANY (%s)
"""
_KINDS = """
SELECT c.connection_id, count(p.kind) FILTER (WHERE NOT p.running AND p.finished_at >= c.started_at), count(p.kind)
  FROM connections c LEFT JOIN sync_passes p ON p.tenant_id = c.tenant_id AND p.connection_id = c.connection_id
 WHERE c.tenant_id = %s AND c.connection_id = ANY (%s) GROUP BY c.connection_id
"""
_NAMES = "SELECT connection_id, name FROM connections WHERE tenant_id = %s AND connection_id = ANY (%s)"


async def told(connection: Connection, scope: Scope, jobs: Sequence[Job], stores: int) -> list[Job]:
    """The jobs with what can be told of them.

    Args:
        connection: an operator's transaction.
        scope: its scope.
        jobs: as they stand in the queue.
        stores: how many an erasure goes through.
    """
    found: dict[int, Progress] = {}
    found |= await _files(connection, scope, [job for job in jobs if job.task == INGEST_TASK])
    found |= await _stores(connection, scope, [job for job in jobs if job.task == PRIVACY_TASK], stores)
    running = [job for job in jobs if job.task == SYNC_TASK and job.state == "running"]
    found |= await _kinds(connection, scope, running)
    names = await _names(connection, scope, jobs)
    return [replace(job, progress=found.get(job.job_id), about=_named(job.about, names)) for job in jobs]


async def _files(connection: Connection, scope: Scope, jobs: Sequence[Job]) -> dict[int, Progress]:
    if not jobs:
        return {}
    columns: list[list[Any]] = [
        [job.job_id for job in jobs],
        *([job.arguments[name] for job in jobs] for name in ("ingest_id", "first", "last")),
    ]
    cursor = await connection.execute(_FILES, (*columns, scope.tenant_id))
    return {job: Progress(done, total, "files") for job, done, total in await cursor.fetchall()}


async def _stores(
    connection: Connection, scope: Scope, jobs: Sequence[Job], stores: int
) -> dict[int, Progress]:
    rows = await _rows(connection, scope, jobs, _STORES)
    return _of_jobs(jobs, rows, lambda row: Progress(min(row[1], stores), stores, "stores"))


async def _kinds(connection: Connection, scope: Scope, jobs: Sequence[Job]) -> dict[int, Progress]:
    rows = await _rows(connection, scope, jobs, _KINDS)
    return _of_jobs(jobs, rows, lambda row: Progress(row[1], row[2], "kinds"))


async def _names(connection: Connection, scope: Scope, jobs: Sequence[Job]) -> dict[UUID, str]:
    of_connections = [job for job in jobs if job.about is not None and job.about.kind == "connection"]
    return {row[0]: row[1] for row in (await _rows(connection, scope, of_connections, _NAMES)).values()}


async def _rows(
    connection: Connection, scope: Scope, jobs: Sequence[Job], query: str
) -> dict[UUID, Sequence[Any]]:
    """What a query says of what the jobs are about, by its id."""
    ids = [job.about.id for job in jobs if job.about is not None]
    if not ids:
        return {}
    cursor = await connection.execute(query.encode(), (scope.tenant_id, ids))
    return {row[0]: row for row in await cursor.fetchall()}


def _of_jobs(
    jobs: Sequence[Job],
    rows: Mapping[UUID, Sequence[Any]],
    progress: Callable[[Sequence[Any]], Progress],
) -> dict[int, Progress]:
    return {
        job.job_id: progress(rows[job.about.id])
        for job in jobs
        if job.about is not None and job.about.id in rows
    }


def _named(about: Subject | None, names: Mapping[UUID, str]) -> Subject | None:
    return about if about is None or about.id not in names else replace(about, name=names[about.id])
