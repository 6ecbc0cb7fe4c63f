"""A connector from a vendor's name, an address and credentials as they stand in a file or the environment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Literal, TypeAlias, cast

from deskmind.connectors.core import Auth, Basic, Header, OAuth, Token
from deskmind.connectors.freshservice import Freshservice, FreshserviceOptions
from deskmind.connectors.jira import Jira, JiraOptions
from deskmind.connectors.servicenow import Onlooker, ServiceNow, ServiceNowOptions
from deskmind.errors import InvalidRequestError

__all__ = ["VENDORS", "VendorConnector", "auth_of", "open_connector"]

VendorConnector: TypeAlias = ServiceNow | Jira | Freshservice
_TOKEN_PATHS = {"servicenow": "/oauth_token.do", "jira": "https://auth.atlassian.com/oauth/token"}
_GRANTS = frozenset({"password", "client_credentials", "refresh_token"})
Networks = Literal["any", "public"]


def open_connector(
    vendor: str,
    url: str,
    credentials: Mapping[str, str],
    *,
    networks: Networks = "any",
    on_rotated: Callable[[str], Awaitable[None]] | None = None,
) -> VendorConnector:
    """A connector; nothing is sent yet.

    Args:
        vendor: ``servicenow``, ``jira`` or ``freshservice``.
        url: of the instance.
        credentials: by name; see ``auth_of``.
        networks: ``public`` where a tenant chooses the address: then private addresses are refused.
        on_rotated: called with each refresh token that replaces the one in ``credentials``.
    """
    if vendor not in VENDORS:
        raise InvalidRequestError(
            f"There is no connector for '{vendor}'.", remedy=f"Choose one of {', '.join(VENDORS)}."
        )
    auth = auth_of(vendor, credentials, on_rotated)
    if vendor == "servicenow":
        return _servicenow(url, auth, networks, _onlooker(credentials))
    return VENDORS[vendor](url, auth, networks)


def auth_of(
    vendor: str, credentials: Mapping[str, str], on_rotated: Callable[[str], Awaitable[None]] | None = None
) -> Auth:
    """How to authenticate, by which credentials there are.

    ``client_id`` (with ``client_secret`` and, by ``grant``, ``username`` and ``password`` or ``refresh_token``): OAuth.
    ``api_key``: Freshservice's key, or ServiceNow's ``x-sn-apikey``. ``email`` and ``token``: Jira. ``username`` and
    ``password``: basic. ``token`` alone: a bearer token. ServiceNow's ``onlooker_username`` and ``onlooker_password`` are
    beside them: whose sight stands for everybody's with a reader role.
    """
    given = {name: value for name, value in credentials.items() if value}
    if "client_id" in given:
        return _oauth(vendor, given, on_rotated)
    if "api_key" in given:
        key = given["api_key"]
        return Basic(key, "X") if vendor == "freshservice" else Header("x-sn-apikey", key)
    user, secret = given.get("username") or given.get("email"), given.get("password") or given.get("token")
    if user and secret:
        return Basic(user, secret)
    if "token" in given:
        return Token(given["token"])
    raise InvalidRequestError(
        f"There are no credentials for {vendor}.",
        why="Neither a user with password or token, nor a key, nor an OAuth client was given.",
        remedy="The vendor's page in the documentation names them.",
    )


def _oauth(
    vendor: str, given: Mapping[str, str], on_rotated: Callable[[str], Awaitable[None]] | None
) -> OAuth:
    fallback = "refresh_token" if "refresh_token" in given else "password" if "password" in given else ""
    grant = given.get("grant") or fallback or "client_credentials"
    if grant not in _GRANTS:
        raise InvalidRequestError(
            f"There is no grant '{grant}'.", remedy=f"Choose one of {', '.join(sorted(_GRANTS))}."
        )
    return OAuth(
        given.get("token_url") or _TOKEN_PATHS.get(vendor, "/oauth/token"),
        client_id=given["client_id"],
        client_secret=given.get("client_secret", ""),
        grant=cast("Literal['password', 'client_credentials', 'refresh_token']", grant),
        user=given.get("username", ""),
        password=given.get("password", ""),
        refresh_token=given.get("refresh_token", ""),
        scope=given.get("scope", ""),
        on_rotated=on_rotated,
    )


def _servicenow(url: str, auth: Auth, networks: str, onlooker: Onlooker | None = None) -> VendorConnector:
    return ServiceNow(url, auth, options=ServiceNowOptions(networks=networks), onlooker=onlooker)


def _onlooker(given: Mapping[str, str]) -> Onlooker | None:
    login, password = given.get("onlooker_username"), given.get("onlooker_password")
    return Onlooker(login, Basic(login, password)) if login and password else None


def _jira(url: str, auth: Auth, networks: str) -> VendorConnector:
    return Jira(url, auth, options=JiraOptions(networks=networks))


def _freshservice(url: str, auth: Auth, networks: str) -> VendorConnector:
    return Freshservice(url, auth, options=FreshserviceOptions(networks=networks))


VENDORS: Mapping[str, Callable[[str, Auth, str], VendorConnector]] = {
    "servicenow": _servicenow,
    "jira": _jira,
    "freshservice": _freshservice,
}
