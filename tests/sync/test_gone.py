"""What is gone at the vendor goes here, and nothing else does."""

from __future__ import annotations

import json
from collections.abc import Iterator, Set
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest

from deskmind.connectors.model import Kind
from deskmind.desk import Desk
from deskmind.sandbox.jira import JiraSandbox
from deskmind.sandbox.servicenow import ServiceNowSandbox
from deskmind.sandbox.web import Call, Reply

from .conftest import connect, here, sql

_COPIES = """
INSERT INTO synced_records (tenant_id, connection_id, kind, pass, external_id, record_key, url, version, digest, record, raw)
SELECT r.tenant_id, r.connection_id, r.kind, 0, n.id, n.id, r.url, r.version, r.digest,
       r.record || jsonb_build_object('id', n.id), r.raw
  FROM (SELECT * FROM synced_records WHERE kind = 'group' LIMIT 1) r, unnest(%s::text[]) n(id)
"""
_UNREADABLE = """
INSERT INTO sync_problems (tenant_id, connection_id, kind, external_id, why, found_at)
SELECT tenant_id, connection_id, kind, external_id, 'KeyError', now() + interval '1 day' FROM synced_records
 WHERE external_id LIKE '0-unreadable-%'
"""


async def test_records_that_cannot_be_read_do_not_keep_those_that_are_gone(
    operator: Desk, jira_box: JiraSandbox
) -> None:
    await connect(operator, jira_box, kinds=("group",))
    await operator.sync.run("now")
    known = set(await here(operator, Kind.GROUP))
    unreadable = {f"0-unreadable-{number:04}" for number in range(1100)}
    await _execute(operator, _COPIES, ([*sorted(unreadable), "9-gone"],))
    await _execute(operator, _UNREADABLE, ())
    await operator.sync.run("now")
    left = {name for (name,) in await sql(operator, "SELECT external_id FROM synced_records")}
    assert left == known | unreadable


async def _execute(desk: Desk, statement: str, values: tuple[object, ...]) -> None:
    async with desk.database.transaction(desk.scope) as connection:
        await connection.execute(statement.encode(), values or None)


@contextmanager
def hiding(box: ServiceNowSandbox, hidden: Set[str], *, counted: bool = True) -> Iterator[None]:
    """The account may not see these rows of incidents: they are in no list, though counted, and cannot be asked for."""
    answer = box.answer

    async def short(call: Call) -> Reply:
        reply = await answer(call)
        if not call.path.endswith("/table/incident") or reply.status != 200:
            return reply
        assert isinstance(reply.body, bytes)
        rows = json.loads(reply.body)["result"]
        seen = [row for row in rows if _id(row) not in hidden]
        left = {name: one for name, one in reply.headers.items() if counted or name != "X-Total-Count"}
        left.pop("Content-Length", None)
        return Reply.json(reply.status, {"result": seen}, left)

    with patch.object(box, "answer", short):
        yield


def _id(row: dict[str, Any]) -> str:
    found = row.get("sys_id", "")
    return found["value"] if isinstance(found, dict) else found


def incidents(box: ServiceNowSandbox) -> list[str]:
    store = box.instance.store
    return sorted(store.read("incident", row, "sys_id") for row in store.rows("incident"))


@pytest.mark.parametrize("part", [1.0, 0.5])
async def test_an_account_that_sees_no_more_removes_nothing(
    operator: Desk, servicenow_box: ServiceNowSandbox, part: float
) -> None:
    await connect(operator, servicenow_box, kinds=("ticket",))
    await operator.sync.run("now")
    known = await here(operator, Kind.TICKET)
    all_ = incidents(servicenow_box)
    with hiding(servicenow_box, set(all_[: int(len(all_) * part)])):
        status = await operator.sync.run("now", sweep=True)
    assert "ticket: source-permission" in status.error
    assert "rows of 'incident' may be seen" in status.error
    assert await here(operator, Kind.TICKET) == known
    status = await operator.sync.run("now")
    assert (status.error, await here(operator, Kind.TICKET)) == ("", known), "the sweep is done again"


async def test_a_list_that_lacks_many_is_not_believed_where_the_vendor_does_not_count(
    operator: Desk, servicenow_box: ServiceNowSandbox
) -> None:
    await connect(operator, servicenow_box, kinds=("ticket",))
    await operator.sync.run("now")
    known = await here(operator, Kind.TICKET)
    hidden = set(incidents(servicenow_box)[:21])
    assert len(hidden) == 21
    with hiding(servicenow_box, hidden, counted=False):
        status = await operator.sync.run("now", sweep=True)
        assert "21 of" in status.error
        assert "are not listed any more, and were kept" in status.error
        assert await here(operator, Kind.TICKET) == known
        await operator.sync.run("now", full=True)
        assert set(await here(operator, Kind.TICKET)) == set(known) - hidden, "somebody wished it"


async def test_a_table_that_is_not_found_removes_nothing(
    operator: Desk, servicenow_box: ServiceNowSandbox
) -> None:
    await connect(operator, servicenow_box, kinds=("ticket",))
    await operator.sync.run("now")
    known = await here(operator, Kind.TICKET)
    answer = servicenow_box.answer

    async def lost(call: Call) -> Reply:
        if call.path.endswith("/table/sc_req_item"):
            return Reply.json(404, {"error": {"message": "No Record found"}, "status": "failure"})
        return await answer(call)

    with patch.object(servicenow_box, "answer", lost):
        status = await operator.sync.run("now", sweep=True)
    assert "ticket: not-found" in status.error
    assert await here(operator, Kind.TICKET) == known


async def test_what_a_sweep_removed_wrongly_comes_back_with_the_next(
    operator: Desk, servicenow_box: ServiceNowSandbox
) -> None:
    await connect(operator, servicenow_box, kinds=("ticket",))
    await operator.sync.run("now")
    known = await here(operator, Kind.TICKET)
    hidden = set(incidents(servicenow_box)[:2])
    with hiding(servicenow_box, hidden):
        await operator.sync.run("now", sweep=True)
        assert set(await here(operator, Kind.TICKET)) == set(known) - hidden
    status = await operator.sync.run("now")
    assert set(await here(operator, Kind.TICKET)) == set(known) - hidden, "nobody has changed them"
    status = await operator.sync.run("now", sweep=True)
    assert await here(operator, Kind.TICKET) == known
    assert status.complete, status.as_dict()
