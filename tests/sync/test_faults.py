"""What goes wrong on the way: the vendor, one record, the process, people who must not come back."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
from typing import Any

import httpx
import pytest

from deskmind.app import Deskmind
from deskmind.connectors.model import Kind, Service
from deskmind.connectors.protocol import Undecoded
from deskmind.desk import Desk
from deskmind.errors import AuthenticationError
from deskmind.sandbox.servicenow import ServiceNowSandbox
from deskmind.sandbox.web import Fault
from deskmind.sync.running import Runner

from .conftest import connect, here, sql, there

pytestmark = pytest.mark.chaos


async def change(box: ServiceNowSandbox, method: str, path: str, values: dict[str, Any] | None = None) -> Any:
    async with httpx.AsyncClient(base_url=box.url, auth=tuple(box.credentials.values())) as client:  # type: ignore[arg-type]
        answer = await client.request(method, f"/api/now/table/{path}", json=values)
        answer.raise_for_status()
        return answer.json()["result"] if answer.content else None


async def test_a_later_run_brings_what_changed_and_drops_what_is_gone(
    operator: Desk, servicenow_box: ServiceNowSandbox
) -> None:
    await connect(operator, servicenow_box, kinds=("ticket", "group"))
    await operator.sync.run("now")
    assert await here(operator, Kind.TICKET) == await there(servicenow_box, Kind.TICKET)
    servicenow_box.clock.advance(3600)
    servicenow_box.churn(20)
    gone = next(iter(await there(servicenow_box, Kind.GROUP)))
    await change(servicenow_box, "DELETE", f"sys_user_group/{gone}")
    preview = await operator.sync.preview("now")
    assert preview.kinds["ticket"].changed + preview.kinds["ticket"].added > 0
    servicenow_box.log.clear()
    await operator.sync.run("now", sweep=True)
    assert await here(operator, Kind.TICKET) == await there(servicenow_box, Kind.TICKET)
    assert gone not in await here(operator, Kind.GROUP)
    events = [one for one in await operator.audit() if one.action == "sync.run"]
    assert events[0].details["changed"] > 0


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault("server_error", path="/table/cmdb_ci"), "source-unavailable"),
        (Fault("expired_token"), "source-authentication"),
    ],
)
async def test_a_vendor_that_fails_is_told_and_not_hammered(
    operator: Desk, servicenow_box: ServiceNowSandbox, fault: Fault, code: str
) -> None:
    await connect(operator, servicenow_box, kinds=("configuration-item",))
    servicenow_box.faults.add(fault)
    status = await operator.sync.run("now")
    assert code in status.error
    assert not status.complete
    assert len(servicenow_box.log.entries) < 20
    servicenow_box.faults.clear()
    assert (await operator.sync.run("now")).complete


async def test_a_record_that_cannot_be_stored_does_not_keep_the_others_back(
    app: Deskmind, operator: Desk, servicenow_box: ServiceNowSandbox
) -> None:
    await connect(operator, servicenow_box)
    runner = Runner(app.database, operator.scope, app)
    store = await runner.store(await operator.connections.get("now"))
    too_long = "".join(random.Random(1).choices("0123456789abcdef", k=9000))
    names = ["a", "b", too_long, "d", "e"]
    records = [Service(vendor="servicenow", id=name, name=name[:10]) for name in names]
    undecoded = [Undecoded(Kind.SERVICE, "f", "KeyError")]
    counted = await store.store(Kind.SERVICE, records, undecoded=undecoded)
    assert (counted.added, counted.failed) == (4, 2)
    assert list(await here(operator, Kind.SERVICE)) == ["a", "b", "d", "e"]
    (status,) = await operator.sync.status("now")
    assert {one.id for one in status.problems} == {too_long[:200], "f"}
    await store.store(Kind.SERVICE, [Service(vendor="servicenow", id="f", name="now it can be read")])
    (status,) = await operator.sync.status("now")
    assert {one.id for one in status.problems} == {too_long[:200]}


async def test_who_was_erased_stays_away_through_full_incremental_and_webhook(
    app: Deskmind, operator: Desk, servicenow_box: ServiceNowSandbox
) -> None:
    await connect(operator, servicenow_box)
    await operator.sync.run("now")
    people = await operator.sync.records("now", "person", limit=1000)
    tickets = await operator.sync.records("now", "ticket", limit=1000)
    asked = {one["requester"]["id"] for one in tickets if one["requester"]}
    person = next(one for one in people if one["id"] in asked and one["emails"] and " " in one["name"])
    await operator.privacy.erase(person["name"], also=[person["login"], *person["emails"], person["id"]])
    mine = next(one["id"] for one in tickets if one["requester"] and one["requester"]["id"] == person["id"])

    async def traces() -> int:
        pattern = f"%{person['name']}%"
        rows = await sql(
            operator,
            "SELECT (SELECT count(*) FROM synced_records WHERE record::text ILIKE %s OR raw::text ILIKE %s)"
            " + (SELECT count(*) FROM documents WHERE body ILIKE %s OR title ILIKE %s)",
            (pattern,) * 4,
        )
        return rows[0][0]

    async def known() -> bool:
        return person["id"] in {one["id"] for one in await operator.sync.records("now", "person", limit=1000)}

    assert (await traces(), await known()) == (0, False)
    await operator.sync.run("now", full=True)
    assert (await traces(), await known()) == (0, False)
    await change(servicenow_box, "PATCH", f"incident/{mine}", {"description": f"{person['name']} called."})
    await change(servicenow_box, "PATCH", f"sys_user/{person['id']}", {"title": "Once more"})
    await operator.sync.run("now")
    assert (await traces(), await known()) == (0, False)
    await call(app, operator, {"kind": "person", "id": person["id"]})
    await call(app, operator, {"kind": "ticket", "id": mine})
    await app.jobs.drain()
    assert (await traces(), await known()) == (0, False)


async def call(app: Deskmind, desk: Desk, what: dict[str, Any], secret: str | None = None) -> int:
    """The vendor's call, signed."""
    connection = await desk.connections.get("now")
    key = secret or await desk.connections.webhook_secret("now")
    body = json.dumps(what).encode()
    signature = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
    return await app.receive_webhook(connection.connection_id, {"X-Deskmind-Signature": signature}, body)


async def test_a_webhook_brings_one_record_and_needs_the_secret(
    app: Deskmind, operator: Desk, servicenow_box: ServiceNowSandbox
) -> None:
    await connect(operator, servicenow_box, kinds=("ticket",))
    made = await change(servicenow_box, "POST", "incident", {"short_description": "Printer in flames"})
    with pytest.raises(AuthenticationError):
        await call(app, operator, {"kind": "ticket", "id": made["sys_id"]}, secret="guessed")
    (refused,) = [event for event in await operator.audit() if event.action == "access.authenticate"]
    assert (refused.resource, refused.details["reason"]) == ("connection now", "signature")
    assert await call(app, operator, {"kind": "ticket", "id": made["sys_id"]}) == 1
    await app.jobs.drain()
    assert list(await here(operator, Kind.TICKET)) == [made["sys_id"]]
    await change(servicenow_box, "DELETE", f"incident/{made['sys_id']}")
    await call(app, operator, {"kind": "ticket", "id": made["sys_id"], "deleted": True})
    await app.jobs.drain()
    assert await here(operator, Kind.TICKET) == {}
    assert await sql(operator, "SELECT title FROM documents") == []
