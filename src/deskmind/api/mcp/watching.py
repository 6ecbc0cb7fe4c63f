"""Resources that clients want to hear of when they change.

Their versions are looked at anew every few seconds as whoever asked may see them at that moment, so that a change is noticed whichever
process made it, and nobody hears of what is no longer theirs. Where nothing of a kind has changed, that costs one short read.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

from mcp.server.session import ServerSession

from deskmind.api.mcp.resources import Resources
from deskmind.api.mcp.session import Session, Watched
from deskmind.desk import Desk
from deskmind.errors import (
    AuthenticationError,
    DeskmindError,
    InvalidRequestError,
    NotFoundError,
)

__all__ = ["Watching"]

_MOST = 100


class Watching:
    """Looks after what is watched.

    Args:
        resources: what can be.
        seconds: between two looks.
    """

    def __init__(self, resources: Resources, *, seconds: float) -> None:
        self._resources = resources
        self._seconds = seconds

    async def watch(
        self,
        session: Session,
        desk: Desk,
        again: Callable[[], Awaitable[Desk]],
        uri: str,
        told: ServerSession,
    ) -> None:
        """Tell a session's client of changes from now on.

        Args:
            session: that is kept.
            desk: of who asks.
            again: the same, established anew.
            uri: of the resource.
            told: where the client is told.

        Raises:
            NotFoundError: there is no such resource for the desk, or none that can be watched.
            InvalidRequestError: too many are watched.
        """
        if uri not in session.watched.versions and len(session.watched.versions) >= _MOST:
            raise _too_many()
        if await self._resources.watch(desk, session.watched, [uri]):
            del session.watched.versions[uri]
            raise NotFoundError("There is no such resource to watch.")
        if session.watcher is None or session.watcher.done():
            session.watcher = asyncio.create_task(self._look_after(session, again, told))

    async def begin(self, desk: Desk, uris: Sequence[str]) -> Watched:
        """Watch resources from now on; what is not there may come.

        Raises:
            NotFoundError: no resource can have such an address.
            InvalidRequestError: too many are to be watched.
        """
        if len(uris) > _MOST:
            raise _too_many()
        watched = Watched()
        await self._resources.watch(desk, watched, uris)
        return watched

    async def changes(self, watched: Watched, again: Callable[[], Awaitable[Desk]]) -> AsyncGenerator[str]:
        """The addresses of what changes, as it does, while anything is watched.

        Args:
            watched: addresses may come and go.
            again: who watches, established anew.

        Raises:
            AuthenticationError: who watches is nobody any more.
        """
        while watched.versions:
            await asyncio.sleep(self._seconds)
            try:
                changed = await self._resources.changed(await again(), watched)
            except AuthenticationError:
                raise
            except DeskmindError:  # rights and memberships do not fit for a moment, or the database is away
                continue
            for uri in changed:
                yield uri

    async def _look_after(
        self, session: Session, again: Callable[[], Awaitable[Desk]], told: ServerSession
    ) -> None:
        with contextlib.suppress(AuthenticationError):
            async for uri in self.changes(session.watched, again):
                await told.send_resource_updated(uri)
        session.watched.versions.clear()


def _too_many() -> InvalidRequestError:
    return InvalidRequestError("Too many resources are watched.", why=f"At most {_MOST} of one client are.")
