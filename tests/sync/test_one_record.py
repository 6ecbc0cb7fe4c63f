"""A record that the vendor itself fails with, or refuses: it is named, and all others are read."""

from __future__ import annotations

import re
from unittest.mock import patch

import pytest

from deskmind.connectors.model import Kind
from deskmind.desk import Desk
from deskmind.sandbox.freshservice import FreshserviceSandbox
from deskmind.sandbox.servicenow import ServiceNowSandbox
from deskmind.sandbox.web import Call, Reply

from .conftest import connect, here, there


@pytest.mark.usefixtures("quick")
async def test_a_row_that_servicenow_answers_with_500_costs_nothing_else(
    operator: Desk, servicenow_box: ServiceNowSandbox
) -> None:
    box = servicenow_box
    everything = await there(box, Kind.TICKET)
    broken = sorted(one for one in everything if box.instance.store.find("incident", one))[7]
    await connect(operator, box, kinds=("ticket",))
    answer = box.answer

    async def failing(call: Call) -> Reply:
        reply = await answer(call)
        touched = isinstance(reply.body, bytes) and f'"{broken}"'.encode() in reply.body
        if touched and "/table/incident" in call.path and call.query.get("sysparm_fields") != "sys_id":
            return box.failed(call, 500)
        return reply

    with patch.object(box, "answer", failing):
        for _ in range(2):  # the second asks for that record alone
            status = await operator.sync.run("now")
            assert (status.error, status.complete) == ("", False)
            assert [(one.kind, one.id) for one in status.problems] == [("ticket", broken)]
            assert set(await here(operator, Kind.TICKET)) == set(everything) - {broken}
    assert (await operator.sync.run("now")).complete
    assert await here(operator, Kind.TICKET) == everything


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("status_of_it", [403, 500])
async def test_a_ticket_that_freshservice_does_not_give_costs_nothing_else(
    operator: Desk, freshservice_box: FreshserviceSandbox, status_of_it: int
) -> None:
    box = freshservice_box
    everything = await there(box, Kind.TICKET)
    first, last = min(everything, key=int), max(everything, key=int)
    await connect(operator, box, kinds=("ticket",))
    answer = box.answer

    async def failing(call: Call) -> Reply:
        if re.search(rf"/tickets/({first}|{last})(/|$)", call.path):
            return Reply.json(status_of_it, {"code": "access_denied", "message": "no"})
        return await answer(call)

    with patch.object(box, "answer", failing):
        for _ in range(2):
            status = await operator.sync.run("now")
            assert (status.error, status.complete) == ("", False)
            assert {(one.kind, one.id) for one in status.problems} == {("ticket", first), ("ticket", last)}
            assert set(await here(operator, Kind.TICKET)) == set(everything) - {first, last}
    assert (await operator.sync.run("now")).complete
    assert await here(operator, Kind.TICKET) == everything


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("status_of_them", "code"), [(403, "source-permission"), (500, "source-unavailable")]
)
async def test_where_no_ticket_is_given_that_is_the_error(
    operator: Desk, freshservice_box: FreshserviceSandbox, status_of_them: int, code: str
) -> None:
    await connect(operator, freshservice_box, kinds=("ticket",))
    answer = freshservice_box.answer

    async def failing(call: Call) -> Reply:
        if re.search(r"/tickets/\d+", call.path):
            return Reply.json(status_of_them, {"code": "access_denied", "message": "no"})
        return await answer(call)

    with patch.object(freshservice_box, "answer", failing):
        status = await operator.sync.run("now")
    assert f"ticket: {code}" in status.error
    assert status.problems == ()
    assert len(freshservice_box.log) < 60, "it is not hammered"
    assert (await operator.sync.run("now")).complete


async def test_an_email_that_nests_without_end_does_not_end_the_run(
    operator: Desk, freshservice_box: FreshserviceSandbox
) -> None:
    box = freshservice_box
    number, row = next(iter(box.account.tables["tickets"].items()))
    row["description"] = f"{'<blockquote>' * 500}The printer burns.{'</blockquote>' * 500}"
    row["updated_at"] = box.account.now()
    box.account.version += 1
    await connect(operator, box, kinds=("ticket", "person", "group", "membership"))
    status = await operator.sync.run("now")
    assert (status.error, status.complete) == ("", True), status.as_dict()
    records = await operator.sync.records("now", "ticket", limit=1000)
    (found,) = [one for one in records if one["id"] == str(number)]
    assert found["description"].endswith("The printer burns.")
