"""An instance that moves: links lead to the new address at once, and nothing is read again."""

from __future__ import annotations

from tests.sync.conftest import connect, sql

from deskmind.desk import Desk
from deskmind.sandbox.servicenow import ServiceNowSandbox

_LINKS = "SELECT external_id, uri, document_id FROM documents ORDER BY external_id"


async def test_links_follow_an_instance_that_moves(operator: Desk) -> None:
    async with ServiceNowSandbox(size="tiny") as box:
        old = box.url
        await connect(operator, box, kinds=("ticket",))
        await connect(operator, box, name="other", kinds=("article",))
        await operator.sync.run("now")
        await operator.sync.run("other")
        before = await sql(operator, _LINKS)
    moved = "https://moved.example.com/desk"
    await operator.connections.add(
        "now", "servicenow", f"{moved}/", box.credentials, kinds=("ticket",), every_seconds=0, replace=True
    )
    after = await sql(operator, _LINKS)
    assert [
        (name, uri.replace(old, moved), id_) for name, uri, id_ in before if name.startswith("ticket/")
    ] == [row for row in after if row[0].startswith("ticket/")]
    assert [row for row in before if row[0].startswith("article/")] == [
        row for row in after if row[0].startswith("article/")
    ]
    assert {row[1].startswith(moved) for row in after if row[0].startswith("ticket/")} == {True}
    records = await operator.sync.records("now", "ticket", limit=5)
    assert all(one["url"].startswith(f"{moved}/") for one in records)
