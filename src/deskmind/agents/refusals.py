"""Refusals of what somebody asked for by a run's or a proposal's id: another's, one that is over, one that a worker has."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar

from deskmind.database import Database
from deskmind.errors import ConflictError, NotFoundError
from deskmind.governance.access import Permission
from deskmind.governance.audit import record_alone
from deskmind.scope import Scope

__all__ = ["refusals_recorded", "taken_from_the_queue"]

_queued: ContextVar[str] = ContextVar("taken_from_the_queue", default="")


@asynccontextmanager
async def refusals_recorded(
    database: Database, scope: Scope, permission: Permission, resource: str, act: str
) -> AsyncGenerator[None]:
    """What is refused inside is an event, in a transaction of its own: that of the act is undone.

    Args:
        database: where it is recorded.
        scope: who asks.
        permission: that the act is done with.
        resource: such as ``runs/…``, as it was asked for.
        act: such as ``resume``.
    """
    try:
        yield
    except (ConflictError, NotFoundError) as error:
        if _queued.get() != resource:
            await record_alone(
                database, scope, permission, resource=resource, outcome="denied", act=act, problem=error.code
            )
        raise


@contextmanager
def taken_from_the_queue(resource: str) -> Generator[None]:
    """A worker goes on with a run that is its turn: that another has it is nobody's refusal."""
    token = _queued.set(resource)
    try:
        yield
    finally:
        _queued.reset(token)
