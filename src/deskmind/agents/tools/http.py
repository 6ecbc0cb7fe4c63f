"""Requests on the web: to named hosts, at public addresses, each redirect looked at anew."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urljoin, urlsplit

from deskmind.agents.tool import ToolContext, tool
from deskmind.errors import (
    ForbiddenAddressError,
    InvalidRequestError,
    OutcomeUnknownError,
    SourceReplyError,
    SourceRequestError,
    SourceUnavailableError,
)
from deskmind.outbound import guarded_session, literal_refused

if TYPE_CHECKING:
    import aiohttp

__all__ = ["http_get", "http_request", "read_address", "send_request"]

_MOST_BYTES = 1_000_000
_MOST_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@tool(audience="outside", shown="everyone")
async def http_get(context: ToolContext, url: str) -> str:
    """Read a page or a JSON document on the web, from hosts that are allowed.

    Args:
        context: of the call.
        url: an https address.
    """
    settings = context.desk.agent_settings
    return await read_address(url, hosts=settings.http_hosts, seconds=settings.http_seconds)


@tool(effect="write", audience="outside", risk="high")
async def http_request(
    context: ToolContext,
    method: Literal["POST", "PUT", "PATCH", "DELETE"],
    url: str,
    body: dict[str, Any] | None = None,
) -> str:
    """Send a request with a JSON body to a service on the web, to hosts that are allowed.

    Args:
        context: of the call.
        method: what to do there.
        url: an https address.
        body: what to send.
    """
    settings = context.desk.agent_settings
    if method not in settings.http_methods:
        raise InvalidRequestError(
            f"{method} may not be sent.", why="It is not among agents.http_methods.", remedy="Read instead."
        )
    await context.confirm()
    return await send_request(
        method,
        url,
        hosts=settings.http_hosts,
        seconds=settings.http_seconds,
        body=json.dumps(body or {}).encode(),
        headers={"Content-Type": "application/json", "Idempotency-Key": context.effect_id},
    )


async def read_address(
    url: str,
    *,
    hosts: tuple[str, ...],
    seconds: float,
    networks: str = "public",
    schemes: tuple[str, ...] = ("https",),
) -> str:
    """The text at an address.

    The name is resolved once for each connection, and the connection goes to an address that was looked at, so that a
    name which changes its mind gains nothing. Redirects are followed by hand: each is an address like the first.

    Args:
        url: where.
        hosts: that may be read, exactly.
        seconds: for all of it.
        networks: ``public`` refuses private, loopback and link-local addresses.
        schemes: that may be used.

    Raises:
        ForbiddenAddressError: the address, or one it redirects to, may not be read; nothing was sent there.
        SourceUnavailableError: it does not answer.
        SourceReplyError: it redirects on and on, is no text, or answers with an error.
    """
    import aiohttp

    try:
        async with guarded_session(networks, seconds) as session:
            for _ in range(_MOST_REDIRECTS + 1):
                _check(url, hosts, networks, schemes)
                async with session.get(url, allow_redirects=False) as response:
                    if response.status not in _REDIRECTS:
                        return await _text(response)
                    url = urljoin(url, response.headers.get("Location", ""))
    except (aiohttp.ClientError, TimeoutError) as error:
        raise SourceUnavailableError("The address does not answer.", why=type(error).__name__) from error
    raise SourceReplyError("The address redirects on and on.")


async def send_request(
    method: str,
    url: str,
    *,
    hosts: tuple[str, ...],
    seconds: float,
    networks: str = "public",
    schemes: tuple[str, ...] = ("https",),
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> str:
    """Send a request once and give the answer's text; a redirect is not followed, since it would send anew.

    Arguments as for ``read_address``.

    Raises:
        ForbiddenAddressError: the address may not be reached; nothing was sent.
        OutcomeUnknownError: it was sent, and no answer came.
        SourceRequestError: it refuses the request.
        SourceReplyError: it answers with another error, a redirect, or no text.
    """
    import aiohttp

    _check(url, hosts, networks, schemes)
    try:
        async with (
            guarded_session(networks, seconds) as session,
            session.request(method, url, data=body, headers=headers, allow_redirects=False) as response,
        ):
            if response.status in _REDIRECTS:
                raise SourceReplyError("The address redirects, and was not followed.")
            if 400 <= response.status < 500:
                raise SourceRequestError(
                    "The request was refused.", why=f"The answer has status {response.status}."
                )
            if response.status == 204 or response.content_length == 0:
                return "done"
            return await _text(response)
    except aiohttp.ClientConnectorError as error:
        raise SourceUnavailableError("The address does not answer.", why=type(error).__name__) from error
    except (aiohttp.ClientError, TimeoutError) as error:
        raise OutcomeUnknownError("No answer came.", why=type(error).__name__) from error


async def _text(response: aiohttp.ClientResponse) -> str:
    if response.status >= 400:
        raise SourceReplyError(
            "The address cannot be read.", why=f"It answers with status {response.status}."
        )
    if not response.content_type.startswith("text/") and not response.content_type.endswith("json"):
        raise SourceReplyError("The address holds no text.", why=f"It is {response.content_type}.")
    body = b""
    async for piece in response.content.iter_chunked(65_536):
        body += piece
        if len(body) > _MOST_BYTES:
            break
    return body[:_MOST_BYTES].decode(response.charset or "utf-8", errors="replace")


def _check(url: str, hosts: tuple[str, ...], networks: str, schemes: tuple[str, ...]) -> None:
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        parts, host, port = urlsplit(""), "", None
    named = f"{host}:{port}" if port is not None else host
    if (
        parts.scheme not in schemes
        or parts.username
        or "\\" in url
        or named not in hosts
        or literal_refused(host, networks)
    ):
        raise ForbiddenAddressError(
            f"A request to '{host[:100]}' was not sent.",
            why="It is not a host that agents.http_hosts names, or not an address that may be reached.",
            remedy="Use an https address of an allowed host.",
            host=host[:100],
        )
