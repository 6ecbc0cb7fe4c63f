"""What a run of a synchronisation says of memberships counts when it has ended, in its process at once."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.sync.conftest import connect, sql
from tests.sync.test_path import patch

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import PermissionDeniedError
from deskmind.governance.access.authority import AccessAuthority
from deskmind.sandbox.servicenow import ServiceNowSandbox

_KINDS = ("ticket", "person", "group", "membership")


@pytest.fixture
async def believing(app: Deskmind) -> AsyncIterator[None]:
    """The application believes for good what it remembers of grants, unless it is told to forget it."""
    before = app.authority
    app.database.authority = app.authority = AccessAuthority(app.database, clock=lambda: 0.0)
    yield
    await app.authority.close()
    app.database.authority = app.authority = before


async def _tickets(desk: Desk) -> int:
    return len([one for one in await desk.knowledge.documents(limit=200) if one.title.startswith("INC")])


async def _requester(operator: Desk) -> tuple[str, str]:
    """Id and login of somebody who has opened a ticket."""
    tickets = await operator.sync.records("now", "ticket", limit=1000)
    wanted = {one["requester"]["id"] for one in tickets if one["requester"] and one["key"].startswith("INC")}
    people = await operator.sync.records("now", "person", limit=1000)
    return next((one["id"], one["login"]) for one in people if one["id"] in wanted and one["active"])


@pytest.mark.usefixtures("believing")
async def test_memberships_count_from_the_end_of_the_run_that_changed_them(
    app: Deskmind, operator: Desk, servicenow_box: ServiceNowSandbox
) -> None:
    tenant = operator.scope.tenant
    await connect(operator, servicenow_box, kinds=_KINDS)
    await operator.sync.run("now")
    identity, login = await _requester(operator)
    await operator.principals.add_user(login)
    before = await app.desk(tenant=tenant, user=login)
    assert await _tickets(before) == 0
    await operator.sync.run("now")
    member = await app.desk(tenant=tenant, user=login)
    assert await _tickets(member)
    assert await _tickets(before) == 0
    await patch(servicenow_box, f"sys_user/{identity}", {"active": "false"})
    await operator.sync.run("now")
    with pytest.raises(PermissionDeniedError) as refused:
        await _tickets(member)
    assert refused.value.remedy == "Open the desk again."
    assert await _tickets(await app.desk(tenant=tenant, user=login)) == 0


@pytest.mark.usefixtures("believing")
async def test_memberships_end_with_their_connection(
    app: Deskmind, operator: Desk, servicenow_box: ServiceNowSandbox
) -> None:
    await connect(operator, servicenow_box, kinds=_KINDS)
    await operator.sync.run("now")
    _, login = await _requester(operator)
    await operator.principals.add_user(login)
    await operator.sync.run("now")
    key = (await operator.keys.create(login)).secret
    member = await app.authenticate(key)
    assert await _tickets(member)
    await operator.connections.remove("now")
    assert await sql(operator, "SELECT FROM memberships") == []
    with pytest.raises(PermissionDeniedError):
        await _tickets(member)
    assert await _tickets(await app.authenticate(key)) == 0
