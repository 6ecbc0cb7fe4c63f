"""Resources that clients want to hear of when they change.

Their versions are looked at anew every few seconds as whoever asked may see them at that moment, so that a change is noticed whichever
process made it, and nobody hears of what is no longer theirs. Where nothing of a kind has changed, that costs one short read.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncGenerator, Sequence

from mcp.server.session import ServerSession

from deskmind.api.draining import Drain
from deskmind.api.mcp.resources import Resources
from deskmind.api.mcp.session import Again, Session, Watched
from deskmind.desk import Desk
from deskmind.errors import (
    AuthenticationError,
    DeskmindError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
)

__all__ = ["Watching"]

_MOST = 100
_PATIENCE = 3
_BELIEVED_SECONDS = 1.0


class Watching:
    """Looks after what is watched.

    Args:
        resources: what can be.
        seconds: between two looks.
        drain: whether the process is about to end, and clients are to go elsewhere.
    """

    def __init__(self, resources: Resources, *, seconds: float, drain: Drain) -> None:
        self._resources = resources
        self._seconds = seconds
        self._drain = drain

    async def watch(self, session: Session, desk: Desk, uri: str, told: ServerSession) -> None:
        """Tell a session's client of changes from now on.

        Args:
            session: that is kept, and knows how to establish who asks anew.
            desk: of who asks.
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
            looking = self._look_after(session, told)
            # in a context of its own: the request that began it is over long before
            session.watcher = asyncio.create_task(looking, context=contextvars.Context())

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

    async def changes(self, watched: Watched, again: Again) -> AsyncGenerator[str]:
        """The addresses of what changes, as it does, while anything is watched.

        Args:
            watched: addresses may come and go.
            again: who watches, established anew.

        Raises:
            AuthenticationError: who watches is nobody any more.
            PermissionDeniedError: who watches may not read any more.
        """
        denied = 0
        while watched.versions and not self._drain.begun:
            await self._drain.begins(within=self._seconds)
            try:
                changed = await self._resources.changed(await again(), watched)
            except AuthenticationError:
                raise
            except PermissionDeniedError:
                denied += 1  # each is on record; after a change of groups, rights do not fit for a second
                if denied > _PATIENCE:
                    raise
                await asyncio.sleep(_BELIEVED_SECONDS)
                continue
            except DeskmindError:  # the database is away
                continue
            denied = 0
            for uri in changed:
                yield uri

    async def _look_after(self, session: Session, told: ServerSession) -> None:
        while session.watched.versions and not self._drain.begun:
            session.renewed.clear()
            try:
                async for uri in self.changes(session.watched, session.again):
                    await told.send_resource_updated(uri)
            except AuthenticationError:  # a token is over; a message with another one goes on with it
                await session.renewed.wait()
            except PermissionDeniedError:
                break
        session.watched.versions.clear()


def _too_many() -> InvalidRequestError:
    return InvalidRequestError("Too many resources are watched.", why=f"At most {_MOST} of one client are.")
