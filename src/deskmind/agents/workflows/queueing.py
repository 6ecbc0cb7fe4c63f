"""A run is a row, an audit event and a job, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from deskmind.agents.jobs import defer_run
from deskmind.agents.workflows.records import NewRun, add_workflow_run
from deskmind.agents.workflows.workflow import Workflow
from deskmind.database import Connection
from deskmind.governance.access import Permission
from deskmind.governance.audit import record
from deskmind.observability import correlation_id
from deskmind.scope import Scope

__all__ = ["queue_run"]


async def queue_run(
    connection: Connection,
    scope: Scope,
    workflow: Workflow,
    given: Mapping[str, Any],
    *,
    run_id: UUID,
    untrusted: bool = False,
    deferred: bool = True,
    cause: str = "",
) -> None:
    """A new run in the caller's transaction.

    Args:
        connection: a transaction.
        scope: whose run.
        workflow: in the version that it will have.
        given: the input.
        run_id: of the run.
        untrusted: whether others wrote the input.
        deferred: whether a worker is to take it.
        cause: what began it, where nobody did.

    Raises:
        InvalidRequestError: the input does not fit.
    """
    new = NewRun(run_id, workflow.name, workflow.version, workflow.stored(given), untrusted)
    await add_workflow_run(connection, scope, new, correlation_id())
    await record(
        connection,
        scope,
        Permission.WORKFLOWS_RUN,
        resource=f"runs/{run_id}",
        workflow=workflow.name,
        state="queued",
        cause=cause,
    )
    if deferred:
        await defer_run(connection, scope, run_id)
