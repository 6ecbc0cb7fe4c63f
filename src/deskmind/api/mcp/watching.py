"""Resources that clients want to hear of when they change.

Their versions are looked at anew every few seconds as whoever asked may see them at that moment, so that a change is noticed whichever
process made it, and nobody hears of what is no longer theirs. That costs one short read for each client and kind.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

from mcp.server.session import ServerSession

from deskmind.api.mcp.resources import Resources
from deskmind.api.mcp.session import Session
from deskmind.desk import Desk
from deskmind.errors import (
    AuthenticationError,
    DeskmindError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
)
from deskmind.observability import logger

__all__ = ["Watching"]

_log = logger("deskmind.mcp")
_MOST = 100
_GONE = ""
"""The version of what is not there any more."""


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
        now = await self._seen(desk, [uri])
        if uri not in session.watched and len(session.watched) >= _MOST:
            raise _too_many()
        session.watched[uri] = now[uri]
        if session.watcher is None or session.watcher.done():
            session.watcher = asyncio.create_task(self._look_after(session, again, told))

    async def changes(
        self, desk: Desk, again: Callable[[], Awaitable[Desk]], uris: Sequence[str]
    ) -> AsyncGenerator[str]:
        """The addresses of what changes, as it does, until whoever watches may not any more.

        Raises:
            InvalidRequestError: too many are watched.
        """
        if len(uris) > _MOST:
            raise _too_many()
        known = dict.fromkeys(uris, _GONE) | await self._resources.versions(desk, uris)
        while True:
            for uri in await self._changed(known, again):
                yield uri

    async def _look_after(
        self, session: Session, again: Callable[[], Awaitable[Desk]], told: ServerSession
    ) -> None:
        try:
            while session.watched:
                for uri in await self._changed(session.watched, again):
                    await told.send_resource_updated(uri)
        except (AuthenticationError, PermissionDeniedError) as error:
            session.watched.clear()
            _log.info("mcp.watching.ended", problem=error.code)

    async def _changed(self, known: dict[str, str], again: Callable[[], Awaitable[Desk]]) -> list[str]:
        """After a pause, what is not as it was known; ``known`` is as it is now."""
        await asyncio.sleep(self._seconds)
        uris = tuple(known)
        try:
            now = await self._resources.versions(await again(), uris)
        except (AuthenticationError, PermissionDeniedError):
            raise
        except DeskmindError as error:  # the database is away: it is asked again
            _log.warning("mcp.watching.failed", problem=error.code)
            return []
        changed = [uri for uri in uris if uri in known and known[uri] != now.get(uri, _GONE)]
        known.update({uri: now.get(uri, _GONE) for uri in changed})
        return changed

    async def _seen(self, desk: Desk, uris: Sequence[str]) -> dict[str, str]:
        found = await self._resources.versions(desk, uris)
        if len(found) < len(uris):
            raise NotFoundError("There is no such resource to watch.")
        return found


def _too_many() -> InvalidRequestError:
    return InvalidRequestError("Too many resources are watched.", why=f"At most {_MOST} of one client are.")
