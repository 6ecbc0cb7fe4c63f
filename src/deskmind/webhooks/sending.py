"""One attempt: a POST to an address that was looked at, its answer bounded in time and size and not kept."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from deskmind.errors import ForbiddenAddressError
from deskmind.outbound import guarded_session

if TYPE_CHECKING:
    import aiohttp
    from aiohttp.abc import AbstractResolver

    from deskmind.outbound import Networks
    from deskmind.webhooks.targets import Target

__all__ = ["Outcome", "Sender", "Sent"]

Outcome = Literal[
    "delivered", "refused", "unavailable", "timeout", "unreachable", "redirected", "forbidden", "gone"
]
"""``delivered``: 2xx; ``refused``: 4xx; ``unavailable``: 5xx or 429; ``gone``: 410; ``forbidden``: nothing was sent."""

_MOST_BYTES = 64 * 1024
_REDIRECTS = range(300, 400)
_GONE, _TOO_MANY = 410, 429
_CONNECTIONS = 200


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of an attempt.

    Attributes:
        outcome: what kind of answer there was.
        status: HTTP's, None without an answer.
        seconds: until the answer.
        retry_after: seconds that the target asked for.
    """

    outcome: Outcome
    status: int | None
    seconds: float
    retry_after: float | None = None

    @property
    def down(self) -> bool:
        """Whether the target did not answer, or says that it cannot."""
        return self.outcome in ("timeout", "unreachable", "unavailable")


class Sender:
    """The connections of one process to all targets; used from one event loop."""

    def __init__(self, seconds: float, *, resolver: AbstractResolver | None = None) -> None:
        """No connection is opened before the first attempt.

        Args:
            seconds: for one attempt.
            resolver: of names; the system's when left out.
        """
        self._seconds = seconds
        self._resolver = resolver
        self._sessions: dict[str, aiohttp.ClientSession] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    async def close(self) -> None:
        """Return connections."""
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()

    async def send(self, target: Target, headers: Mapping[str, str], body: bytes) -> Sent:
        """Make one attempt; a redirect is not followed."""
        import aiohttp

        started = time.perf_counter()
        try:
            response = await self._session(target.networks).post(
                target.url, data=body, headers=headers, allow_redirects=False
            )
        except ForbiddenAddressError:
            return Sent("forbidden", None, time.perf_counter() - started)
        except TimeoutError:
            return Sent("timeout", None, time.perf_counter() - started)
        except (aiohttp.ClientError, OSError, ValueError):
            return Sent("unreachable", None, time.perf_counter() - started)
        seconds = time.perf_counter() - started
        await _put_away(response)
        return Sent(
            _outcome(response.status),
            response.status,
            seconds,
            _asked(response.headers.get("Retry-After", "")),
        )

    def _session(self, networks: Networks) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._sessions, self._loop = {}, loop
        if networks not in self._sessions:
            self._sessions[networks] = guarded_session(
                networks,
                self._seconds,
                limit=_CONNECTIONS,
                resolver=self._resolver,
                decompress=False,  # nobody reads it
            )
        return self._sessions[networks]


async def _put_away(response: aiohttp.ClientResponse) -> None:
    """Read the little that an answer has, so that the connection can be used again; else end the connection."""
    import aiohttp

    try:
        left = _MOST_BYTES
        async for piece in response.content.iter_any():
            left -= len(piece)
            if left < 0:
                break
        else:
            response.release()
            return
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        pass
    response.close()


def _outcome(status: int) -> Outcome:
    if 200 <= status < 300:
        return "delivered"
    if status == _GONE:
        return "gone"
    if status in _REDIRECTS:
        return "redirected"
    return "unavailable" if status >= 500 or status == _TOO_MANY else "refused"


def _asked(text: str) -> float | None:
    """Seconds of ``Retry-After``; dates are not heeded."""
    return float(text) if text.isascii() and text.isdigit() and len(text) <= 6 else None
