"""A step's tool: what it is about to write is kept, so that whoever takes over looks for that very write; its error is heard."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

from psycopg.types.json import Jsonb

from deskmind.agents.journal import Journal
from deskmind.agents.tool import Preview, Tool, ToolContext
from deskmind.connectors import Change
from deskmind.errors import DeskmindError

__all__ = ["Told", "kept_preview"]

PreviewFunction = Callable[[ToolContext, Mapping[str, Any]], Awaitable[Preview]]
_PLACE = " WHERE tenant_id = %s AND run_id = %s AND path = %s"


class Told:
    """Hears with what error a tool failed: what the model is told has no code."""

    def __init__(self) -> None:
        self.problem = ""

    def of(self, tool: Tool, journal: Journal, path: str) -> Tool:
        """The tool for one step."""
        preview = tool.preview
        if preview is not None:
            preview = self._heard(kept_preview(preview, journal, path))
        return replace(tool, preview=preview, function=self._heard(tool.function))

    def _heard(self, function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def heard(*arguments: Any, **named: Any) -> Any:
            try:
                return await function(*arguments, **named)
            except DeskmindError as error:
                self.problem = error.code
                raise

        return heard


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
