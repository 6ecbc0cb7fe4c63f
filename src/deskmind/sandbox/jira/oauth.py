"""OAuth 2 (three-legged): apps, their grants, and refresh tokens that work once."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from deskmind.sandbox.jira.refusal import Refused

LIFETIME = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class App:
    """A registered app."""

    client_id: str
    client_secret: str
    name: str
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grant:
    """An access token: who granted it, to which app, until when."""

    app: App
    account: str
    scopes: tuple[str, ...]
    expires: datetime


@dataclass
class Apps:
    """The apps of a site and everything they were given. Codes and tokens are drawn at random, as they must be."""

    clock: Callable[[], datetime]
    apps: dict[str, App] = field(default_factory=dict[str, App])
    _codes: dict[str, Grant] = field(default_factory=dict[str, Grant])
    _access: dict[str, Grant] = field(default_factory=dict[str, Grant])
    _refresh: dict[str, Grant] = field(default_factory=dict[str, Grant])

    def consent(self, client_id: str, account: str, scopes: tuple[str, ...]) -> str:
        """The code of a user's consent; it works once."""
        app = self.apps.get(client_id)
        if app is None:
            raise _denied(401, "access_denied", "Unauthorized")
        code = secrets.token_urlsafe(24)
        self._codes[code] = Grant(app, account, scopes, self.clock() + timedelta(minutes=5))
        return code

    def exchange(self, request: dict[str, str]) -> dict[str, object]:
        """An answer of the token endpoint, for a code or for a refresh token."""
        app = self.apps.get(request.get("client_id", ""))
        if app is None or not secrets.compare_digest(app.client_secret, request.get("client_secret", "")):
            raise _denied(401, "access_denied", "Unauthorized")
        match request.get("grant_type"):
            case "authorization_code":
                grant = self._codes.pop(request.get("code", ""), None)
                if grant is None or grant.app != app or grant.expires < self.clock():
                    raise _denied(403, "invalid_grant", "Invalid authorization code")
            case "refresh_token":
                grant = self._refresh.pop(request.get("refresh_token", ""), None)
                if grant is None or grant.app != app:
                    raise _denied(403, "unauthorized_client", "refresh_token is invalid")
            case _:
                raise _denied(400, "unsupported_grant_type", "Unsupported grant_type")
        return self._issue(grant)

    def grant(self, token: str) -> Grant | None:
        """What an access token stands for, while it is valid."""
        found = self._access.get(_digest(token))
        return found if found and found.expires > self.clock() else None

    def expire(self) -> None:
        """Ends every access token, as an hour would."""
        self._access.clear()

    def _issue(self, grant: Grant) -> dict[str, object]:
        access = secrets.token_urlsafe(48)
        renewed = Grant(grant.app, grant.account, grant.scopes, self.clock() + LIFETIME)
        self._access[_digest(access)] = renewed
        body: dict[str, object] = {
            "access_token": access,
            "expires_in": int(LIFETIME.total_seconds()),
            "token_type": "Bearer",
            "scope": " ".join(grant.scopes),
        }
        if "offline_access" in grant.scopes:
            refresh = secrets.token_urlsafe(48)
            self._refresh[refresh] = renewed
            body["refresh_token"] = refresh
        return body


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _denied(status: int, error: str, description: str) -> Refused:
    return Refused(status, {"error": error, "error_description": description})
