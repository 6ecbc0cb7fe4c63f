"""The two clients: asynchronous, and waiting."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from deskmind import __version__
from deskmind.client._retries import Retries
from deskmind.client._sender import Sender
from deskmind.client.made.resources import AsyncResources
from deskmind.client.made.waiting import Resources
from deskmind.waiting import Loop

if TYPE_CHECKING:
    from ssl import SSLContext

__all__ = ["AsyncClient", "Client"]


class AsyncClient(AsyncResources):
    """A Deskmind service, used as the owner of an API key.

    Requests that change something carry an ``Idempotency-Key``, so that a request that is sent again, because the
    connection broke or the service asked for patience, is done once. Safe for use by many tasks of one event loop.
    """

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        timeout_seconds: float = 120.0,
        retries: Retries | None = None,
        ssl: SSLContext | None = None,
        user_agent: str = f"deskmind-client/{__version__}",
        insecure: bool = False,
    ) -> None:
        """Of a service; nothing is sent yet.

        Args:
            base_url: such as ``https://deskmind.example.org``, with a path where the service is mounted below one.
            api_key: from ``deskmind key create``, or a bearer token of an identity provider that the service trusts.
            timeout_seconds: for one attempt, from the first byte sent to the last one received; streams have none.
            retries: how often and how long a request is tried again.
            ssl: whom to trust; the system's authorities when left out.
            user_agent: how the program names itself.
            insecure: send the key over plain HTTP to another machine, too, where whoever is between can read it.

        Raises:
            InvalidRequestError: address or key cannot be used, or not with each other.
        """
        self._sender = Sender(
            base_url,
            api_key,
            timeout_seconds=timeout_seconds,
            retries=retries or Retries(),
            ssl=ssl,
            user_agent=user_agent,
            insecure=insecure,
        )
        super().__init__(self._sender)

    async def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        await self._sender.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class Client(Resources):
    """``AsyncClient`` for code that waits: the same methods, without ``await``; usable from many threads."""

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        timeout_seconds: float = 120.0,
        retries: Retries | None = None,
        ssl: SSLContext | None = None,
        user_agent: str = f"deskmind-client/{__version__}",
        insecure: bool = False,
    ) -> None:
        """As ``AsyncClient``."""
        self._client = AsyncClient(
            base_url,
            api_key=api_key,
            timeout_seconds=timeout_seconds,
            retries=retries,
            ssl=ssl,
            user_agent=user_agent,
            insecure=insecure,
        )
        super().__init__(self._client, Loop())

    def close(self) -> None:
        """Close the connections, and end the thread that they were used from. Calls under way raise ``ClosedError``, and so do later ones."""
        self.loop.close(self._client.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
