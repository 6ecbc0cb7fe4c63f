"""Tokens against the sandboxes: had, renewed, rotated, and refused."""

from __future__ import annotations

import pytest

from deskmind.connectors import Kind
from deskmind.connectors.core import OAuth
from deskmind.connectors.jira import Jira
from deskmind.connectors.servicenow import ServiceNow
from deskmind.errors import SourceAuthenticationError
from deskmind.sandbox.jira import JiraSandbox
from deskmind.sandbox.jira.sandbox import APP
from deskmind.sandbox.servicenow import ServiceNowSandbox
from deskmind.sandbox.servicenow.oauth import CLIENT_ID, CLIENT_SECRET


async def test_a_refresh_token_that_rotates_is_handed_on_before_it_is_needed_again(
    jira_box: JiraSandbox,
) -> None:
    admin = next(one for one in jira_box.site.users.values() if one.admin)
    code = jira_box.apps.consent(APP.client_id, admin.account_id, APP.scopes)
    form = {"client_id": APP.client_id, "client_secret": APP.client_secret, "code": code}
    first = str(jira_box.apps.exchange({**form, "grant_type": "authorization_code"})["refresh_token"])
    kept: list[str] = []

    async def keep(token: str) -> None:
        kept.append(token)

    def auth(token: str) -> OAuth:
        named = {"client_id": APP.client_id, "client_secret": APP.client_secret, "refresh_token": token}
        return OAuth("/oauth/token", grant="refresh_token", on_rotated=keep, **named)  # type: ignore[arg-type]

    gateway = f"{jira_box.url}/ex/jira/{jira_box.site.cloud_id}"
    async with Jira(gateway, through(jira_box, auth(first))) as source:
        await anext(source.tickets())
        jira_box.apps.expire()  # an hour later
        await anext(source.tickets())
    assert len(kept) == len(set(kept)) == 2
    async with Jira(gateway, through(jira_box, auth(kept[-1]))) as source:  # after a restart
        await anext(source.tickets())
    async with Jira(gateway, through(jira_box, auth(first))) as source:  # it worked once
        with pytest.raises(SourceAuthenticationError):
            await anext(source.tickets())


def through(box: JiraSandbox, auth: OAuth) -> OAuth:
    """Tokens are given beside the gateway's address, at the site's own."""
    auth._url = f"{box.url}/oauth/token"
    return auth


async def test_a_token_that_expires_meanwhile_is_renewed_and_the_pass_goes_on(
    servicenow_box: ServiceNowSandbox,
) -> None:
    box = servicenow_box
    box.faults.clear()
    auth = OAuth(
        "/oauth_token.do",
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        grant="password",
        user=box.credentials["username"],
        password=box.credentials["password"],
    )
    async with ServiceNow(box.url, auth) as source:
        box.faults.add("expired_token", path="/api/now/table/incident", at=(2,))
        box.log.clear()
        try:
            read = [one.id async for page in source.pages(Kind.TICKET) for one in page.records]
        finally:
            box.faults.clear()
        assert len(set(read)) > 400
        assert len([entry for entry in box.log if entry.path == "/oauth_token.do"]) == 2
