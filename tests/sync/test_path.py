"""From connecting a system to an answer that cites its ticket."""

from __future__ import annotations

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.sandbox.servicenow import ServiceNowSandbox
from tests.sync.conftest import connect


async def test_a_synced_ticket_is_cited_to_those_who_may_see_it(
    app: Deskmind, operator: Desk, servicenow_box: ServiceNowSandbox
) -> None:
    await connect(operator, servicenow_box)
    status = await operator.sync.run("now")
    assert status.complete, status.as_dict()
    print(status.as_dict())
