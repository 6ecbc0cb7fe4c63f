"""A tenant connected to each of the three sandboxes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from deskmind.connectors import Comment, Kind, Ticket
from deskmind.connectors.opening import open_connector
from deskmind.desk import Desk
from deskmind.sandbox.freshservice import FreshserviceSandbox
from deskmind.sandbox.jira import JiraSandbox
from deskmind.sandbox.servicenow import ServiceNowSandbox
from deskmind.sandbox.web import SandboxServer

NEW: dict[str, dict[str, Any]] = {
    "servicenow": {"urgency": "2", "impact": "2"},
    "jira": {"project": "ITSM", "type": "[System] Incident"},
    "freshservice": {"email": "someone@halvern.example.net", "priority": "high"},
}
SENDS = {"servicenow": "PATCH", "jira": "POST", "freshservice": "POST"}
"""With what a comment is sent."""


@dataclass
class System:
    """A connected system, and what it holds."""

    desk: Desk
    box: SandboxServer

    async def ticket(self, identity: str) -> Ticket:
        """As it is there now."""
        async with open_connector(self.box.vendor, self.box.url, self.box.credentials) as source:
            found = await source.get(Kind.TICKET, identity)
        assert isinstance(found, Ticket)
        return found

    async def created(self, title: str = "Printer on fire") -> str:
        """The id of a new ticket."""
        made = await self.desk.writes.propose(
            "it", "create", values={"title": title, "description": "It **burns**.", **NEW[self.box.vendor]}
        )
        return (await self.desk.writes.send(made.write_id)).written_id

    async def comments(self, identity: str, text: str) -> list[Comment]:
        """The comments of a ticket that say something."""
        return [one for one in (await self.ticket(identity)).comments if text in one.text]

    async def sql(self, statement: str, *values: object) -> None:
        """In the desk's scope."""
        async with self.desk.database.transaction(self.desk.scope) as connection:
            await connection.execute(statement.encode(), values)

    async def long_ago(self, write_id: object) -> None:
        """As if whoever claimed it had done so an hour ago, and were gone."""
        await self.sql(
            "UPDATE writes SET claimed_at = claimed_at - interval '1 hour', lease_until = lease_until - interval '1 hour'"
            " WHERE write_id = %s",
            write_id,
        )


@pytest.fixture(scope="session")
async def boxes() -> AsyncIterator[dict[str, SandboxServer]]:
    async with (
        ServiceNowSandbox(size="tiny") as first,
        JiraSandbox(size="tiny") as second,
        FreshserviceSandbox(size="tiny", requests_per_minute=1_000_000) as third,
    ):
        yield {box.vendor: box for box in (first, second, third)}


@pytest.fixture(params=sorted(NEW))
async def system(
    request: pytest.FixtureRequest, boxes: dict[str, SandboxServer], operator: Desk
) -> AsyncIterator[System]:
    """Each of the three in turn."""
    box = boxes[request.param]
    box.faults.clear()
    await operator.connections.add("it", box.vendor, box.url, box.credentials, every_seconds=0)
    yield System(operator, box)
    box.faults.clear()
