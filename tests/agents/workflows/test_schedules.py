"""Workflows that begin by themselves: at times, and when something happens in a connected system; each event once."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.agents.workflows.conftest import Register
from tests.agents.workflows.test_ready import Box, opened
from tests.sync.conftest import sql

from deskmind.agents.workflows import Flow, Workflow, workflow
from deskmind.agents.workflows.cron import next_time
from deskmind.app import Deskmind
from deskmind.connectors import Act
from deskmind.desk import Desk
from deskmind.errors import ConflictError, InvalidRequestError, NotFoundError, PermissionDeniedError

Finish = Callable[[], Awaitable[None]]


@pytest.fixture
async def now(admin: Desk) -> AsyncIterator[Box]:
    """A ServiceNow instance that the tenant is connected to."""
    async with opened(admin, "servicenow") as found:
        yield found


@pytest.fixture
def met(register: Register) -> list[str]:
    """The tickets that a workflow was begun for."""
    seen: list[str] = []

    async def see(ticket: str) -> str:
        seen.append(ticket)
        return ticket

    @workflow("meet")
    async def meet(flow: Flow, connection: str, ticket: str, word: str = "") -> str:
        """Meet a ticket."""
        return f"{connection} {await flow.step('see', see, ticket)} {word}"

    register(meet)
    return seen


@pytest.fixture
def ticking(register: Register) -> Workflow:
    """A workflow without a ticket."""

    @workflow("tick")
    async def tick(flow: Flow, word: str = "tick") -> str:
        """Tick."""
        del flow
        return word

    return register(tick)


async def _due(desk: Desk, name: str) -> None:
    """Let a schedule's time come."""
    await sql(
        desk,
        "UPDATE workflow_schedules SET next_at = now() - interval '3 hours' WHERE tenant_id = %s AND name = %s RETURNING 1",
        (desk.scope.tenant_id, name),
    )


async def test_times_begin_one_run_however_many_were_missed(
    admin: Desk, modelled: Deskmind, ticking: Workflow, finish: Finish
) -> None:
    far = (datetime.now(UTC).hour + 12) % 24  # else its time may come in the middle of this
    made = await admin.schedules.add("daily", "tick", {"word": "tock"}, cron=f"0 {far} * * *")
    assert made.next_at is not None
    assert timedelta(hours=10) < made.next_at - datetime.now(UTC) <= timedelta(hours=12)
    await modelled.background.begin_workflows()
    assert await admin.workflows.runs() == []  # its time has not come
    await _due(admin, "daily")
    await modelled.background.begin_workflows()
    await modelled.background.begin_workflows()
    await finish()
    (run,) = await admin.workflows.runs()
    assert (run.workflow, run.state, run.output) == ("tick", "done", "tock")
    (found,) = await admin.schedules.all()
    assert found.next_at is not None
    assert found.next_at > datetime.now(UTC)


async def test_a_new_ticket_begins_a_run_once_and_an_update_another(
    now: Box, admin: Desk, modelled: Deskmind, met: list[str], finish: Finish
) -> None:
    await admin.sync.run("now")
    await admin.schedules.add("new", "meet", {"word": "new"}, on="ticket.created", connection="now")
    await admin.schedules.add("changed", "meet", on="ticket.updated", connection="now")
    await modelled.background.begin_workflows()
    await finish()
    assert met == []  # what was there before is not new

    ticket = await now.create("VPN drops", "It drops.")
    await admin.sync.run("now")
    await modelled.background.begin_workflows()
    await modelled.background.begin_workflows()
    await finish()
    assert met == [ticket.id]
    (run,) = await admin.workflows.runs()
    assert (run.output, run.input["connection"]) == (f"now {ticket.id} new", "now")

    now.server.clock.advance(2)
    await now.source.apply(await now.source.propose(Act.COMMENT, ticket.id, text="more", internal=True))
    await admin.sync.run("now")
    await modelled.background.begin_workflows()
    await modelled.background.begin_workflows()
    await finish()
    assert met == [ticket.id, ticket.id]


async def test_a_promise_at_risk_begins_a_run_once(
    now: Box, admin: Desk, modelled: Deskmind, met: list[str], finish: Finish
) -> None:
    soon, late = await now.create("Soon", "Due soon."), await now.create("Late", "Due late.")
    await admin.sync.run("now")
    for one, minutes in ((soon, 30), (late, 300)):
        level = {
            "name": "P2",
            "due_at": f"{datetime.now(UTC) + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}",
        }
        await sql(
            admin,
            "UPDATE synced_records SET record = record || %s::jsonb WHERE tenant_id = %s AND external_id = %s RETURNING 1",
            (
                json.dumps({"service_levels": [{**level, "breached": False}]}),
                admin.scope.tenant_id,
                one.id,
            ),
        )
    await admin.schedules.add("risk", "meet", on="sla.at_risk", connection="now", minutes=60)
    await modelled.background.begin_workflows()
    await modelled.background.begin_workflows()
    await finish()
    assert met == [soon.id]


async def test_a_call_of_the_system_begins_a_run_when_its_record_was_read(
    now: Box, admin: Desk, modelled: Deskmind, met: list[str], finish: Finish
) -> None:
    ticket = await now.create("VPN drops", "It drops.")
    await admin.schedules.add("called", "meet", on="webhook", connection="now")
    secret = await admin.connections.webhook_secret("now")
    body = json.dumps({"kind": "ticket", "id": ticket.id, "deleted": False}).encode()
    signed = {"X-Deskmind-Signature": f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"}
    connection_id = (await admin.connections.get("now")).connection_id
    for _ in range(2):  # the same state of the record is one event, however often it is told
        await modelled.receive_webhook(connection_id, signed, body)
        await finish()
    assert met == [ticket.id]


async def test_runs_are_under_the_rights_that_who_made_the_schedule_has_then(
    admin: Desk, person: Callable[..., Awaitable[Desk]], modelled: Deskmind, ticking: Workflow, finish: Finish
) -> None:
    boss = await person("boss", "admin")
    await boss.schedules.add("hers", "tick", cron="* * * * *")
    await _due(admin, "hers")
    await modelled.background.begin_workflows()
    await finish()
    (run,) = await boss.workflows.runs()
    assert run.user == boss.scope.principal_id
    await admin.access.revoke("admin", user="boss")
    modelled.authority.forget(admin.scope.tenant_id)
    await _due(admin, "hers")
    await modelled.background.begin_workflows()
    (found,) = await admin.schedules.all()
    assert (found.problem, len(await admin.workflows.runs())) == ("permission-denied", 1)


async def test_a_disabled_schedule_begins_nothing_and_a_removed_one_is_gone(
    admin: Desk, modelled: Deskmind, ticking: Workflow
) -> None:
    await admin.schedules.add("off", "tick", cron="* * * * *")
    await _due(admin, "off")
    await admin.schedules.enable("off", enabled=False)
    await _due(admin, "off")
    await modelled.background.begin_workflows()
    assert await admin.workflows.runs() == []
    await admin.schedules.remove("off")
    with pytest.raises(NotFoundError):
        await admin.schedules.remove("off")


@pytest.mark.parametrize(
    "wrong",
    [
        {"cron": "nonsense"},
        {"cron": "* * * * * *"},
        {"cron": "0 8 * * *", "zone": "Mars/Olympus"},
        {},
        {"on": "ticket.created"},
        {"cron": "* * * * *", "on": "ticket.created", "connection": "now"},
        {"cron": "* * * * *", "minutes": 0},
    ],
)
async def test_what_cannot_be_a_schedule_is_refused(
    admin: Desk, ticking: Workflow, wrong: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequestError):
        await admin.schedules.add("wrong", "tick", **wrong)


async def test_names_inputs_and_rights_of_schedules(admin: Desk, ann: Desk, ticking: Workflow) -> None:
    await admin.schedules.add("twice", "tick", cron="0 8 * * 1-5", zone="Europe/Berlin")
    with pytest.raises(ConflictError, match="already"):
        await admin.schedules.add("twice", "tick", cron="0 8 * * *")
    with pytest.raises(InvalidRequestError, match="does not fit"):
        await admin.schedules.add("other", "tick", {"strange": 1}, cron="0 8 * * *")
    with pytest.raises(InvalidRequestError, match="cannot name"):
        await admin.schedules.add("No name", "tick", cron="0 8 * * *")
    with pytest.raises(PermissionDeniedError):
        await ann.schedules.all()


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)))
def test_the_next_time_is_later_and_on_the_clock_of_its_place(after: datetime) -> None:
    found = next_time("30 8 * * 1-5", "Europe/Berlin", after)
    local = found.astimezone(ZoneInfo("Europe/Berlin"))
    assert timedelta() < found - after < timedelta(days=4)
    assert (local.hour, local.minute, local.weekday() < 5) == (8, 30, True)
