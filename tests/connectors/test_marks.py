"""From when the next pass reads, where a list does not come in the order of its changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest
from aiohttp import web

from deskmind.connectors import Kind, Ticket
from deskmind.connectors.core import Token
from deskmind.connectors.core.cursor import Cursor
from deskmind.connectors.rest import Rest, describe
from deskmind.sandbox.freshservice import FreshserviceSandbox

from .conftest import connect


@pytest.fixture
async def box() -> AsyncIterator[FreshserviceSandbox]:
    async with FreshserviceSandbox(size="tiny", requests_per_minute=1_000_000) as box:
        yield box


def change(box: FreshserviceSandbox, ticket: str, **values: object) -> None:
    """Somebody changes a ticket now."""
    box.account.tables["tickets"][int(ticket)] |= {**values, "updated_at": box.account.now()}
    box.account.version += 1


async def meanwhile(box: FreshserviceSandbox, cursor: str | None, *, resumed: bool) -> tuple[str, str, str]:
    """A pass during which a ticket that was read is changed, and ten minutes later one that was not yet."""
    first, last = min(box.account.tables["tickets"]), max(box.account.tables["tickets"])
    async with connect(box, details=False) as source:
        met = 0
        async for page in source.pages(Kind.TICKET, cursor, page_size=20):
            cursor = page.cursor
            met += 1
            if met == 1:
                assert str(first) in {one.id for one in page.records}
                box.clock.advance(1200)
                change(box, str(first), subject="changed behind the pass")
                box.clock.advance(1200)
                change(box, str(last), subject="changed before the pass")
                if resumed:
                    break
    if resumed:
        async with connect(box, details=False) as source:
            async for page in source.pages(Kind.TICKET, cursor, page_size=20):
                cursor = page.cursor
    assert cursor is not None
    return cursor, str(first), str(last)


@pytest.mark.parametrize("resumed", [False, True])
async def test_a_ticket_that_changes_behind_a_pass_is_read_by_the_next(
    box: FreshserviceSandbox, resumed: bool
) -> None:
    cursor, first, last = await meanwhile(box, None, resumed=resumed)
    box.clock.advance(900)
    async with connect(box, details=False) as source:
        again = {
            one.id: one
            async for page in source.pages(Kind.TICKET, cursor)
            for one in page.records
            if isinstance(one, Ticket)
        }
    assert again[first].title == "changed behind the pass"
    assert last in again
    assert len(again) < 10, "what has not changed since is not read again"


async def test_a_pass_that_an_earlier_release_began_is_read_from_its_beginning(
    box: FreshserviceSandbox,
) -> None:
    late = "2999-01-01T00:00:00.000000+00:00"
    under_way = str(
        Cursor({}, "tickets", [20, [str(one) for one in box.account.tables["tickets"]][:20]], late)
    )
    async with connect(box, details=False) as source:
        pages = [page async for page in source.pages(Kind.TICKET, under_way)]
    assert {one.id for page in pages for one in page.records} >= set(map(str, box.account.tables["tickets"]))
    assert Cursor.parse(pages[-1].cursor).marks["tickets"] < late


async def test_a_described_list_in_any_order_is_read_from_when_its_last_pass_began(tmp_path: Path) -> None:
    begun = datetime(2026, 1, 1, 10, tzinfo=UTC)
    rows = [{"id": 1, "changed": "2026-01-01T10:30:00Z"}]
    asked: list[str | None] = []

    async def tickets(request: web.Request) -> web.Response:
        asked.append(request.query.get("since"))
        return web.json_response(rows, headers={"Date": format_datetime(begun, usegmt=True)})

    app = web.Application()
    app.router.add_get("/api/tickets", tickets)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    file = tmp_path / "acme.yaml"
    file.write_text(
        "vendor: acme\nlimit: 100000\ntickets:\n  path: /api/tickets\n  since: since\n  fields: {updated_at: changed}\n"
    )
    async with Rest(f"http://127.0.0.1:{runner.addresses[0][1]}", Token("t"), describe(file)) as source:
        cursor = None
        for _ in range(2):
            async for page in source.pages(Kind.TICKET, cursor):
                cursor = page.cursor
    await runner.cleanup()
    assert asked == [None, "2026-01-01T09:58:00Z"]
