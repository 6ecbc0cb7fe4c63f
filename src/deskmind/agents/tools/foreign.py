"""Tools that were made elsewhere, of pydantic-ai's toolsets, MCP servers and agents, under the same policy as ours.

What a foreign tool does nobody has declared to us. Unless the caller says otherwise it writes, its audience is outside, and
its results are texts of others; so it asks for approval, gets no personal data, and taints the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from deskmind.agents.tool import TOOL_NAME, Audience, Effect, Tool, ToolContext, ToolFunction
from deskmind.errors import ConfigurationError, MissingExtraError, OutcomeUnknownError

if TYPE_CHECKING:
    from pydantic_ai import RunContext
    from pydantic_ai.toolsets import AbstractToolset

__all__ = ["adopt", "tools_of", "tools_of_mcp"]

_MOST_TOLD = 2_000


async def tools_of(
    toolset: AbstractToolset[Any],
    *,
    effects: Mapping[str, Effect] | None = None,
    audiences: Mapping[str, Audience] | None = None,
    deps: Any = None,
) -> list[Tool]:
    """The tools of a toolset.

    >>> tools = await tools_of(toolset, effects={"lookup": "read"})
    >>> agent = desk.agent("helper", instructions="…", tools=tools, model="fast")

    Args:
        toolset: entered for each call.
        effects: by tool; ``write`` where none is named.
        audiences: by tool; ``outside`` where none is named.
        deps: what the toolset's own functions get as dependencies.

    Raises:
        ConfigurationError: a tool has a name that models cannot call.
    """
    async with toolset:
        found = await toolset.get_tools(_bare_context(deps))
    tools: list[Tool] = []
    for name, one in found.items():
        tools.append(
            _tool(
                name,
                _function(toolset, name, deps),
                one.tool_def.parameters_json_schema,
                one.tool_def.description or name,
                (effects or {}).get(name, "write"),
                (audiences or {}).get(name, "outside"),
            )
        )
    return tools


async def tools_of_mcp(
    server: Any,
    *,
    effects: Mapping[str, Effect] | None = None,
    audiences: Mapping[str, Audience] | None = None,
) -> list[Tool]:
    """The tools of an MCP server; each call is a connection of its own.

    >>> tools = await tools_of_mcp("https://tools.example/mcp", effects={"lookup": "read"})

    Args:
        server: what ``mcp.Client`` takes: an address, or how to start it.
        effects: by tool; ``write`` where none is named, whatever the server says of itself.
        audiences: by tool; ``outside`` where none is named.

    Raises:
        ConfigurationError: a tool has a name that models cannot call.
        MissingExtraError: the extra ``mcp`` is not installed.
    """
    try:
        from mcp import Client
    except ImportError as error:
        raise MissingExtraError("The MCP client", "mcp") from error
    tools: list[Tool] = []
    async with Client(server) as client:
        cursor: str | None = None
        while True:
            page = await client.list_tools(cursor=cursor)
            tools += [
                _tool(
                    one.name,
                    _mcp_function(server, one.name),
                    one.input_schema,
                    one.description or one.name,
                    (effects or {}).get(one.name, "write"),
                    (audiences or {}).get(one.name, "outside"),
                )
                for one in page.tools
            ]
            if not (cursor := page.next_cursor):
                return tools


async def adopt(
    agent: Any,
    *,
    effects: Mapping[str, Effect] | None = None,
    audiences: Mapping[str, Audience] | None = None,
    deps: Any = None,
) -> list[Tool]:
    """The tools of an agent of pydantic-ai, to be given to an agent of the desk with the same instructions.

    Its model is left behind: the desk's agents speak to models through the gateway alone. Arguments as for ``tools_of``.
    """
    tools: list[Tool] = []
    for toolset in agent.toolsets:
        tools += await tools_of(toolset, effects=effects, audiences=audiences, deps=deps)
    return tools


def _tool(
    name: str,
    function: ToolFunction,
    schema: Mapping[str, Any],
    told: str,
    effect: Effect,
    audience: Audience,
) -> Tool:
    if not TOOL_NAME.fullmatch(name):
        raise ConfigurationError(
            f"'{name[:80]}' cannot be the name of a tool.",
            why="Models call names of 1 to 64 letters, digits, `_` and `-`.",
        )
    return Tool(
        name, function, effect=effect, audience=audience, risk="high", schema=schema, told=told[:_MOST_TOLD]
    )


def _mcp_function(server: Any, name: str) -> ToolFunction:
    async def call(context: ToolContext, **arguments: Any) -> str:
        """Call the server's tool."""
        from mcp import Client

        await context.confirm()
        async with Client(server) as client:
            result = await client.call_tool(name, arguments)
        text = "\n".join(str(getattr(part, "text", "")) for part in result.content)
        if result.is_error:
            raise OutcomeUnknownError("The tool failed.", why=text[:200])
        return text

    return call


def _function(toolset: AbstractToolset[Any], name: str, deps: Any) -> ToolFunction:
    async def call(context: ToolContext, **arguments: Any) -> Any:
        """Call the foreign tool."""
        from pydantic_ai.exceptions import ModelRetry

        await context.confirm()
        running = replace(_bare_context(deps), tool_call_id=context.call_id, tool_name=name)
        async with toolset:
            known = (await toolset.get_tools(running))[name]
            given = known.args_validator.validate_python(arguments)
            try:
                return _plain(await toolset.call_tool(name, given, running, known))
            except ModelRetry as error:  # it asks to be called otherwise: it may have done something already
                raise OutcomeUnknownError("The tool wants other arguments.", why=str(error)[:200]) from error

    return call


def _bare_context(deps: Any) -> RunContext[Any]:
    try:
        from pydantic_ai import RunContext
        from pydantic_ai.models.test import TestModel
        from pydantic_ai.usage import RunUsage
    except ImportError as error:
        raise MissingExtraError("pydantic-ai", "agents") from error
    return RunContext(deps=deps, model=TestModel(), usage=RunUsage())


def _plain(result: Any) -> Any:
    from pydantic_core import to_jsonable_python

    return result if isinstance(result, str) else to_jsonable_python(result, fallback=str)
