"""Three systems of the fictional company, served here, and connecting the tenant to them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from deskmind.sandbox.freshservice import FreshserviceSandbox
from deskmind.sandbox.jira import JiraSandbox
from deskmind.sandbox.servicenow import ServiceNowSandbox

if TYPE_CHECKING:
    from deskmind.desk import Desk
    from deskmind.sandbox.web import SandboxServer
    from deskmind.sync import SyncStatus

__all__ = ["connect_systems", "systems"]

_UNLIMITED = 1_000_000


@asynccontextmanager
async def systems() -> AsyncGenerator[Sequence[SandboxServer]]:
    """ServiceNow, Jira and Freshservice on free ports of this machine, until the block ends."""
    async with AsyncExitStack() as stack:
        boxes: list[SandboxServer] = [
            ServiceNowSandbox(size="tiny"),
            JiraSandbox(size="tiny"),
            FreshserviceSandbox(size="tiny", requests_per_minute=_UNLIMITED),
        ]
        for box in boxes:
            await stack.enter_async_context(box)
        yield boxes


async def connect_systems(
    desk: Desk,
    boxes: Sequence[SandboxServer],
    *,
    anew: bool = False,
    on_progress: Callable[[SyncStatus], None] | None = None,
) -> list[SyncStatus]:
    """Connect the tenant to the systems and read them; what was read before is not read again, unless ``anew`` says so.

    The company's people and tickets are made from a seed, so what an earlier demonstration read is what they hold now.
    """
    known = {status.connection.name: status for status in await desk.sync.status()}
    return [await _connected(desk, box, known.get(box.vendor), on_progress, anew=anew) for box in boxes]


async def _connected(
    desk: Desk,
    box: SandboxServer,
    known: SyncStatus | None,
    on_progress: Callable[[SyncStatus], None] | None,
    *,
    anew: bool,
) -> SyncStatus:
    """Each start has other ports: the system has moved, and the links to what was read move with it."""
    if known is None or known.connection.url != box.url:
        await desk.connections.add(
            box.vendor, box.vendor, box.url, _credentials(box), every_seconds=0, replace=known is not None
        )
    if anew or known is None or not known.finished_at or known.error or known.waiting:
        return await desk.sync.run(box.vendor, on_progress=on_progress)
    (status,) = await desk.sync.status(box.vendor)
    return status


def _credentials(box: SandboxServer) -> dict[str, str]:
    """Those of the integration, and at ServiceNow those of a plain user: what it is shown, all technicians are."""
    return {**box.credentials, **box.onlooker()} if isinstance(box, ServiceNowSandbox) else box.credentials
