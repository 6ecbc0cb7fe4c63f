"""OAuth 2 for clients: password, refresh token and client credentials, at /oauth_token.do."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from deskmind.sandbox.web import Clock, Reply

__all__ = ["CLIENT_ID", "CLIENT_SECRET", "Tokens"]

CLIENT_ID = "deskmind-sandbox-client"
CLIENT_SECRET = "deskmind-sandbox-secret"  # noqa: S105 - a sandbox's own
_ACCESS_SECONDS = 1799
_REFRESH_SECONDS = 8_640_000


@dataclass(frozen=True, slots=True)
class _Token:
    user: str
    until: float


class Tokens:
    """The tokens that were given out. `credentials_user` is whom the client-credentials grant acts as."""

    def __init__(self, clock: Clock, seed: int, credentials_user: str) -> None:
        self._clock, self._seed = clock, seed
        self._credentials_user = credentials_user
        self._access: dict[str, _Token] = {}
        self._refresh: dict[str, _Token] = {}
        self._given = 0

    def user(self, access_token: str) -> str | None:
        """Whose token it is; None if it is unknown or has expired."""
        token = self._access.get(access_token)
        return token.user if token and token.until > self._clock.timestamp() else None

    def expire_all(self) -> None:
        """Every access token expires now; refresh tokens stay."""
        self._access.clear()

    def grant(self, form: Mapping[str, str], check: Callable[[str, str], bool]) -> Reply:
        """Answers a token request; `check` says whether a user name and password are right."""
        if form.get("client_id") != CLIENT_ID or form.get("client_secret") != CLIENT_SECRET:
            return _refused("invalid_client", "access_denied")
        match form.get("grant_type"):
            case "password":
                name = form.get("username", "")
                if not check(name, form.get("password", "")):
                    return _refused("server_error", "access_denied")
                return self._given_to(name)
            case "client_credentials":
                return self._given_to(self._credentials_user, refreshable=False)
            case "refresh_token":
                token = self._refresh.get(form.get("refresh_token", ""))
                if token is None or token.until <= self._clock.timestamp():
                    return _refused("server_error", "access_denied")
                return self._given_to(token.user, form["refresh_token"])
            case _:
                return _refused("unsupported_grant_type", "unsupported_grant_type", 400)

    def _given_to(self, name: str, refresh: str = "", *, refreshable: bool = True) -> Reply:
        now = self._clock.timestamp()
        access = self._new("access")
        self._access[access] = _Token(name, now + _ACCESS_SECONDS)
        body: dict[str, object] = {
            "access_token": access,
            "scope": "useraccount",
            "token_type": "Bearer",
            "expires_in": _ACCESS_SECONDS,
        }
        if refreshable:
            body["refresh_token"] = refresh = refresh or self._new("refresh")
            self._refresh[refresh] = _Token(name, now + _REFRESH_SECONDS)
        return Reply.json(200, body).to(name)

    def _new(self, kind: str) -> str:
        self._given += 1
        return hashlib.sha256(f"{kind}/{self._seed}/{self._given}".encode()).hexdigest()[:43]


def _refused(error: str, description: str, status: int = 401) -> Reply:
    return Reply.json(status, {"error_description": description, "error": error})
