"""What a step is about to write is kept before it is sent, so that whoever takes over looks for that very write."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any

from psycopg.types.json import Jsonb

from deskmind.agents.journal import Journal
from deskmind.agents.tool import Preview, ToolContext
from deskmind.connectors import Change

__all__ = ["kept_preview"]

PreviewFunction = Callable[[ToolContext, Mapping[str, Any]], Awaitable[Preview]]
_PLACE = " WHERE tenant_id = %s AND run_id = %s AND path = %s"


def kept_preview(preview: PreviewFunction, journal: Journal, path: str) -> PreviewFunction:
    """The preview of the first worker that made one for this step, for all that come after it."""

    async def kept(context: ToolContext, arguments: Mapping[str, Any]) -> Preview:
        place = (journal.scope.tenant_id, journal.run_id, path)
        async with journal.writing() as connection:
            cursor = await connection.execute("SELECT value FROM workflow_steps" + _PLACE, place)
            row = await cursor.fetchone()
        if row is not None and row[0] is not None:
            held: dict[str, Any] = row[0]["preview"]
            return Preview(tuple(Change(**one) for one in held["changes"]), held["prepared"])
        made = await preview(context, arguments)
        async with journal.writing() as connection:
            value = Jsonb({"preview": asdict(made)})
            await connection.execute("UPDATE workflow_steps SET value = %s" + _PLACE, (value, *place))
        return made

    return kept
