"""The sandboxes, and a tenant that is connected to one of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from deskmind.connectors.core import Limits, Pace, Retry
from deskmind.connectors.model import Kind
from deskmind.connectors.opening import VendorConnector, open_connector
from deskmind.desk import Desk
from deskmind.sandbox.freshservice import FreshserviceSandbox
from deskmind.sandbox.jira import JiraSandbox
from deskmind.sandbox.servicenow import ServiceNowSandbox
from deskmind.sandbox.web import SandboxServer
from deskmind.sync import running
from deskmind.sync.connections import connector_of


@pytest.fixture
async def servicenow_box() -> AsyncIterator[ServiceNowSandbox]:
    async with ServiceNowSandbox(size="tiny") as box:
        yield box


@pytest.fixture
async def jira_box() -> AsyncIterator[JiraSandbox]:
    async with JiraSandbox(size="tiny") as box:
        yield box


@pytest.fixture
async def freshservice_box() -> AsyncIterator[FreshserviceSandbox]:
    async with FreshserviceSandbox(size="tiny", requests_per_minute=1_000_000) as box:
        yield box


async def connect(desk: Desk, box: SandboxServer, name: str = "now", *, kinds: tuple[str, ...] = ()) -> None:
    """Connect a desk's tenant to a sandbox; nothing is read yet."""
    await desk.connections.add(name, box.vendor, box.url, box.credentials, kinds=kinds, every_seconds=0)


async def sql(desk: Desk, statement: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
    """The rows of a statement in the desk's scope."""
    async with desk.database.transaction(desk.scope) as connection:
        return list(await (await connection.execute(statement.encode(), values)).fetchall())


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connectors that wait hardly at all, for an answer and between attempts; all else of them is as it is."""

    async def opened(*given: Any, **more: Any) -> VendorConnector:
        source = await connector_of(*given, **more)
        source.client._limits = Limits(read=0.3, total=1.0)
        source.client._retry = Retry(attempts=3, base=0.01, longest=0.02)
        return source

    monkeypatch.setattr(running, "connector_of", opened)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connectors that wait hardly at all between as many attempts as ever."""

    async def opened(*given: Any, **more: Any) -> VendorConnector:
        source = await connector_of(*given, **more)
        source.client._retry = Retry(base=0.01, longest=0.02)
        return source

    monkeypatch.setattr(running, "connector_of", opened)


async def there(box: SandboxServer, kind: Kind) -> dict[str, str]:
    """What the source holds now: id and version."""
    async with open_connector(box.vendor, box.url, box.credentials) as source:
        source.client.pace = Pace(1_000_000, 1.0)
        found = [one async for page in source.pages(kind) for one in page.records]
    return {one.id: one.version for one in found if not one.deleted}


async def here(desk: Desk, kind: Kind) -> dict[str, str]:
    """What the copy holds."""
    return {one["id"]: one["version"] for one in await desk.sync.records("now", kind, limit=1000)}
