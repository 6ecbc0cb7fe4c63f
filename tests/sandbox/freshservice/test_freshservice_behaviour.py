"""What bites at Freshservice: the window, the filter language, scopes, the trash, limits, webhooks, folders."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from deskmind.sandbox.freshservice import FreshserviceSandbox
from deskmind.sandbox.freshservice.seed_people import api_key
from deskmind.sandbox.readers import readers


async def everything(asker: Any, path: str, name: str, **query: Any) -> list[Any]:
    """All rows, following the `Link` header."""
    rows: list[Any] = []
    page = 1
    while True:
        _, body, headers = await asker.ask("GET", path, params={**query, "per_page": 100, "page": page})
        rows += body[name]
        if 'rel="next"' not in headers.get("Link", ""):
            return rows
        page += 1


async def test_a_list_without_a_date_ends_after_thirty_days(sandbox: FreshserviceSandbox, admin: Any):
    recent = await everything(admin, "tickets", "tickets")
    whole = await everything(admin, "tickets", "tickets", updated_since="2015-01-01T00:00:00Z")
    edge = f"{sandbox.clock.now() - timedelta(days=30):%Y-%m-%dT%H:%M:%SZ}"
    assert (
        0
        < len(recent)
        < len(whole)
        == sum(not row["deleted"] for row in sandbox.account.table("tickets").values())
    )
    assert {row["id"] for row in recent} == {row["id"] for row in whole if row["created_at"] >= edge}


async def test_the_filter_language_is_what_it_says(admin: Any):
    rows = await everything(admin, "tickets", "tickets", updated_since="2015-01-01")
    query = "\"priority:2 AND (status:5 OR agent_id:null) AND created_at:>'2026-06-01'\""
    found = await everything(admin, "tickets/filter", "tickets", query=query)
    expected = {
        row["id"]
        for row in rows
        if row["priority"] == 2
        and (row["status"] == 5 or row["responder_id"] is None)
        and row["created_at"] >= "2026-06-01"
    }
    assert {row["id"] for row in found} == expected
    assert expected


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("priority:1", "Query should be enclosed in double quotes"),
        ('"colour:1"', "Unexpected/invalid field 'colour' in query"),
        ("\"priority:'1'\"", "It should be a/an Positive Integer for the field 'priority'"),
        ('"tag:vip"', "The value of 'tag' should be enclosed in single quotes"),
        ('"priority:1 status:2"', "Given query is invalid"),
        ('"' + "priority:1 OR " * 40 + 'priority:1"', "Query length should not exceed 512 characters"),
    ],
)
async def test_what_is_no_query_is_refused(admin: Any, query: str, said: str):
    status, body, _ = await admin.ask("GET", "tickets/filter", params={"query": query})
    assert (status, body["errors"][0]["message"]) == (400, said)


async def test_an_agents_scope_limits_lists_and_single_tickets(
    sandbox: FreshserviceSandbox, as_agent: Any, admin: Any
):
    groups = {row["name"]: row["id"] for row in (await admin.get("groups", per_page=100))["groups"]}
    secret = next(
        row for row in sandbox.account.table("tickets").values() if row["group_id"] == groups["HR Operations"]
    )
    member = next(key for key in sandbox.company.service_desk if sandbox.company.person(key).role == "agent")
    desk = sandbox.account.table("agents")[agent_number(sandbox, member)]
    assert (desk["roles"][0]["assignment_scope"], secret["group_id"] in desk["group_ids"]) == (
        "entire_helpdesk",
        False,
    )
    for key in (member, "piotr.zielonka"):
        status, body, _ = await as_agent(key).ask("GET", f"tickets/{secret['id']}")
        assert (status, body["code"]) == (403, "access_denied")
    agent = as_agent("piotr.zielonka")
    mine = await everything(agent, "tickets", "tickets", updated_since="2015-01-01")
    own = set((await agent.get("agents/me"))["agent"]["group_ids"])
    number = agent_number(sandbox, "piotr.zielonka")
    assert mine
    assert all(row["group_id"] in own or number in (row["responder_id"], row["requester_id"]) for row in mine)


def agent_number(sandbox: FreshserviceSandbox, key: str) -> int:
    """The id of a person of the company."""
    return sandbox.account.keys[api_key(sandbox.company.seed, key)]


async def test_the_trash_keeps_a_ticket_until_it_is_deleted_for_good(admin: Any):
    assert (await admin.ask("DELETE", "tickets/7"))[0] == 204
    assert 7 not in {
        row["id"] for row in await everything(admin, "tickets", "tickets", updated_since="2015-01-01")
    }
    assert 7 in {row["id"] for row in await everything(admin, "tickets", "tickets", filter="deleted")}
    assert (await admin.get("tickets/7"))["ticket"]["deleted"] is True
    assert (await admin.ask("DELETE", "tickets/7/delete_forever"))[0] == 204
    status, body, _ = await admin.ask("GET", "tickets/7")
    assert (status, body) == (404, "")


async def test_a_time_entry_does_not_touch_its_ticket_but_a_note_does(
    sandbox: FreshserviceSandbox, admin: Any
):
    before = (await admin.get("tickets/9"))["ticket"]["updated_at"]
    sandbox.clock.advance(60)
    assert (await admin.ask("POST", "tickets/9/time_entries", json={"time_spent": "01:30"}))[0] == 201
    assert (await admin.get("tickets/9"))["ticket"]["updated_at"] == before
    assert (await admin.ask("POST", "tickets/9/notes", json={"body": "x"}))[0] == 201
    assert (await admin.get("tickets/9"))["ticket"]["updated_at"] > before
    assert (await admin.get("tickets/9/activities"))["activities"][0]["content"] == " added a private note"


async def test_the_limit_is_the_accounts_and_includes_cost_more(session: aiohttp.ClientSession):
    async with FreshserviceSandbox(requests_per_minute=4) as sandbox:
        sandbox.clock.advance(60 - sandbox.clock.timestamp() % 60 + 1)
        key = sandbox.credentials["api_key"]
        headers = {"Authorization": aiohttp.encode_basic_auth(key, "X")}
        told: list[tuple[int, Any]] = []
        for path in ("tickets?include=requester,stats", "agents", "groups"):
            async with session.get(f"{sandbox.url}/api/v2/{path}", headers=headers) as response:
                told.append((response.status, response.headers))
    assert [status for status, _ in told] == [200, 200, 429]
    assert (told[0][1]["x-ratelimit-used-currentrequest"], told[0][1]["x-ratelimit-remaining"]) == ("3", "1")
    assert 1 <= int(told[2][1]["Retry-After"]) <= 60


async def test_a_key_that_nobody_has_is_refused(sandbox: FreshserviceSandbox, session: aiohttp.ClientSession):
    headers = {"Authorization": aiohttp.encode_basic_auth("nonsense", "X")}
    async with session.get(f"{sandbox.url}/api/v2/tickets", headers=headers) as response:
        assert (response.status, (await response.json())["code"]) == (401, "invalid_credentials")
    assert api_key(sandbox.company.seed, "lena.fisk") not in sandbox.account.keys


async def test_a_workflow_calls_its_webhook(sandbox: FreshserviceSandbox, admin: Any):
    got: list[tuple[Any, Any]] = []

    async def take(request: web.BaseRequest) -> web.Response:
        got.append((request.headers.copy(), json.loads(await request.read())))
        return web.Response()

    runner = web.ServerRunner(web.Server(take))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    sandbox.workflows.add(
        address, events=("ticket_updated",), headers={"X-Secret": "word"}, username="u", password="p"
    )
    assert (await admin.ask("PUT", "tickets/9", json={"priority": 4}))[0] == 200
    await sandbox.outbox.drained()
    await runner.cleanup()
    headers, body = got[0]
    assert headers["X-Secret"] == "word"
    assert headers["Authorization"] == aiohttp.encode_basic_auth("u", "p")
    assert body["freshdesk_webhook"]["ticket_priority"] == 4
    assert body["freshdesk_webhook"]["ticket_id"] in ("INC-9", "SR-9")


async def test_folders_say_exactly_who_reads_the_companys_articles(sandbox: FreshserviceSandbox, admin: Any):
    company, account = sandbox.company, sandbox.account
    people = {
        person.key: number
        for person, number in zip(company.people, range(21_000_060_000, 21_000_070_000), strict=False)
    }
    folders = {row["id"]: row for row in await everything(admin, "solutions/folders", "folders")}
    articles = {row["title"]: row for row in await everything(admin, "solutions/articles", "articles")}
    bases = {base.key: base for base in company.knowledge_bases}
    for article in company.articles:
        folder = folders[articles[article.title]["folder_id"]]
        base = bases[article.base]
        limits = [readers(company, each.can_read, each.cannot_read) for each in (base, article)]
        for person in company.people:
            allowed = all(limit is None or person.key in limit for limit in limits)
            number = people[person.key]
            row = account.person(number) or {}
            shown = {
                2: True,
                3: "email" in row,
                4: bool(set(row["department_ids"]) & set(folder["department_ids"])),
                5: bool(set(row.get("group_ids", [])) & set(folder["group_ids"])),
                6: any(number in account.members[group] for group in folder["requester_group_ids"]),
            }[folder["visibility"]]
            assert shown == allowed, (article.title, person.key, folder)


async def test_an_order_becomes_a_service_request(admin: Any):
    items = (await admin.get("service_catalog/items"))["service_items"]
    item = (await admin.get(f"service_catalog/items/{items[0]['display_id']}"))["service_item"]
    path = f"service_catalog/items/{item['display_id']}/place_request"
    status, body, _ = await admin.ask(
        "POST", path, json={"quantity": 1, "email": "lena.fisk@halvern.example.net"}
    )
    assert (status, body["errors"][0]["code"]) == (400, "missing_field")
    given = {field["name"]: "x" for field in item["custom_fields"]}
    status, body, _ = await admin.ask("POST", path, json={"quantity": 2, "custom_fields": given})
    assert (status, body["service_request"]["type"]) == (201, "Service Request")
    ordered = await admin.get(f"tickets/{body['service_request']['id']}/requested_items")
    assert ordered["requested_items"][0]["quantity"] == 2
