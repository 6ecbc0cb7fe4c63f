"""Workers look for writes whose outcome is not known: soon, then less and less often, until it is for a person to look.

A look asks the vendor for the mark that the write would have left, see ``Writes.reconcile``. The first is due when the lease of
whoever sent it is over, the next after 1, 2, 4 … minutes, 60 at most. Its turn is taken before the vendor is asked, so that a
worker that dies in it delays the next look and asks no vendor twice at once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

from deskmind.database import Connection, Database
from deskmind.errors import (
    ConflictError,
    DeskmindError,
    InvalidRequestError,
    KeyringError,
    NotFoundError,
    SourceError,
)
from deskmind.governance.access import Permission
from deskmind.governance.audit import record
from deskmind.jobs import defer
from deskmind.observability import logger
from deskmind.scope import Scope
from deskmind.tenantwise import in_each
from deskmind.writes.service import Writes
from deskmind.writes.store import Write, find_write, hand_over, note_problem, take_look

__all__ = ["LOOK_QUEUE", "LOOK_TASK", "Announce", "look_for", "schedule_looks"]

LOOK_TASK = "writes.look"
LOOK_QUEUE = "writes"
Announce = Callable[[Connection, Scope, Write], Awaitable[None]]
"""Tells people of a write that is theirs to look for, in the transaction that hands it over."""

_log = logger("deskmind.writes")
_REFUSED = (SourceError, ConflictError, InvalidRequestError, KeyringError)


async def schedule_looks(database: Database) -> None:
    """Queue a look for every write, of all tenants, for which one is due."""
    async with database.transaction(Scope.directory()) as connection:
        cursor = await connection.execute("SELECT tenant_id, tenant, write_id FROM writes_due()")
        due = await cursor.fetchall()

    async def queue(operator: Scope, write_id: UUID) -> None:
        arguments = {"tenant_id": str(operator.tenant_id), "write_id": str(write_id)}
        async with database.transaction(operator) as connection:
            await defer(connection, LOOK_QUEUE, LOOK_TASK, str(write_id), arguments)

    await in_each(
        ((Scope.operator(tenant_id, tenant, "worker"), found) for tenant_id, tenant, found in due), queue
    )


async def look_for(writes: Writes, write_id: UUID, *, most: int, announce: Announce) -> None:
    """Look for a write if that is due; after ``most`` looks in vain it is left to a person.

    Args:
        writes: of the tenant's operator.
        write_id: of the write.
        most: looks by workers.
        announce: to people.
    """
    database, scope = writes.database, writes.scope
    async with database.transaction(scope) as connection:
        looks = await take_look(connection, scope, write_id)
    if looks is None:
        return
    problem = ""
    try:
        await writes.reconcile(write_id)
    except NotFoundError:  # its connection was removed
        return
    except _REFUSED as error:  # so will the next look be, unless somebody mends it
        problem = error.code
    except (
        Exception
    ) as error:  # a defect, which the job tells of; the write is a person's all the same after so many looks
        await _look_ended(writes, write_id, looks, most, announce, _code(error))
        raise
    await _look_ended(writes, write_id, looks, most, announce, problem)


def _code(error: Exception) -> str:
    return error.code if isinstance(error, DeskmindError) else DeskmindError.code


async def _look_ended(
    writes: Writes, write_id: UUID, looks: int, most: int, announce: Announce, problem: str
) -> None:
    database, scope = writes.database, writes.scope
    async with database.transaction(scope) as connection:
        found = await find_write(connection, scope, write_id)
        if problem:
            await note_problem(connection, scope, write_id, found.epoch, problem)
        if not await hand_over(connection, scope, write_id, most):
            return
        await record(
            connection,
            scope,
            Permission.WRITES_SEND,
            resource=f"write {write_id}",
            outcome="failed",
            step="left to a person",
            looks=looks,
        )
        await announce(connection, scope, found)
    _log.warning("writes.left_to_a_person", write_id=str(write_id), vendor=found.vendor, looks=looks)
