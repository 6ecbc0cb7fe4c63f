"""Records are read from a page beside whatever else there is to do."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from deskmind.connectors import Kind, Ticket
from deskmind.connectors.core.source import Start
from deskmind.connectors.servicenow.streams import RowReader, TableStream
from deskmind.connectors.servicenow.tables import Rows, Table
from deskmind.sandbox.servicenow import ServiceNowSandbox

from ..conftest import connect


async def test_a_text_that_takes_long_holds_nothing_else_up(small_servicenow: ServiceNowSandbox) -> None:
    begun, others_went_on = threading.Event(), threading.Event()

    def read(row: dict[str, Any]) -> Ticket:
        begun.set()
        assert others_went_on.wait(60)
        return Ticket(vendor="servicenow", id=row["sys_id"]["value"], key="")

    async def reader(rows: Rows) -> RowReader:
        return RowReader(read)

    async def other() -> None:
        await asyncio.to_thread(begun.wait, 60)
        others_went_on.set()

    async with connect(small_servicenow) as source:
        stream = TableStream(Table(source.client, "incident"), Kind.TICKET, reader)
        waiting = asyncio.create_task(other())
        records = [one async for batch in stream.read(Start(size=5)) for one in batch.records]
        await waiting
    assert records
