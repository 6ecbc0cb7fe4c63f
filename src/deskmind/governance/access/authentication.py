"""Who an API key stands for, as the database said a moment ago."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from functools import partial
from typing import cast
from uuid import UUID

from deskmind.cache import CacheLimits, MemoryTier
from deskmind.cache.flights import Flight, Flights
from deskmind.database import Database
from deskmind.errors import AuthenticationError, PrincipalNotFoundError
from deskmind.governance.access.api_keys import authenticate
from deskmind.keyring import Keyring
from deskmind.scope import Scope

__all__ = ["Authentication"]

_BELIEVED_SECONDS = 1.0
_MOST_BELIEVED = 10_000
_SCOPE_BYTES = 600
_GROUP_BYTES = 100


class Authentication:
    """Asks the database who a key stands for and believes it for one second from when it was asked.

    It is kept in this process alone: whoever could write to a server that processes share could say who a key stands
    for. Requests that come at once ask once.
    """

    def __init__(
        self, database: Database, keyring: Keyring, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._believed = MemoryTier(CacheLimits(max_entries=_MOST_BELIEVED), clock=clock)
        self._asking = Flights()

    async def of(self, api_key: str) -> tuple[Scope, UUID]:
        """The scope of the user that a key stands for, and the key's id.

        Raises:
            AuthenticationError: the key is not valid.
        """
        digest = hashlib.sha256(api_key.encode()).digest()
        entry = self._believed.get(digest)
        if entry is not None:
            return cast("tuple[Scope, UUID]", entry.value)
        found, _ = await self._asking.run(digest, partial(self._ask, api_key))
        return cast("tuple[Scope, UUID]", found)

    def forget(self) -> None:
        """Ask the database again at the next use of each key; what is being asked now is not believed."""
        self._believed.clear()
        self._asking.invalidate_prefix(b"")

    async def close(self) -> None:
        """End what is being asked."""
        await self._asking.close()

    async def _ask(self, api_key: str, flight: Flight) -> tuple[Scope, UUID]:
        asked = self._believed.clock()
        try:
            found = await authenticate(self._database, self._keyring, api_key)
        except PrincipalNotFoundError as error:
            raise AuthenticationError(
                "The API key is not valid.", why="Its user is gone or disabled."
            ) from error
        if flight.may_keep():
            left = asked + _BELIEVED_SECONDS - self._believed.clock()
            size = _SCOPE_BYTES + _GROUP_BYTES * len(found[0].groups)
            self._believed.put(flight.name, found, size=size, ttl=left)
        return found
