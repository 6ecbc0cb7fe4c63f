"""A system that a file describes: read whole, with nothing of it lost and nobody let in by accident."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from deskmind.connectors import Grantee, Kind
from deskmind.connectors.core import Token
from deskmind.connectors.rest import Rest, describe
from deskmind.errors import InvalidRequestError

_FILE = """
vendor: acme-desk
limit: 100000
web: https://desk.example.com/t/{id}
tickets:
  path: /api/tickets
  paging: link
  texts: html
  fields:
    key: number
    title: subject
    description: body
    status: state
    requester: requester.id
    updated_at: changed
  readers: [requester.id]
"""
_ROWS = [
    {
        "id": number,
        "number": f"T-{number}",
        "subject": f"Ticket {number}",
        "body": "It <b>burns</b>.",
        "state": "open",
        "requester": {"id": f"u{number % 3}"},
        "changed": "2026-01-02T03:04:05Z",
        "colour": "red",
    }
    for number in range(1, 26)
]


@pytest.fixture
async def acme() -> AsyncIterator[str]:
    async def tickets(request: web.Request) -> web.Response:
        start = int(request.query.get("after", "0"))
        following = f'<{request.url.origin()}/api/tickets?after={start + 10}>; rel="next"'
        more = {"Link": following} if start + 10 < len(_ROWS) else {}
        return web.json_response(_ROWS[start : start + 10], headers=more)

    app = web.Application()
    app.router.add_get("/api/tickets", tickets)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_a_described_system_is_read_whole(acme: str, tmp_path: Path) -> None:
    file = tmp_path / "acme.yaml"
    file.write_text(_FILE)
    async with Rest(acme, Token("t"), describe(file)) as source:
        tickets = [one async for page in source.pages(Kind.TICKET) for one in page.records]
    assert [one.id for one in tickets] == [str(row["id"]) for row in _ROWS]
    first = tickets[0]
    assert (first.key, first.title, first.description) == ("T-1", "Ticket 1", "It **burns**.")
    assert first.url == "https://desk.example.com/t/1"
    assert first.access.permits({Grantee("user", "u1")})
    assert not first.access.permits({Grantee("user", "u2")})
    assert first.raw == _ROWS[0]
    assert "colour" in first.unmapped


async def test_without_readers_nobody_sees_it(acme: str, tmp_path: Path) -> None:
    file = tmp_path / "acme.yaml"
    file.write_text(_FILE.replace("  readers: [requester.id]\n", ""))
    async with Rest(acme, Token("t"), describe(file)) as source:
        ticket = await anext(source.tickets())
    assert not ticket.access.permits({Grantee("user", "u1")})


def test_a_description_with_a_mistake_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "acme.yaml"
    file.write_text(_FILE.replace("paging: link", "paging: sideways"))
    with pytest.raises(InvalidRequestError):
        describe(file)
