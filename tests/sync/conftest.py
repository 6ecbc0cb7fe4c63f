"""The sandboxes, and a tenant that is connected to one of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from deskmind.desk import Desk
from deskmind.sandbox.servicenow import ServiceNowSandbox
from deskmind.sandbox.web import SandboxServer


@pytest.fixture
async def servicenow_box() -> AsyncIterator[ServiceNowSandbox]:
    async with ServiceNowSandbox(size="tiny") as box:
        yield box


async def connect(desk: Desk, box: SandboxServer, name: str = "now", *, kinds: tuple[str, ...] = ()) -> None:
    """Connect a desk's tenant to a sandbox; nothing is read yet."""
    await desk.connections.add(name, box.vendor, box.url, box.credentials, kinds=kinds, every_seconds=0)


async def sql(desk: Desk, statement: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
    """The rows of a statement in the desk's scope."""
    async with desk.database.transaction(desk.scope) as connection:
        return list(await (await connection.execute(statement.encode(), values)).fetchall())
