"""What a tool is: a name, what it takes and gives, and what it does with a desk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import mcp_types as types
from pydantic import BaseModel, ConfigDict, ValidationError

from deskmind.api.mcp.failures import failed, invalid, refused
from deskmind.desk import Desk
from deskmind.errors import DeskmindError

__all__ = ["Arguments", "Blocks", "Nothing", "Tool"]


class Arguments(BaseModel):
    """What a tool takes; unknown names are refused."""

    model_config = ConfigDict(extra="forbid")


class Nothing(Arguments):
    """A tool without arguments."""


_A = TypeVar("_A", bound=BaseModel)
Blocks = Sequence[types.ContentBlock]


@dataclass(frozen=True, slots=True)
class Tool(Generic[_A]):
    """A tool.

    Attributes:
        name: for programs.
        title: for people.
        description: for the model: what it does and when to use it.
        takes: the arguments.
        gives: the structured result; None for a tool whose result is content alone.
        act: does it.
        writes: it changes something, and is offered only where writes are allowed.
        destroys: what it changes is lost.
    """

    name: str
    title: str
    description: str
    takes: type[_A]
    gives: type[BaseModel] | None
    act: Callable[[Desk, _A], Awaitable[BaseModel | Blocks]]
    writes: bool = False
    destroys: bool = False

    def described(self) -> types.Tool:
        """For ``tools/list``."""
        return types.Tool(
            name=self.name,
            title=self.title,
            description=self.description,
            input_schema=self.takes.model_json_schema(),
            output_schema=None if self.gives is None else self.gives.model_json_schema(mode="serialization"),
            annotations=types.ToolAnnotations(
                read_only_hint=not self.writes,
                destructive_hint=self.destroys,
                idempotent_hint=True,
                open_world_hint=False,
            ),
        )

    async def call(self, desk: Desk, arguments: Mapping[str, Any]) -> types.CallToolResult:
        """Do it; what goes wrong is in the result, where the model reads it."""
        try:
            given = self.takes.model_validate(dict(arguments))
        except ValidationError as error:
            return invalid(error)
        try:
            found = await self.act(desk, given)
        except DeskmindError as error:
            return refused(error)
        except Exception as error:
            return failed(error)
        if not isinstance(found, BaseModel):
            return types.CallToolResult(content=list(found))
        return types.CallToolResult(
            content=[types.TextContent(type="text", text=found.model_dump_json())],
            structured_content=found.model_dump(mode="json"),
        )
