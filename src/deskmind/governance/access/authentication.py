"""Who an API key stands for, as the database said a moment ago."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from functools import partial
from typing import Generic, TypeVar, cast
from uuid import UUID

from deskmind.cache import CacheLimits, MemoryTier
from deskmind.cache.flights import Flight, Flights
from deskmind.database import Database
from deskmind.governance.access.api_keys import authenticate
from deskmind.governance.access.refusals import Refusals
from deskmind.keyring import Keyring
from deskmind.scope import Scope

__all__ = ["Authentication"]

_BELIEVED_SECONDS = 1.0
_MOST_BELIEVED = 10_000
_SCOPE_BYTES = 2_000
_GROUP_BYTES = 100


_T = TypeVar("_T")


class Authentication(Generic[_T]):
    """Asks the database who a key stands for and believes it for one second from when it was asked.

    It is kept in this process alone: whoever could write to a server that processes share could say who a key stands
    for. Requests that come at once ask once.
    """

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        make: Callable[[Scope, UUID], _T],
        *,
        refusals: Refusals | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is believed yet.

        Args:
            database: where keys are.
            keyring: with which they are checked.
            make: what is given for a scope and the key's id; made once for as long as a key is believed.
            refusals: records keys that are not valid; one of its own where it is left out.
            clock: in seconds.
        """
        self._database = database
        self._refusals = refusals or Refusals(database)
        self._keyring = keyring
        self._make = make
        self._believed = MemoryTier(CacheLimits(max_entries=_MOST_BELIEVED), clock=clock)
        self._asking = Flights()

    async def of(self, api_key: str) -> _T:
        """What was made for the user that a key stands for.

        Raises:
            AuthenticationError: the key is not valid.
        """
        digest = hashlib.sha256(api_key.encode()).digest()
        entry = self._believed.get(digest)
        if entry is not None:
            return cast("_T", entry.value)
        found, _ = await self._asking.run(digest, partial(self._ask, api_key))
        return cast("_T", found)

    async def anew(self, api_key: str, made: _T) -> _T:
        """What is made for the user now, where what was made before is out of date.

        Raises:
            AuthenticationError: the key is not valid any more.
        """
        digest = hashlib.sha256(api_key.encode()).digest()
        entry = self._believed.get(digest)
        if entry is None or entry.value is made:
            self._believed.drop(digest)
            self._asking.supersede(digest)
        return await self.of(api_key)

    def forget(self) -> None:
        """Ask the database again at the next use of each key; what is being asked now is not believed."""
        self._believed.clear()
        self._asking.invalidate_prefix(b"")

    async def close(self) -> None:
        """End what is being asked, and record what was refused."""
        await self._asking.close()
        await self._refusals.close()

    async def _ask(self, api_key: str, flight: Flight) -> _T:
        asked = self._believed.clock()
        scope, key_id = await authenticate(self._database, self._keyring, api_key, self._refusals)
        made = self._make(scope, key_id)
        if flight.may_keep():
            left = asked + _BELIEVED_SECONDS - self._believed.clock()
            size = _SCOPE_BYTES + _GROUP_BYTES * len(scope.groups)
            self._believed.put(flight.name, made, size=size, ttl=left)
        return made
