"""Reading the sandboxes: all of it, on from anywhere, what changed, and what the vendor would show to whom."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from deskmind.connectors import Grantee, Kind, Ticket
from deskmind.connectors.core import Basic
from deskmind.connectors.freshservice import Freshservice
from deskmind.connectors.jira import Jira
from deskmind.connectors.servicenow import ServiceNow
from deskmind.errors import SourceAuthenticationError
from deskmind.sandbox.servicenow import ServiceNowSandbox
from deskmind.sandbox.web import SandboxServer

from .conftest import connect

Source = ServiceNow | Jira | Freshservice


@pytest.fixture(params=["servicenow", "jira", "freshservice"])
def box(request: pytest.FixtureRequest) -> SandboxServer:
    return request.getfixturevalue(f"{request.param}_box")


async def test_a_pass_can_be_taken_up_from_every_page(box: SandboxServer) -> None:
    async with connect(box, details=False) as source:
        whole = [record.id async for page in source.pages(Kind.TICKET) for record in page.records]
        assert len(set(whole)) > 400
        read: set[str] = set()
        cursor: str | None = None
        done = False
        while not done:  # each page by a new call, as after a crash
            async for page in source.pages(Kind.TICKET, cursor, page_size=60):
                read |= {record.id for record in page.records}
                cursor, done = page.cursor, page.last
                break
        assert read == set(whole)


async def test_a_later_pass_reads_what_changed_and_little_else(box: SandboxServer) -> None:
    async with connect(box, details=False) as source:
        cursor = None
        async for page in source.pages(Kind.TICKET):
            cursor = page.cursor
        box.clock.advance(3600)
        changed = set(box.churn(7))
        again = [record async for page in source.pages(Kind.TICKET, cursor) for record in page.records]
        found = {record.id for record in again} | {
            record.key for record in again if isinstance(record, Ticket)
        }
        assert changed <= found
        assert len(again) < 200


async def test_all_ids_are_listed_for_a_sweep(box: SandboxServer) -> None:
    async with connect(box, details=False) as source:
        tickets = {record.id async for record in source.tickets() if not record.deleted}
        swept = {one async for some in source.ids(Kind.TICKET) for one in some}
        assert swept == tickets


async def test_tickets_since_a_time_are_those_that_changed(servicenow: ServiceNow) -> None:
    everything = [ticket async for ticket in servicenow.tickets()]
    middle = sorted(one.updated_at for one in everything if one.updated_at)[len(everything) // 2]
    late = {ticket.id async for ticket in servicenow.tickets(since=middle)}
    assert {one.id for one in everything if one.updated_at and one.updated_at > middle} <= late
    assert len(late) < len(everything)


async def test_comments_keep_their_audience_and_order(box: SandboxServer) -> None:
    async with connect(box) as source:
        seen: set[bool] = set()
        checked = 0
        async for ticket in source.tickets():
            times = [one.created_at for one in ticket.comments if one.created_at]
            assert times == sorted(times)
            seen |= {one.internal for one in ticket.comments}
            checked += 1
            if checked > 60 and seen == {True, False}:
                break
        assert seen == {True, False}


async def test_wrong_credentials_are_a_clear_error_and_are_not_tried_again(
    servicenow_box: ServiceNowSandbox,
) -> None:
    async with ServiceNow(servicenow_box.url, Basic("nobody", "wrong")) as source:
        with pytest.raises(SourceAuthenticationError, match="refuses the credentials"):
            await anext(source.tickets())
        assert source.client.log.sent == 1
        assert not (await source.health()).ok


async def test_the_check_names_a_right_that_is_missing(servicenow_box: ServiceNowSandbox) -> None:
    plain = next(
        person
        for person in servicenow_box.company.people
        if person.role not in {"admin", "agent", "technician"}
    )
    assert plain
    async with connect(servicenow_box) as source:
        assert [one.name for one in await source.check() if one.granted is False] == []


async def test_a_person_in_no_set_of_an_articles_list_does_not_read_it(servicenow: ServiceNow) -> None:
    sets: dict[str, set[Grantee]] = {}
    async for page in servicenow.pages(Kind.MEMBERSHIP):
        for one in page.records:
            sets.setdefault(one.person, {Grantee("user", one.person)}).add(one.grantee)  # type: ignore[union-attr]
    articles = [one async for one in servicenow.articles()]
    readers = {one.key: {who for who, held in sets.items() if one.access.permits(held)} for one in articles}
    assert any(not who for who in readers.values()) or len(set(map(len, readers.values()))) > 1


def test_a_time_without_a_zone_is_refused() -> None:
    source = ServiceNow("https://example.service-now.com", Basic("a", "b"))
    with pytest.raises(Exception, match="no zone"):
        source.since(datetime(2026, 1, 1))
    assert source.since(None) is None
    assert source.since(datetime.now(UTC) - timedelta(days=1))
