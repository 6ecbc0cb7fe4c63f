"""Lists that come page by page: every item once, also where many have the same time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
import pytest
from psycopg import AsyncConnection
from tests.api.conftest import Serve

from deskmind.agents import ToolContext, tool
from deskmind.agents.memory import Draft
from deskmind.agents.workflows import Flow, workflow
from deskmind.api import create_app
from deskmind.app import Deskmind
from deskmind.client import AsyncClient
from deskmind.desk import Desk
from deskmind.sandbox.models import ModelSandbox, Reply, ToolCall
from deskmind.sandbox.servicenow import ServiceNowSandbox

_MADE = 7
_TIES = "CASE WHEN {id}::text < '8' THEN {at} ELSE {at} + interval '1 microsecond' END"
_AT = "timestamptz '2026-03-02 09:30:00.123456+00'"


@dataclass(frozen=True)
class Served:
    """A service, a desk of it, and its clients."""

    app: Deskmind
    desk: Desk
    client: AsyncClient
    http: httpx.AsyncClient
    models: ModelSandbox


@dataclass(frozen=True)
class Listed:
    """A list: its address, its items and their ids, what continues it, the table behind it, how items are made and walked."""

    path: str
    items: str
    id: str
    table: str
    time: str
    make: Callable[[Served], Awaitable[None]]
    each: Callable[[AsyncClient, int], AsyncIterator[Any]]
    cursor: str = "before"
    asked: Mapping[str, str] = field(default_factory=dict[str, str])


@pytest.fixture
async def served(
    modelled: Deskmind, operator: Desk, serving: Serve, sandbox: ModelSandbox
) -> AsyncIterator[Served]:
    modelled.register_workflow(rest)
    tenant = operator.scope.tenant
    await operator.principals.add_user("boss", role="operator")
    key = (await operator.keys.create("boss")).secret
    desk = await modelled.desk(tenant=tenant, user="boss")
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        serving(create_app(app=modelled)) as address,
        AsyncClient(address, api_key=key) as client,
        httpx.AsyncClient(base_url=address, headers=headers) as http,
    ):
        yield Served(modelled, desk, client, http, sandbox)
    # what is queued here would be done, and counted, in tests after these
    mine = f"= '{desk.scope.tenant_id}'"
    await _administer(modelled, f"DELETE FROM procrastinate_jobs WHERE args->>'tenant_id' {mine}")
    await _administer(modelled, f"DELETE FROM privacy_erasures WHERE tenant_id {mine}")


@tool(effect="write")
async def note(context: ToolContext, text: str) -> str:
    """Write a note."""
    del context, text
    return "written"


@workflow("pages-rest")
async def rest(flow: Flow) -> int:
    """Nothing."""
    del flow
    return 0


async def _proposals(served: Served) -> None:
    agent = served.desk.agent("noter", instructions="Note.", tools=[note], model="fast")
    for _ in range(_MADE):
        served.models.script([Reply(tool_calls=(ToolCall("note", {"text": "hello"}),))])
        assert (await agent.run("Note hello.")).state == "waiting"


async def _workflow_runs(served: Served) -> None:
    for _ in range(_MADE):
        await served.desk.workflows.start("pages-rest")


async def _agent_runs(served: Served) -> None:
    agent = served.desk.agent("greeter", instructions="Greet.", model="fast")
    for _ in range(_MADE):
        await agent.start("Hi.")


async def _events(served: Served) -> None:
    tenant = served.desk.scope.tenant_id
    await _administer(
        served.app,
        "INSERT INTO audit_events (tenant_id, event_id, occurred_at, principal_id, principal, action, outcome)"
        f" SELECT '{tenant}', gen_random_uuid(), now(), '{tenant}', '', 'tied', 'done' FROM generate_series(1, {_MADE})",
    )


async def _writes(served: Served) -> None:
    async with ServiceNowSandbox(size="tiny") as box:
        tenant = served.desk.scope.tenant
        operator = await served.app.desk(tenant=tenant)
        await operator.connections.add("now", box.vendor, box.url, box.credentials, every_seconds=0)
        for number in range(_MADE):
            await operator.writes.propose("now", "create", "", {"title": f"Printer {number}"})


async def _memories(served: Served) -> None:
    for number in range(_MADE):
        await served.desk.memories.add(Draft(f"Printer {number} is on floor {number}.", "episodic"))


async def _erasures(served: Served) -> None:
    for number in range(_MADE):
        await served.desk.principals.add_user(f"leaver{number}")
        await served.desk.privacy.request_erasure(f"leaver{number}")


_LISTS = [
    Listed("/v1/approvals", "proposals", "proposal_id", "agent_proposals", "made_at", _proposals,
           lambda client, limit: client.approvals.each(limit=limit), "after"),
    Listed("/v1/runs", "runs", "run_id", "agent_runs", "started_at", _workflow_runs,
           lambda client, limit: client.runs.each(limit=limit)),
    Listed("/v1/agents/runs", "runs", "run_id", "agent_runs", "started_at", _agent_runs,
           lambda client, limit: client.agents.each_runs(limit=limit)),
    Listed("/v1/audit/events", "events", "event_id", "audit_events", "occurred_at", _events,
           lambda client, limit: client.audit.each_events(limit=limit, action="tied"), asked={"action": "tied"}),
    Listed("/v1/writes", "writes", "write_id", "writes", "made_at", _writes,
           lambda client, limit: client.writes.each(limit=limit)),
    Listed("/v1/memories", "memories", "memory_id", "memories", "made_at", _memories,
           lambda client, limit: client.memories.each(limit=limit)),
    Listed("/v1/privacy/erasures", "erasures", "erasure_id", "privacy_erasures", "requested_at", _erasures,
           lambda client, limit: client.privacy.each_erasures(limit=limit)),
]  # fmt: skip


@pytest.mark.parametrize("listed", _LISTS, ids=lambda one: one.path)
async def test_pages_give_every_item_once_whatever_their_times(served: Served, listed: Listed) -> None:
    await listed.make(served)
    tenant, ties = served.desk.scope.tenant_id, _TIES.format(id=listed.id, at=_AT)
    which = "".join(f" AND {name} = '{value}'" for name, value in listed.asked.items())
    await _administer(
        served.app, f"UPDATE {listed.table} SET {listed.time} = {ties} WHERE tenant_id = '{tenant}'{which}"
    )
    whole = (await _page(served, listed, 200))[listed.items]
    ids = [UUID(one[listed.id]) for one in whole]
    assert len(set(ids)) == len(ids) == _MADE
    for limit in (1, 2, 3, _MADE):
        assert [getattr(one, listed.id) async for one in listed.each(served.client, limit)] == ids
    for size in (2, 3):
        told, place = list[UUID](), None
        while True:
            page = await _page(served, listed, size, place)
            told += [UUID(one[listed.id]) for one in page[listed.items]]
            if (place := page["next"]) is None:
                break
            assert len(page[listed.items]) == size
        assert told == ids


@pytest.mark.parametrize("listed", _LISTS, ids=lambda one: one.path)
async def test_what_is_no_place_in_a_list_is_refused(served: Served, listed: Listed) -> None:
    for strange in ("x", "7", "1.5", "1772443800.123456_of-another"):
        refused = await served.http.get(listed.path, params={listed.cursor: strange})
        assert (refused.status_code, refused.json()["status"]) == (422, 422), strange


async def _page(served: Served, listed: Listed, limit: int, place: str | None = None) -> dict[str, Any]:
    given = {**listed.asked, "limit": limit, **({listed.cursor: place} if place else {})}
    return (await served.http.get(listed.path, params=given)).raise_for_status().json()


async def _administer(app: Deskmind, statement: str) -> None:
    address = app.database.endpoints.admin
    assert address is not None
    async with await AsyncConnection.connect(address, autocommit=True) as connection:
        await connection.execute("SET search_path = deskmind, public")
        await connection.execute(statement.encode())
