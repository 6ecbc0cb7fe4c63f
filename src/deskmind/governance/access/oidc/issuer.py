"""An issuer's keys: found by discovery, believed for a while, asked for again when a token names an unknown one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, cast
from urllib.parse import urlsplit

import aiohttp
import orjson

from deskmind.errors import ConfigurationError, UnavailableError
from deskmind.observability import logger

__all__ = ["Issuer"]

_log = logger("deskmind.oidc")
_LARGEST = 512 * 1024
_PATIENCE = aiohttp.ClientTimeout(total=5.0)
_MOST_KEYS = 100
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_BETWEEN = 10.0
"""Seconds between questions for keys that tokens name: whoever invents names must not make us ask for each."""


class Issuer:
    """The keys of one issuer, by their ids. Keys that sign nothing, or are secrets shared with us, are left out.

    Args:
        url: of the issuer, as its tokens name it; https, but on this machine.
        believed: seconds until its keys are asked for again.
        clock: in seconds.

    Raises:
        ConfigurationError: the address is not safe to ask.
    """

    def __init__(
        self, url: str, *, believed: float = 3600.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        _check_safe(url)
        self.url = url
        self._believed = believed
        self._clock = clock
        self._keys: dict[str, Mapping[str, Any]] = {}
        self._asked: float | None = None
        self._lock = asyncio.Lock()

    async def key(self, key_id: str | None) -> Mapping[str, Any] | None:
        """The key of an id, or the only one there is for a token that names none; None when there is no such key.

        Raises:
            UnavailableError: the issuer does not answer, and nothing is known of its keys.
        """
        async with self._lock:
            if self._due(key_id):
                await self._ask()
        if key_id is not None:
            return self._keys.get(key_id)
        return next(iter(self._keys.values())) if len(self._keys) == 1 else None

    def _due(self, key_id: str | None) -> bool:
        if self._asked is None:
            return True
        since = self._clock() - self._asked
        return since >= self._believed or (
            since >= _BETWEEN and (not self._keys or (key_id is not None and key_id not in self._keys))
        )

    async def _ask(self) -> None:
        """Keys that are known outlive an issuer that does not answer."""
        self._asked = self._clock()
        try:
            self._keys = await self._fetch()
        except (aiohttp.ClientError, TimeoutError, ValueError, ConfigurationError) as error:
            _log.warning("oidc.keys_not_read", error=type(error).__name__)
            if not self._keys:
                raise UnavailableError(
                    "The identity provider's keys could not be read.",
                    why="It does not answer, or not as OpenID Connect Discovery says.",
                    remedy="Try again; an operator checks oidc.issuer.",
                ) from error

    async def _fetch(self) -> dict[str, Mapping[str, Any]]:
        async with aiohttp.ClientSession(timeout=_PATIENCE, trust_env=True) as session:
            about = await _read(session, self.url.rstrip("/") + "/.well-known/openid-configuration")
            if about.get("issuer") != self.url:
                raise ValueError("another issuer")
            address = str(about.get("jwks_uri", ""))
            _check_safe(address)
            found = await _read(session, address)
        listed: Any = found.get("keys")
        keys = cast("list[Any]", listed)[:_MOST_KEYS] if isinstance(listed, list) else []
        usable = [cast("dict[str, Any]", key) for key in keys if isinstance(key, dict)]
        return {str(key.get("kid", "")): key for key in usable if _signs(key)}


async def _read(session: aiohttp.ClientSession, address: str) -> dict[str, Any]:
    async with session.get(address, allow_redirects=False) as response:
        if response.status != 200:
            raise ValueError("not found")
        content = await response.content.read(_LARGEST + 1)
        while len(content) <= _LARGEST and not response.content.at_eof():
            content += await response.content.read(_LARGEST + 1 - len(content))
    if len(content) > _LARGEST:
        raise ValueError("too large")
    parsed = orjson.loads(content)
    if not isinstance(parsed, dict):
        raise ValueError("no object")  # noqa: TRY004
    return cast("dict[str, Any]", parsed)


def _signs(key: Mapping[str, Any]) -> bool:
    return key.get("kty") in {"RSA", "EC", "OKP"} and key.get("use", "sig") == "sig"


def _check_safe(address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return
    raise ConfigurationError(
        "The identity provider is not asked over an unsafe connection.",
        why="Whoever changed its keys on the way could be anybody.",
        remedy="Write oidc.issuer with https://.",
    )
