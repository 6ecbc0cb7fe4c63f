"""People who were erased before a system is connected never arrive: by no run, first, full or incremental, and by no webhook."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import httpx
import pytest

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.sandbox.web import SandboxServer

from .conftest import connect, sql

TRACES = """
SELECT (SELECT count(*) FROM synced_records WHERE record::text ILIKE %s OR raw::text ILIKE %s)
     + (SELECT count(*) FROM documents WHERE body ILIKE %s OR title ILIKE %s)
     + (SELECT count(*) FROM directory_entries WHERE value ILIKE %s)
"""
WRITES: dict[str, tuple[str, str, Any]] = {
    "servicenow": ("PATCH", "/api/now/table/incident/{}", lambda text: {"description": text}),
    "jira": ("PUT", "/rest/api/2/issue/{}", lambda text: {"fields": {"description": text}}),
    "freshservice": ("PUT", "/api/v2/tickets/{}", lambda text: {"description": text}),
}


@pytest.fixture(params=WRITES)
def box(request: pytest.FixtureRequest) -> SandboxServer:
    return request.getfixturevalue(f"{request.param}_box")


async def test_who_is_suppressed_never_arrives(app: Deskmind, operator: Desk, box: SandboxServer) -> None:
    person = next(
        one
        for ticket in box.company.tickets
        if (one := box.company.person(ticket.requester)).active and " " in one.name
    )
    await operator.privacy.erase(person.name, also=[person.email])
    await connect(operator, box, kinds=("person", "ticket"))

    async def arrived() -> tuple[int, int]:
        """Rows that mention the person, and rows in all."""
        found = await sql(operator, TRACES, (f"%{person.name}%",) * 5)
        rows = await sql(operator, "SELECT count(*) FROM synced_records")
        by_address = await sql(operator, TRACES, (f"%{person.email}%",) * 5)
        return found[0][0] + by_address[0][0], rows[0][0]

    await operator.sync.run("now")
    mentions, rows = await arrived()
    assert mentions == 0
    assert rows > 80
    await operator.sync.run("now", full=True)
    assert await arrived() == (0, rows)
    ticket = (await operator.sync.records("now", "ticket", limit=1))[0]["id"]
    await write(box, ticket, f"{person.name} called, write to {person.email}.")
    await operator.sync.run("now")
    assert await arrived() == (0, rows)
    await write(box, ticket, f"Again: {person.name} at {person.email}!")
    assert await call(app, operator, box, ticket) == 1
    await app.jobs.drain()
    assert await arrived() == (0, rows)
    (text,) = (
        await sql(
            operator,
            "SELECT record->>'description' FROM synced_records WHERE external_id = %s AND kind = 'ticket'",
            (ticket,),
        )
    )[0]
    assert text.startswith("Again: "), "the call was heeded"


async def write(box: SandboxServer, ticket: str, text: str) -> None:
    method, path, body = WRITES[box.vendor]
    given = tuple(box.credentials.values())
    async with httpx.AsyncClient(base_url=box.url, auth=(given[0], given[1])) as client:
        answer = await client.request(method, path.format(ticket), json=body(text))
        assert answer.status_code < 300, answer.text


async def call(app: Deskmind, desk: Desk, box: SandboxServer, ticket: str) -> int:
    """The vendor's call about a ticket, signed."""
    said: dict[str, Any] = {"kind": "ticket", "id": ticket}
    if box.vendor == "jira":
        said = {"webhookEvent": "jira:issue_updated", "issue": {"id": ticket}}
    body = json.dumps(said).encode()
    secret = await desk.connections.webhook_secret("now")
    signature = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    connection = await desk.connections.get("now")
    return await app.receive_webhook(connection.connection_id, {"X-Hub-Signature": signature}, body)
