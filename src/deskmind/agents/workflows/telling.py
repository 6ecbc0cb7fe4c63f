"""A step's tool, whose error is heard."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from deskmind.agents.tool import Tool
from deskmind.errors import DeskmindError

__all__ = ["Told"]


class Told:
    """Hears with what error a tool failed: what the model is told has no code."""

    def __init__(self) -> None:
        self.problem = ""

    def of(self, tool: Tool) -> Tool:
        """The tool for one step."""
        preview = tool.preview
        if preview is not None:
            preview = self._heard(preview)
        return replace(tool, preview=preview, function=self._heard(tool.function))

    def _heard(self, function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def heard(*arguments: Any, **named: Any) -> Any:
            try:
                return await function(*arguments, **named)
            except DeskmindError as error:
                self.problem = error.code
                raise

        return heard
