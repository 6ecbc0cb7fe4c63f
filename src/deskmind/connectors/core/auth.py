"""How requests are authenticated. Secrets live in the objects here and nowhere else: no ``repr`` shows them."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, Protocol

from deskmind.errors import SourceAuthenticationError

__all__ = ["Auth", "Basic", "Exchange", "Header", "OAuth", "Token"]

Exchange = Callable[[str, Mapping[str, str], Mapping[str, str]], Awaitable[Mapping[str, Any]]]
"""Posts a form to an address with headers and gives the JSON answer."""

_EARLY = 60.0
_DEFAULT_LIFE = 1800.0


class Auth(Protocol):
    """Gives the headers of a request."""

    async def headers(self, exchange: Exchange) -> Mapping[str, str]:
        """The headers, after getting a token with ``exchange`` where one is needed."""
        ...

    def renew(self, sent: Mapping[str, str]) -> bool:
        """The vendor refused ``sent``; whether other headers may be taken instead."""
        ...


class _Fixed:
    """Headers that do not change."""

    def __init__(self, **headers: str) -> None:
        self._headers = {name.replace("_", "-"): value for name, value in headers.items()}

    async def headers(self, exchange: Exchange) -> Mapping[str, str]:
        """Always the same."""
        return self._headers

    def renew(self, sent: Mapping[str, str]) -> bool:
        """There is nothing to renew."""
        return False

    def __repr__(self) -> str:
        return f"{type(self).__name__}(***)"


class Basic(_Fixed):
    """User name and password; for Jira e-mail address and API token, for Freshservice the key and ``X``."""

    def __init__(self, user: str, password: str) -> None:
        coded = base64.b64encode(f"{user}:{password}".encode()).decode()
        super().__init__(Authorization=f"Basic {coded}")


class Token(_Fixed):
    """A bearer token that somebody else renews."""

    def __init__(self, token: str) -> None:
        super().__init__(Authorization=f"Bearer {token}")


class Header(_Fixed):
    """A key in a header of its own, such as ServiceNow's ``x-sn-apikey``."""

    def __init__(self, name: str, value: str) -> None:
        super().__init__(**{name: value})


class OAuth:
    """OAuth 2.0 (RFC 6749): by password, by client credentials, or by a refresh token that may rotate.

    One exchange serves all requests that wait for it. A refresh token that the vendor replaces is handed to
    ``on_rotated`` before the new access token is used, so that a crash does not lose it.
    """

    def __init__(
        self,
        token_url: str,
        *,
        client_id: str,
        client_secret: str = "",
        grant: Literal["password", "client_credentials", "refresh_token"] = "client_credentials",
        user: str = "",
        password: str = "",
        refresh_token: str = "",
        scope: str = "",
        on_rotated: Callable[[str], Awaitable[None]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is sent yet.

        Args:
            token_url: where tokens are given, on the instance itself or a path of it.
            client_id: of the application registered at the vendor.
            client_secret: of that application.
            grant: how the first token is had.
            user: for the password grant.
            password: for the password grant.
            refresh_token: for the refresh grant.
            scope: what is asked for; empty for the application's own.
            on_rotated: called with each new refresh token.
            clock: seconds.
        """
        self._url = token_url
        self._client = {"client_id": client_id, "client_secret": client_secret}
        self._grant = grant
        self._person = {"username": user, "password": password}
        self._refresh = refresh_token
        self._scope = scope
        self._on_rotated = on_rotated
        self._clock = clock
        self._token = ""
        self._until = 0.0
        self._lock = asyncio.Lock()

    def __repr__(self) -> str:
        return f"OAuth({self._grant})"

    async def headers(self, exchange: Exchange) -> Mapping[str, str]:
        """A token that is good for another minute."""
        if not self._good():
            async with self._lock:
                if not self._good():
                    await self._take(exchange)
        return {"Authorization": f"Bearer {self._token}"}

    def renew(self, sent: Mapping[str, str]) -> bool:
        """Forget the refused token, unless it was replaced meanwhile."""
        if sent.get("Authorization") == f"Bearer {self._token}":
            self._until = 0.0
        return True

    def _good(self) -> bool:
        return bool(self._token) and self._clock() < self._until

    async def _take(self, exchange: Exchange) -> None:
        try:
            answer = await exchange(self._url, self._form(), {})
        except SourceAuthenticationError:
            if not self._refresh or self._grant == "refresh_token":
                raise
            self._refresh = ""  # it has expired: begin again with the first grant
            answer = await exchange(self._url, self._form(), {})
        token, life = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(token, str) or not token:
            raise SourceAuthenticationError(
                "No access token was given.",
                why="The answer of the token address holds none.",
                remedy="Check the token address and the application's registration at the vendor.",
            )
        rotated = answer.get("refresh_token")
        if isinstance(rotated, str) and rotated and rotated != self._refresh:
            self._refresh = rotated
            if self._on_rotated is not None:
                await self._on_rotated(rotated)
        self._token = token
        self._until = self._clock() + _life(life)

    def _form(self) -> dict[str, str]:
        form = dict(self._client)
        if self._refresh:
            form |= {"grant_type": "refresh_token", "refresh_token": self._refresh}
        elif self._grant == "password":
            form |= {"grant_type": "password", **self._person}
        else:
            form["grant_type"] = self._grant
        if self._scope and not self._refresh:
            form["scope"] = self._scope
        return form


def _life(seconds: Any) -> float:
    try:
        life = float(seconds)
    except (TypeError, ValueError):
        life = _DEFAULT_LIFE
    return life - min(_EARLY, life / 2)
