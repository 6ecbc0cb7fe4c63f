"""Attachments, aggregates, import sets, knowledge, batches, tokens, limits and notices."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest
from aiohttp import FormData, web

from deskmind.sandbox.servicenow import API_KEY, CLIENT_ID, CLIENT_SECRET, PASSWORD
from deskmind.sandbox.web import Blob

from .conftest import Asker


async def first(ask: Asker, table: str = "incident", query: str = "ORDERBYnumber") -> dict[str, Any]:
    (row,) = await ask.rows(table, query, sysparm_limit="1")
    return row


async def test_a_file_is_uploaded_listed_read_renamed_and_deleted(ask: Asker):
    ticket = await first(ask)
    place = {"table_name": "incident", "table_sys_id": ticket["sys_id"], "file_name": "a.bin"}
    content = bytes(range(256)) * 4
    made = await ask(
        "POST", "/api/now/attachment/file", params=place, data=content, headers={"Content-Type": "image/png"}
    )
    assert made.status == 201
    key = made.result["sys_id"]
    assert made.headers["location"].endswith(f"/api/now/attachment/{key}")
    assert (made.result["size_bytes"], made.result["content_type"]) == ("1024", "image/png")
    listed = await ask.get(
        "/api/now/v1/attachment", sysparm_query=f"table_sys_id={ticket['sys_id']}^file_name=a.bin"
    )
    assert [one["sys_id"] for one in listed.result] == [key]
    assert listed.headers["x-total-count"] == "1"
    file = await ask("GET", made.result["download_link"].removeprefix(ask.sandbox.url))
    assert (file.body, file.headers["content-type"]) == (content, "image/png")
    assert json.loads(file.headers["x-attachment-metadata"])["file_name"] == "a.bin"
    renamed = await ask("PATCH", f"/api/now/attachment/{key}", json={"file_name": "b.bin"})
    assert renamed.result["file_name"] == "b.bin"
    assert (await ask("DELETE", f"/api/now/attachment/{key}")).status == 204
    assert (await ask.get(f"/api/now/attachment/{key}")).status == 404
    again = await ask.get(f"/api/now/table/incident/{ticket['sys_id']}")
    assert again.result["sys_updated_on"] == ticket["sys_updated_on"], "a file does not touch its record"


async def test_a_file_can_come_in_parts_whatever_bytes_it_has(ask: Asker):
    ticket = await first(ask)
    content = b"\r\n--\x00\xff\r\nend\n\n"
    form = FormData({"table_name": "incident", "table_sys_id": ticket["sys_id"]})
    form.add_field("uploadFile", content, filename="parts.bin", content_type="application/x-thing")
    made = await ask("POST", "/api/now/attachment/upload", data=form)
    assert made.status == 201
    assert (made.result["file_name"], made.result["content_type"]) == ("parts.bin", "application/x-thing")
    assert (await ask.get(f"/api/now/attachment/{made.result['sys_id']}/file")).body == content


async def test_attributes_hang_on_an_attachment(ask: Asker):
    (file, *_) = (await ask.get("/api/now/attachment", sysparm_limit="1")).result
    path = f"/api/now/attachment/{file['sys_id']}/attributes"
    assert (await ask("POST", path, json={"key": "scan", "value": "clean"})).status == 201
    assert (await ask("PUT", f"{path}/scan", json={"value": "dirty"})).result == {
        "key": "scan",
        "value": "dirty",
    }
    assert (await ask.get(path)).result == [{"key": "scan", "value": "dirty"}]
    assert (await ask("DELETE", f"{path}/scan")).status == 204
    assert (await ask.get(f"{path}/scan")).status == 404


async def test_attachments_are_seen_by_those_who_see_their_record(ask: Asker):
    every = await ask.get("/api/now/attachment")
    theirs = await ask.by("marek.dudek").get("/api/now/attachment")
    assert len(theirs.result) < len(every.result)
    for file in theirs.result:
        place = f"/api/now/table/{file['table_name']}/{file['table_sys_id']}"
        assert (await ask.by("marek.dudek").get(place)).status == 200


async def test_a_large_file_is_sent_without_being_kept(ask: Asker):
    (file, *_) = (await ask.get("/api/now/attachment", sysparm_limit="1")).result
    ask.sandbox.instance.files[file["sys_id"]] = Blob(3_000_001)
    answer = await ask.get(f"/api/now/attachment/{file['sys_id']}/file")
    assert len(answer.body) == 3_000_001
    assert answer.headers["content-length"] == "3000001"


async def test_aggregates_count_sum_and_group(ask: Asker):
    rows = await ask.rows("incident", "active=true")
    whole = await ask.get("/api/now/stats/incident", sysparm_query="active=true", sysparm_count="true")
    assert whole.data == {"result": {"stats": {"count": str(len(rows))}}}
    grouped = await ask.get(
        "/api/now/stats/incident", sysparm_count="true", sysparm_group_by="state", sysparm_query="active=true",
        sysparm_avg_fields="priority", sysparm_display_value="all", sysparm_having="count^priority^>^5",
    )  # fmt: skip
    for group in grouped.result:
        (field,) = group["groupby_fields"]
        inside = [int(row["priority"]) for row in rows if row["state"] == field["value"]]
        assert group["stats"]["count"] == str(len(inside))
        assert len(inside) > 5
        assert float(group["stats"]["avg"]["priority"]) == pytest.approx(sum(inside) / len(inside), abs=1e-4)
    assert grouped.result


async def test_an_import_set_transforms_and_finds_what_is_there_already(ask: Asker):
    given = {"short_description": "Imported", "correlation_id": "mon-1", "caller_id": "Marek Dudek"}
    made = await ask("POST", "/api/now/import/imp_incident", json=given)
    assert made.status == 201
    (result,) = made.data["result"]
    assert (result["status"], result["table"], result["display_name"]) == ("inserted", "incident", "number")
    again = await ask("POST", "/api/now/import/imp_incident", json={**given, "short_description": "Again"})
    assert again.data["result"][0]["status"] == "updated"
    assert again.data["result"][0]["sys_id"] == result["sys_id"]
    (row,) = await ask.rows("incident", "correlation_id=mon-1")
    assert (row["short_description"], row["caller_id"]["value"] != "") == ("Again", True)


async def test_knowledge_is_searched_and_read(ask: Asker):
    found = await ask.get(
        "/api/sn_km_api/knowledge/articles", query="printing badge", fields="kb_knowledge_base", limit="2"
    )
    meta = found.result["meta"]
    assert (meta["start"], meta["end"], meta["status"]) == (0, 2, {"code": 200})
    one, other = found.result["articles"]
    assert one["score"] >= other["score"]
    assert (one["rank"], other["rank"]) == (1, 2)
    assert one["fields"]["kb_knowledge_base"]["display_value"] in ("IT knowledge", "Runbooks")
    whole = await ask.get(f"/api/sn_km_api/knowledge/articles/{one['number']}")
    assert whole.result["short_description"] == one["title"]
    assert one["id"] == f"kb_knowledge:{whole.result['sys_id']}"


async def test_a_batch_carries_out_each_request_as_its_user(ask: Asker):
    body = base64.b64encode(json.dumps({"short_description": "In a batch"}).encode()).decode()
    requests = [
        {"id": "1", "method": "POST", "url": "/api/now/table/incident", "body": body,
         "headers": [{"name": "Content-Type", "value": "application/json"}]},
        {"id": "2", "method": "GET", "url": "/api/now/table/incident?sysparm_limit=1&sysparm_fields=number", "headers": []},
        {"id": "3", "method": "GET", "url": "/api/now/table/nothing", "headers": []},
    ]  # fmt: skip
    answer = await ask("POST", "/api/now/v1/batch", json={"batch_request_id": 7, "rest_requests": requests})
    assert answer.data["batch_request_id"] == "7"
    assert [one["status_code"] for one in answer.data["serviced_requests"]] == [201, 200, 400]
    made = json.loads(base64.b64decode(answer.data["serviced_requests"][0]["body"]))["result"]
    assert made["sys_created_by"] == "admin"
    assert answer.data["unserviced_requests"] == []


async def token(ask: Asker, **form: str) -> Any:
    client = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    return await ask("POST", "/oauth_token.do", data={**client, **form}, headers={"Authorization": ""})


async def as_bearer(ask: Asker, access: str) -> int:
    return (
        await ask(
            "GET", "/api/now/table/sys_user?sysparm_limit=1", headers={"Authorization": f"Bearer {access}"}
        )
    ).status


async def test_a_token_works_until_it_expires_and_is_refreshed(ask: Asker):
    given = await token(ask, grant_type="password", username="marek.dudek", password=PASSWORD)
    assert set(given.data) == {"access_token", "refresh_token", "scope", "token_type", "expires_in"}
    assert await as_bearer(ask, given.data["access_token"]) == 200
    ask.sandbox.clock.advance(given.data["expires_in"] + 1)
    assert await as_bearer(ask, given.data["access_token"]) == 401
    fresh = await token(ask, grant_type="refresh_token", refresh_token=given.data["refresh_token"])
    assert await as_bearer(ask, fresh.data["access_token"]) == 200
    machine = await token(ask, grant_type="client_credentials")
    assert "refresh_token" not in machine.data
    assert await as_bearer(ask, machine.data["access_token"]) == 200


@pytest.mark.parametrize(
    "form",
    [
        {"grant_type": "password", "username": "admin", "password": "wrong"},
        {"grant_type": "refresh_token", "refresh_token": "unknown"},
        {"grant_type": "client_credentials", "client_secret": "wrong"},
    ],
)
async def test_a_token_is_not_given_to_the_wrong_one(ask: Asker, form: dict[str, str]):
    refused = await token(ask, **form)
    assert refused.status == 401
    assert set(refused.data) == {"error", "error_description"}


async def test_an_api_key_is_the_integration_users(ask: Asker):
    headers = {"Authorization": "", "x-sn-apikey": API_KEY}
    answer = await ask(
        "POST", "/api/now/table/incident", json={"short_description": "By key"}, headers=headers
    )
    assert answer.result["sys_created_by"] == "deskmind.integration"
    assert (
        await ask("GET", "/api/now/table/incident", headers={**headers, "x-sn-apikey": "no"})
    ).status == 401


async def test_a_rate_limit_is_told_before_it_strikes_and_strikes_late(ask: Asker):
    ask.sandbox.limit(3, user="piotr.zielonka")
    piotr = ask.by("piotr.zielonka")
    path = "/api/now/table/sys_user_group?sysparm_limit=1"
    told = (await piotr("GET", path)).headers
    assert told["x-ratelimit-limit"] == "3"
    assert int(told["x-ratelimit-reset"]) > ask.sandbox.clock.timestamp()
    assert told["x-ratelimit-rule"]
    assert [(await piotr("GET", path)).status for _ in range(5)] == [200] * 5, (
        "enforced up to 30 seconds late"
    )
    ask.sandbox.clock.advance(31)
    refused = await piotr("GET", path)
    assert refused.status == 429
    assert 0 < int(refused.headers["retry-after"]) <= 3600
    assert "x-ratelimit-limit" not in (await ask("GET", path)).headers, "the rule is for one user"
    ask.sandbox.clock.advance(int(refused.headers["retry-after"]))
    assert (await piotr("GET", path)).status == 200


async def test_a_business_rule_sends_what_changed_to_a_registered_address(ask: Asker):
    received: asyncio.Queue[tuple[dict[str, str], Any]] = asyncio.Queue()

    async def receive(request: web.BaseRequest) -> web.Response:
        received.put_nowait((dict(request.headers), await request.json()))
        return web.Response()

    runner = web.ServerRunner(web.Server(receive))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    script = (
        "var m = new sn_ws.RESTMessageV2(); m.setHttpMethod('POST');"
        f"m.setEndpoint('{url}'); m.setBasicAuth('hook', 'secret'); m.setRequestHeader('X-Secret', 'abc'); m.executeAsync();"
    )
    rule = {
        "name": "Tell",
        "collection": "task",
        "action_insert": "true",
        "action_update": "true",
        "script": script,
    }
    await ask.create("sys_script", **rule, filter_condition="priority<=3")
    try:
        quiet = await ask.create("incident", short_description="Too small", impact="3", urgency="3")
        made = await ask.create("incident", short_description="Loud", impact="1", urgency="1")
        await ask.patch("incident", made["sys_id"], comments="More")
        deliveries = await ask.sandbox.outbox.drained()
        headers, body = received.get_nowait()
        assert body["sys_id"] == made["sys_id"] != quiet["sys_id"]
        assert (body["table"], body["operation"], body["number"]) == ("incident", "insert", made["number"])
        assert headers["X-Secret"] == "abc"
        assert headers["Authorization"] == "Basic " + base64.b64encode(b"hook:secret").decode()
        assert received.get_nowait()[1]["operation"] == "update"
        assert [one.status for one in deliveries] == [200, 200]
    finally:
        await runner.cleanup()


async def test_churn_changes_opens_and_deletes_as_users_would(ask: Asker):
    before = {row["sys_id"]: row["sys_mod_count"] for row in await ask.rows("incident")}
    answer = await ask("POST", "/_sandbox/churn", json={"tickets": 50})
    touched = answer.data["changed"]
    after = {row["sys_id"]: row["sys_mod_count"] for row in await ask.rows("incident")}
    assert len(touched) == 50
    assert len(before.keys() - after.keys()) == 2
    assert after.keys() - before.keys()
    assert sum(before[key] != after[key] for key in before.keys() & after.keys()) >= 40
