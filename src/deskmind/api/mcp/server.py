"""The protocol's methods over a desk, whatever the transport."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import mcp_types as types
from mcp.server import Server
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError

from deskmind import __version__
from deskmind.api.mcp.failures import protocol_error, refused, unforeseen
from deskmind.api.mcp.prompts import get_prompt, list_prompts
from deskmind.api.mcp.reading import READING
from deskmind.api.mcp.resources import TEMPLATE, list_resources, read_resource
from deskmind.api.mcp.tickets import TICKETS
from deskmind.api.mcp.tool import Tool
from deskmind.api.mcp.writing import WRITING
from deskmind.desk import Desk
from deskmind.errors import DeskmindError

__all__ = ["DeskFor", "mcp_server", "tools_offered"]

Context = ServerRequestContext[Any, Any]
DeskFor = Callable[[Context], Awaitable[Desk]]

_INSTRUCTIONS = (
    "A service desk's knowledge, seen only by those who may. Use `ask` for an answer with citations, `search` to read passages."
    " Never present as known what `found: false` declined."
)


def tools_offered(*, allow_writes: bool) -> tuple[Tool[Any], ...]:
    """The tools, those that write only where they may."""
    return (*READING, *TICKETS, *(WRITING if allow_writes else ()))


def mcp_server(desk_for: DeskFor, tools: Sequence[Tool[Any]]) -> Server[Any]:
    """The server of the protocol.

    Args:
        desk_for: the desk of whoever sent a message; asked anew for each.
        tools: what is offered; what is not offered cannot be called.
    """
    methods = _Methods(desk_for, tools)
    server: Server[Any] = Server(
        "deskmind",
        version=__version__,
        title="Deskmind",
        instructions=_INSTRUCTIONS,
        on_list_tools=methods.list_tools,
        on_call_tool=methods.call_tool,
        on_list_resources=methods.list_resources,
        on_list_resource_templates=methods.list_templates,
        on_read_resource=methods.read_resource,
        on_list_prompts=methods.list_prompts,
        on_get_prompt=methods.get_prompt,
    )
    server.middleware.clear()  # its spans would count each operation a second time, under names that callers choose
    return server


class _Methods:
    """The methods of one server."""

    def __init__(self, desk_for: DeskFor, tools: Sequence[Tool[Any]]) -> None:
        self._desk_for = desk_for
        self._tools = {tool.name: tool for tool in tools}
        self._described = types.ListToolsResult(tools=[tool.described() for tool in tools])

    async def list_tools(self, _: Context, __: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        """``tools/list``."""
        return self._described

    async def call_tool(self, context: Context, given: types.CallToolRequestParams) -> types.CallToolResult:
        """``tools/call``."""
        tool = self._tools.get(given.name)
        if tool is None:
            raise MCPError(types.INVALID_PARAMS, f"There is no tool '{given.name[:80]}' here.")
        try:
            desk = await self._desk_for(context)
        except DeskmindError as error:
            return refused(error)
        return await tool.call(desk, given.arguments or {})

    async def list_resources(
        self, context: Context, given: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        """``resources/list``."""
        async with self._desk(context) as desk:
            return await list_resources(desk, _cursor(given))

    async def list_templates(
        self, _: Context, __: types.PaginatedRequestParams | None
    ) -> types.ListResourceTemplatesResult:
        """``resources/templates/list``."""
        return types.ListResourceTemplatesResult(resource_templates=[TEMPLATE])

    async def read_resource(
        self, context: Context, given: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        """``resources/read``."""
        async with self._desk(context) as desk:
            return await read_resource(desk, str(given.uri))

    async def list_prompts(
        self, context: Context, given: types.PaginatedRequestParams | None
    ) -> types.ListPromptsResult:
        """``prompts/list``."""
        async with self._desk(context) as desk:
            return await list_prompts(desk, _cursor(given))

    async def get_prompt(
        self, context: Context, given: types.GetPromptRequestParams
    ) -> types.GetPromptResult:
        """``prompts/get``."""
        async with self._desk(context) as desk:
            return await get_prompt(desk, given.name, given.arguments or {})

    @asynccontextmanager
    async def _desk(self, context: Context) -> AsyncGenerator[Desk]:
        """The asker's desk; what goes wrong with it becomes the protocol's error."""
        try:
            yield await self._desk_for(context)
        except DeskmindError as error:
            raise protocol_error(error, context.protocol_version) from error
        except Exception as error:
            raise unforeseen(error) from error


def _cursor(given: types.PaginatedRequestParams | None) -> str | None:
    return given.cursor if given is not None else None
