"""Who is calling: e-mail and API token, or an app's access token."""

from __future__ import annotations

import base64
import binascii
import secrets
from dataclasses import dataclass

from deskmind.sandbox.jira.oauth import Apps, Grant
from deskmind.sandbox.jira.people import User
from deskmind.sandbox.jira.refusal import Refused
from deskmind.sandbox.jira.site import Site
from deskmind.sandbox.web import Call as Request

_NO_PASSWORDS = (
    "Basic authentication with passwords is deprecated.  For more information, see: "
    "https://developer.atlassian.com/cloud/confluence/deprecation-notice-basic-auth/\n"
)


@dataclass(frozen=True, slots=True)
class Caller:
    """A user, and the grant of the app that speaks for it; neither for an anonymous call."""

    user: User | None = None
    grant: Grant | None = None


def caller(request: Request, site: Site, apps: Apps, *, through_gateway: bool) -> Caller:
    """The caller; `Refused` with 401 for credentials that are wrong. Tokens work at the gateway's addresses only."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if not scheme:
        return Caller()
    if scheme.lower() == "bearer" and (through_gateway or request.path.startswith("/oauth/")):
        return _by_token(request, site, apps, given)
    if scheme.lower() == "basic" and not through_gateway:
        return Caller(_by_password(site, given))
    raise Refused(401, {"code": 401, "message": "Unauthorized"})


def _by_token(request: Request, site: Site, apps: Apps, given: str) -> Caller:
    grant = apps.grant(given.strip())
    user = site.users.get(grant.account) if grant else None
    if grant is None or user is None or not user.active:
        raise Refused(401, {"code": 401, "message": "Unauthorized"})
    reading = request.method == "GET" or "/search" in request.path
    needed = ("read:", "manage:") if reading else ("write:", "manage:")
    if not request.path.startswith("/oauth/") and not any(scope.startswith(needed) for scope in grant.scopes):
        raise Refused(401, {"code": 401, "message": "Unauthorized; scope does not match"})
    return Caller(user, grant)


def _by_password(site: Site, given: str) -> User:
    try:
        email, _, token = base64.b64decode(given, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        email = token = ""
    user = site.user_by_email(email)
    known = user is not None and user.active and user.token
    if not known or user is None or not secrets.compare_digest(user.token.encode(), token.encode()):
        raise Refused(401, _NO_PASSWORDS, {"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"})
    return user
