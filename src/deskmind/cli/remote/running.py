"""Runs on a service: waited for until they are at rest, however long they are."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

from deskmind import errors
from deskmind.cli.remote.shown import Shown
from deskmind.errors import AgentError, DeskmindError

if TYPE_CHECKING:
    from deskmind.client import AsyncClient
    from deskmind.client.made.bodies import RunBody

__all__ = ["agent_at_rest", "goes_on"]

_UNDER_WAY = frozenset({"queued", "running"})
_FIRST_LOOK, _SLOWER, _LONGEST = 0.2, 1.5, 5.0
"""Seconds until the first look at a run, what the next one takes longer, and the most between two."""


async def agent_at_rest(client: AsyncClient, run_id: UUID) -> Any:
    """A run of an agent once it is done or waits for a person; no request lasts as long as the run does.

    Raises:
        DeskmindError: it failed; of the class that its problem names.
    """
    pause = _FIRST_LOOK
    with goes_on(
        f"`deskmind agent show {run_id}` shows how far it is, `deskmind agent cancel {run_id}` ends it."
    ):
        while (told := (await client.agents.get_run(run_id)).run).state in _UNDER_WAY:
            await asyncio.sleep(pause)
            pause = min(pause * _SLOWER, _LONGEST)
    if told.state == "failed":
        raise _failed(told)
    return Shown(told)


@contextmanager
def goes_on(how: str) -> Generator[None]:
    """While a run of the service is waited for: whoever stops waiting, or has to, is told that it goes on, and ``how`` to see it."""
    try:
        yield
    except asyncio.CancelledError:
        sys.stderr.write(f"The run goes on. {how}\n")
        raise
    except DeskmindError as error:
        error.remedy = f"{error.remedy} The run goes on. {how}".strip()
        raise


def _failed(told: RunBody) -> DeskmindError:
    """The error that ended a run, as far as its row tells."""
    kinds = (kind for kind in vars(errors).values() if isinstance(kind, type))
    ours = (kind for kind in kinds if issubclass(kind, DeskmindError))
    kind = next((kind for kind in ours if vars(kind).get("code") == told.problem), AgentError)
    again = "A worker tries it again, up to five times. " if told.remedy == "retry" else ""
    error = kind.__new__(kind)
    # the classes' own constructors make such errors from other things
    DeskmindError.__init__(
        error,
        "The run did not come to its end.",
        why=f"{kind.title} ({told.problem})." if kind.code == told.problem else f"{told.problem}.",
        remedy=f"{again}`deskmind agent show {told.run_id}` shows its steps.",
        run=str(told.run_id),
    )
    return error
