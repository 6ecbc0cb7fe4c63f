"""What every public operation leaves: a span, its duration, and one log line at the end."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from deskmind.errors import DeskmindError
from deskmind.observability.logs import logger, pseudonym
from deskmind.observability.tracing import span

__all__ = ["observed"]

_log = logger("deskmind.operation")


@asynccontextmanager
async def observed(name: str, *, tenant: str = "", user: str = "") -> AsyncGenerator[None]:
    """Observe one operation.

    Args:
        name: the operation, such as ``knowledge.ask``.
        tenant: the tenant's short name.
        user: who acts; appears as a pseudonym.
    """
    started = time.perf_counter()
    outcome = "ok"
    with span(name, **{"deskmind.tenant": tenant, "deskmind.operation": name}):
        try:
            yield
        except BaseException as error:
            outcome = error.code if isinstance(error, DeskmindError) else type(error).__name__
            raise
        finally:
            _log.info(
                name,
                tenant=tenant,
                user=pseudonym(user),
                outcome=outcome,
                duration_ms=round((time.perf_counter() - started) * 1000, 2),
            )
