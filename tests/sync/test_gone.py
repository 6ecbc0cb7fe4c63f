"""What is gone at the vendor goes here, and nothing else does."""

from __future__ import annotations

from deskmind.connectors.model import Kind
from deskmind.desk import Desk
from deskmind.sandbox.jira import JiraSandbox

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
