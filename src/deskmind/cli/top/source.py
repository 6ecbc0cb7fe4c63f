"""Where metrics come from: a service's port on this machine, a service elsewhere with a key, or this home itself."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

from deskmind.cli.top.glance import Reading
from deskmind.errors import AuthenticationError, UnavailableError
from deskmind.observability.metering.scraping import parsed

if TYPE_CHECKING:
    from deskmind.settings import Settings

__all__ = ["from_home", "from_server", "metrics_address"]

_SECONDS = 5.0
_REFUSED = {401, 403}


def metrics_address(server: str) -> str:
    """The address of a service's metrics.

    >>> metrics_address("http://127.0.0.1:8080/")
    'http://127.0.0.1:8080/metrics'

    Raises:
        InvalidRequestError: it is none of a service.
    """
    from deskmind.client import address_of

    address = address_of(server)
    return address if address.endswith("/metrics") else f"{address}/metrics"


def from_server(address: str, key: str | None) -> Reading:
    """What a service shows now. Blocks.

    Raises:
        AuthenticationError: it wants another key.
        UnavailableError: it does not answer.
    """
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {key}"} if key else {})  # noqa: S310
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects())
    try:
        with opener.open(request, timeout=_SECONDS) as answer:
            return Reading(time.monotonic(), parsed(answer.read().decode()))
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in _REFUSED:
            raise AuthenticationError(
                "The service does not show its metrics to this key.",
                why=f"It answered {error.code}.",
                remedy="Give an operator's key with --key; telemetry.metrics_tenants names the tenants it must belong to."
                " On the service's own machine, its metrics port needs none.",
            ) from None
        raise _silent(address, f"It answered {error.code}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise _silent(address, f"{error}.") from None
    except (ValueError, HTTPException) as error:  # whose words may hold the key
        raise _silent(
            address, f"It cannot be asked so, or its answer is no HTTP ({type(error).__name__})."
        ) from None


@asynccontextmanager
async def from_home(settings: Settings) -> AsyncGenerator[Callable[[], Awaitable[Reading]]]:
    """What this home's own database and journal show when no service runs: queues, budgets, pools."""
    import asyncio

    from deskmind.app import Deskmind
    from deskmind.observability.metering import current_provider

    telemetry = settings.telemetry.model_copy(
        update={"metrics": "prometheus", "metrics_folder": None, "metrics_poll_seconds": 1.0}
    )
    async with Deskmind.open(settings.model_copy(update={"telemetry": telemetry})) as app:
        looking = await app.measure()
        await app.gateway()

        async def read() -> Reading:
            provider = current_provider()
            if provider is None:
                raise UnavailableError("This process's metrics go elsewhere.", remedy="Give --server.")
            text, _ = await asyncio.to_thread(provider.exposed)
            return Reading(time.monotonic(), parsed(text.decode()))

        try:
            yield read
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The key is for the service that was named, and for no other that it may point to."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> None:
        """None makes an error of the redirect."""


def _silent(address: str, why: str) -> UnavailableError:
    return UnavailableError(
        "No service shows its metrics there.",
        why=f"{address}: {why}",
        remedy="See that `deskmind serve` runs and telemetry.metrics includes prometheus, or give --server.",
    )
