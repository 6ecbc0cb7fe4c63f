"""What workers do in all tenants: one tenant's trouble is its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVarTuple

from deskmind.observability import logger
from deskmind.scope import Scope

__all__ = ["in_each"]

_log = logger("deskmind.background")
_More = TypeVarTuple("_More")


async def in_each(
    steps: Iterable[tuple[Scope, *_More]], take: Callable[[Scope, *_More], Awaitable[object]]
) -> None:
    """Take a step in each of some tenants, the one after the other; those that fail are logged and keep none from the rest.

    Args:
        steps: the scopes, each with what else the step needs.
        take: it.

    Raises:
        Exception: the first that a step raised, after all were taken.
    """
    first: Exception | None = None
    for step in steps:
        try:
            await take(*step)
        except Exception as error:
            _log.error("background.step_failed", tenant=step[0].tenant, exc_info=error)
            first = first or error
    if first is not None:
        raise first
