"""How many deliveries are claimed does not depend on the plan that the database makes."""

from __future__ import annotations

import psycopg
from tests.webhooks.conftest import Hook

from deskmind.app import Deskmind
from deskmind.webhooks.turns import claim


async def test_no_more_is_claimed_than_is_wanted_where_the_tables_were_counted_while_they_were_empty(
    app: Deskmind, hook: Hook
) -> None:
    """The planner then reads the deliveries first and makes the choice for each of them."""
    endpoints = app.database.endpoints
    assert endpoints.admin is not None
    async with await psycopg.AsyncConnection.connect(endpoints.admin, autocommit=True) as admin:
        for table in ("webhook_deliveries", "webhook_events"):
            await admin.execute(f"VACUUM ANALYZE {endpoints.schema}.{table}".encode())
    await hook.tell(9)
    scope = hook.desk.scope
    async with hook.desk.database.transaction(scope) as connection:
        claimed = await claim(connection, scope, hook.id, most=1, lease=60)
    assert len(claimed) == 1
    assert [attempts for _, attempts, _ in await hook.states()] == [1, *[0] * 8]
