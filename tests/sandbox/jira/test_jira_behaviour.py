"""What bites at Jira: permissions, workflow, rich text, deletions, limits, OAuth, webhooks, knowledge."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from deskmind.sandbox.jira import APP, JiraSandbox
from deskmind.sandbox.jira.seed_people import account_id
from deskmind.sandbox.jira.sight import Sight
from deskmind.sandbox.readers import readers

_DOCUMENT = {
    "type": "doc",
    "version": 1,
    "content": [
        {
            "type": "paragraph",
            "content": [
                {"type": "text", "text": "Try "},
                {"type": "text", "text": "this", "marks": [{"type": "strong"}]},
            ],
        },
        {"type": "codeBlock", "attrs": {"language": "bash"}, "content": [{"type": "text", "text": "reboot"}]},
    ],
}


async def new_issue(admin: Any, **more: Any) -> Any:
    """A task of the administrator's."""
    fields = {"project": {"key": "ITSM"}, "summary": "New", "issuetype": {"name": "Task"}, **more}
    return await admin.post("/rest/api/3/issue", {"fields": fields})


async def test_what_a_user_may_not_see_is_not_found_and_in_no_list(
    sandbox: JiraSandbox, as_person: Any, admin: Any
):
    secret = next(issue for issue in sandbox.site.issues.values() if issue.key.startswith("HR-"))
    agent = as_person("piotr.zielonka")
    status, body = await agent.ask("GET", f"/rest/api/3/issue/{secret.key}")
    assert (status, body["errorMessages"]) == (
        404,
        ["Issue does not exist or you do not have permission to see it."],
    )
    assert {each["key"] for each in await agent.get("/rest/api/3/project")} == {"ITSM", "OPS"}
    keys = {
        each["key"]
        for each in (
            await agent.get("/rest/api/3/search/jql", jql="created > 0", fields="key", maxResults=5000)
        )["issues"]
    }
    assert keys
    assert not any(key.startswith(("HR-", "SEC-")) for key in keys)
    assert (await admin.get(f"/rest/api/3/issue/{secret.key}"))["key"] == secret.key


async def test_a_security_level_hides_issues_from_others_in_the_project(sandbox: JiraSandbox, as_person: Any):
    limited = [
        each
        for each in sandbox.site.issues.values()
        if each.values.get("security") and each.key.startswith("ITSM")
    ]
    level = next(iter(sandbox.site.levels.values()))
    issue = (
        limited[0] if limited else next(each for each in sandbox.site.issues.values() if each.key == "ITSM-9")
    )
    issue.values["security"] = level.id
    issue.values["reporter"] = account_id("imogen.talbot")
    inside = next(iter(level.holders.groups - {"site-admins"}))
    group = next(each for each in sandbox.site.groups.values() if each.name == inside)
    outsider = next(key for key in ("piotr.zielonka", "annike.voss") if account_id(key) not in group.members)
    status, _ = await as_person(outsider).ask("GET", f"/rest/api/3/issue/{issue.key}")
    assert status == 404


async def test_rich_text_is_a_document_in_3_and_wiki_text_in_2(admin: Any):
    made = await new_issue(admin, description=_DOCUMENT)
    assert (await admin.get(f"/rest/api/3/issue/{made['id']}"))["fields"]["description"] == _DOCUMENT
    shown = (await admin.get(f"/rest/api/2/issue/{made['id']}"))["fields"]["description"]
    assert shown == "Try *this*\n\n{code:bash}\nreboot\n{code}"
    status, body = await admin.ask("POST", f"/rest/api/3/issue/{made['id']}/comment", {"body": "plain"})
    assert (status, body["errors"]) == (400, {"comment": "Comment body is not valid!"})
    comment = await admin.post(f"/rest/api/2/issue/{made['id']}/comment", {"body": "Try *this*"})
    assert comment["body"] == "Try *this*"


async def test_a_transition_wants_its_fields_and_leaves_a_changelog(admin: Any):
    made = await new_issue(admin)
    path = f"/rest/api/3/issue/{made['id']}/transitions"
    status, body = await admin.ask("POST", path, {"transition": {"id": "31"}})
    assert (status, body["errors"]) == (400, {"resolution": "Resolution is required."})
    assert (await admin.ask("POST", path, {"transition": {"id": "51"}}))[0] == 400
    status, _ = await admin.ask(
        "POST", path, {"transition": {"id": "31"}, "fields": {"resolution": {"name": "Done"}}}
    )
    assert status == 204
    log = (await admin.get(f"/rest/api/3/issue/{made['id']}/changelog"))["values"]
    assert {(item["field"], item["toString"]) for item in log[-1]["items"]} == {
        ("status", "Resolved"),
        ("resolution", "Done"),
    }


async def test_a_deleted_issue_has_vanished(sandbox: JiraSandbox, admin: Any):
    made = await new_issue(admin)
    assert (await admin.ask("DELETE", f"/rest/api/3/issue/{made['key']}"))[0] == 204
    assert (await admin.ask("GET", f"/rest/api/3/issue/{made['id']}"))[0] == 404
    again = await new_issue(admin)
    assert int(again["key"].split("-")[1]) == int(made["key"].split("-")[1]) + 1


async def test_internal_comments_are_hidden_from_the_customer(
    sandbox: JiraSandbox, as_person: Any, admin: Any
):
    asked = {"serviceDeskId": "1", "requestTypeId": "101", "requestFieldValues": {"summary": "Help"}}
    outside = next(one for one in sandbox.company.active_people if one.organisation == "northline")
    for key in ("lena.fisk", outside.key):
        customer = as_person(key)
        made = await customer.post("/rest/servicedeskapi/request", asked)
        path = f"/rest/servicedeskapi/request/{made['issueKey']}/comment"
        await admin.post(path, {"body": "Between us", "public": False})
        await admin.post(path, {"body": "Hello", "public": True})
        assert [each["body"] for each in (await customer.get(path))["values"]] == ["Hello"]
        assert len((await admin.get(path))["values"]) == 2
        status, body = await as_person("marek.dudek").ask(
            "GET", f"/rest/servicedeskapi/request/{made['issueKey']}"
        )
        assert (status, "i18nErrorMessage" in body) == (404, True)


async def test_the_burst_limit_says_when_to_come_back(session: aiohttp.ClientSession):
    async with JiraSandbox(requests_per_second=3) as sandbox:
        headers = {"Authorization": aiohttp.encode_basic_auth(*sandbox.credentials.values())}
        answers: list[tuple[int, Any]] = []
        for _ in range(12):
            async with session.get(f"{sandbox.url}/rest/api/3/myself", headers=headers) as response:
                answers.append((response.status, response.headers))
    refused = [told for status, told in answers if status == 429]
    assert refused
    assert {told["RateLimit-Reason"] for told in refused} == {"jira-burst-based"}
    assert {told["Retry-After"] for told in refused} == {"1"}
    assert answers[0][1]["X-RateLimit-Limit"] == "3"


async def test_a_refresh_token_works_once_and_access_ends(
    sandbox: JiraSandbox, session: aiohttp.ClientSession
):
    code = sandbox.apps.consent(APP.client_id, account_id("imogen.talbot"), APP.scopes)
    given = {"client_id": APP.client_id, "client_secret": APP.client_secret}

    async def token(**more: str) -> tuple[int, Any]:
        async with session.post(f"{sandbox.url}/oauth/token", json={**given, **more}) as response:
            return response.status, await response.json()

    async def myself(access: str) -> int:
        address = f"{sandbox.url}/ex/jira/{sandbox.site.cloud_id}/rest/api/3/myself"
        async with session.get(address, headers={"Authorization": f"Bearer {access}"}) as response:
            return response.status

    status, first = await token(grant_type="authorization_code", code=code)
    assert status == 200
    assert await myself(first["access_token"]) == 200
    status, second = await token(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert (status, second["refresh_token"] != first["refresh_token"]) == (200, True)
    status, said = await token(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert (status, said["error"]) == (403, "unauthorized_client")
    sandbox.clock.advance(3601)
    assert await myself(second["access_token"]) == 401


@pytest.fixture
async def received() -> AsyncIterator[tuple[str, list[tuple[Any, bytes]]]]:
    """A receiver of webhooks: its address, and headers and bodies as they come."""
    got: list[tuple[Any, bytes]] = []

    async def take(request: web.BaseRequest) -> web.Response:
        got.append((request.headers.copy(), await request.read()))
        return web.Response()

    runner = web.ServerRunner(web.Server(take))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook", got
    await runner.cleanup()


async def test_a_webhook_is_signed_and_filtered(sandbox: JiraSandbox, admin: Any, received: Any):
    address, got = received
    wanted = {
        "name": "All",
        "url": address,
        "secret": "word",
        "events": ["jira:issue_created", "comment_created"],
    }
    await admin.post(
        "/rest/webhooks/1.0/webhook",
        wanted | {"filters": {"issue-related-events-section": "labels = urgent"}},
    )
    await new_issue(admin)
    made = await new_issue(admin, labels=["urgent"])
    await admin.post(f"/rest/api/2/issue/{made['id']}/comment", {"body": "Hello"})
    await sandbox.outbox.drained()
    bodies = [json.loads(body) for _, body in got]
    assert [body["webhookEvent"] for body in bodies] == ["jira:issue_created", "comment_created"]
    assert bodies[0]["issue"]["id"] == made["id"]
    headers, body = got[0]
    assert headers["X-Hub-Signature"] == "sha256=" + hmac.new(b"word", body, hashlib.sha256).hexdigest()
    assert headers["X-Atlassian-Webhook-Identifier"] != got[1][0]["X-Atlassian-Webhook-Identifier"]


async def test_an_administrator_has_no_app_webhooks(admin: Any):
    status, body = await admin.ask("POST", "/rest/api/3/webhook", {"url": "http://x", "webhooks": []})
    assert (status, body["errorMessages"]) == (
        403,
        ["Only Connect and OAuth 2.0 apps can use this operation."],
    )


async def test_pages_are_seen_by_exactly_the_readers_of_the_company(sandbox: JiraSandbox, as_person: Any):
    company, wiki = sandbox.company, sandbox.wiki
    bases = {base.key: base for base in company.knowledge_bases}
    limits = {
        article.title: [
            readers(company, each.can_read, each.cannot_read) for each in (bases[article.base], article)
        ]
        for article in company.articles
        if article.state == "published"
    }
    for person in company.active_people:
        if person.role == "admin":
            continue
        allowed = {
            title
            for title, held in limits.items()
            if all(each is None or person.key in each for each in held)
        }
        sight = Sight(sandbox.site, sandbox.site.users[account_id(person.key)])
        assert {page.title for page in wiki.visible(sight)} & set(limits) == allowed, person.key
    shown = (await as_person("lena.fisk").get("/wiki/api/v2/pages", limit=250, status="current"))["results"]
    lena = Sight(sandbox.site, sandbox.site.users[account_id("lena.fisk")])
    assert {page["id"] for page in shown} == {
        page.id for page in wiki.visible(lena) if page.status == "current"
    }


async def test_an_attachment_needs_its_header_and_comes_back(
    admin: Any, sandbox: JiraSandbox, session: aiohttp.ClientSession
):
    made = await new_issue(admin)
    headers = {"Authorization": aiohttp.encode_basic_auth(*sandbox.credentials.values())}
    address = f"{sandbox.url}/rest/api/3/issue/{made['id']}/attachments"
    answers: list[Any] = []
    for more in ({}, {"X-Atlassian-Token": "no-check"}):
        form = aiohttp.FormData()
        form.add_field("file", b"\x00\r\n--x", filename="odd.bin", content_type="application/x-odd")
        async with session.post(address, data=form, headers=headers | more) as response:
            answers.append((response.status, await response.text()))
    assert [status for status, _ in answers] == [403, 200]
    file = json.loads(answers[1][1])[0]
    assert (file["filename"], file["size"], file["mimeType"]) == ("odd.bin", 6, "application/x-odd")
    async with session.get(file["content"], headers=headers) as response:
        assert await response.read() == b"\x00\r\n--x"
