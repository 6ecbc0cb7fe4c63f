"""Prompts: those that come with the server, and a tenant's templates in the version that is in production."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mcp_types as types

from deskmind.api.mcp.family import Suggestions
from deskmind.desk import Desk
from deskmind.errors import PromptVariableError
from deskmind.prompts import PromptTemplate
from deskmind.prompts.versions import PRODUCTION

__all__ = ["BuiltIn", "Prompts"]

_PAGE = 50
_SWITCH = ("true", "false")


async def _nothing(desk: Desk, name: str, value: str) -> Suggestions:
    del desk, name, value
    return Suggestions()


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A prompt that is made by code, and may hold more than text.

    Attributes:
        described: its name, description and arguments.
        make: its messages, of what the desk may see; all required arguments are there.
        complete: what an argument, by its name, may be.
    """

    described: types.Prompt
    make: Callable[[Desk, Mapping[str, str]], Awaitable[Sequence[types.PromptMessage]]]
    complete: Callable[[Desk, str, str], Awaitable[Suggestions]] = _nothing

    async def get(self, desk: Desk, arguments: Mapping[str, str]) -> types.GetPromptResult:
        """Its messages.

        Raises:
            PromptVariableError: an argument is missing or unknown.
        """
        declared = self.described.arguments or []
        missing = [one.name for one in declared if one.required and not arguments.get(one.name)]
        unknown = sorted(set(arguments) - {one.name for one in declared})
        if missing or unknown:
            raise PromptVariableError(
                "The arguments do not fit the prompt.",
                why=f"Missing: {', '.join(missing) or 'none'}. Unknown: {', '.join(unknown)[:80] or 'none'}.",
                remedy="prompts/list names them.",
            )
        messages = list(await self.make(desk, arguments))
        return types.GetPromptResult(description=self.described.description, messages=messages)


class Prompts:
    """Those of a server. A tenant's own takes the place of one that comes with it and is called the same.

    Args:
        built_in: that come with the server.
    """

    def __init__(self, built_in: Sequence[BuiltIn]) -> None:
        self._built_in = {one.described.name: one for one in built_in}

    async def list(self, desk: Desk, cursor: str | None) -> types.ListPromptsResult:
        """A page of the prompts by name; a cursor is given exactly where more follow."""
        own = {item.name for item in await desk.prompts.list() if PRODUCTION in item.labels}
        names = sorted(own | set(self._built_in))
        rest = [name for name in names if cursor is None or name > cursor]
        shown = [
            _described((await desk.prompts.get(name)).template)
            if name in own
            else self._built_in[name].described
            for name in rest[:_PAGE]
        ]
        return types.ListPromptsResult(
            prompts=shown, next_cursor=shown[-1].name if len(rest) > _PAGE else None
        )

    async def get(self, desk: Desk, name: str, arguments: Mapping[str, str]) -> types.GetPromptResult:
        """A prompt with its variables filled in.

        The protocol knows no system messages: a template's become the user's. Its arguments are texts: for a variable of
        another type they are JSON.

        Raises:
            PromptNotFoundError: there is no such prompt in production.
            PromptVariableError: an argument is missing, unknown or of the wrong type.
        """
        built_in = await self._coming(desk, name)
        if built_in is not None:
            return await built_in.get(desk, arguments)
        version = await desk.prompts.get(name)
        values = {key: _value(version.template, key, text) for key, text in arguments.items()}
        messages = await desk.prompts.render(name, values, version=version.version)
        return types.GetPromptResult(
            description=version.template.description or None,
            messages=[
                types.PromptMessage(
                    role="assistant" if message.role == "assistant" else "user",
                    content=types.TextContent(type="text", text=message.content),
                )
                for message in messages
            ],
        )

    async def complete(self, desk: Desk, name: str, argument: str, value: str) -> Suggestions:
        """What an argument may be; nothing for one that may be anything.

        Raises:
            PromptNotFoundError: there is no such prompt in production.
        """
        built_in = await self._coming(desk, name)
        if built_in is not None:
            return await built_in.complete(desk, argument, value)
        variable = (await desk.prompts.get(name)).template.variables.get(argument)
        if variable is None or variable.type != "boolean":
            return Suggestions()
        return Suggestions([one for one in _SWITCH if one.startswith(value)])

    async def _coming(self, desk: Desk, name: str) -> BuiltIn | None:
        """The one of this name that comes with the server, unless the tenant has its own."""
        found = self._built_in.get(name)
        if found is None:
            return None
        own = any(item.name == name and PRODUCTION in item.labels for item in await desk.prompts.list())
        return None if own else found


def _described(template: PromptTemplate) -> types.Prompt:
    return types.Prompt(
        name=template.name,
        description=template.description or None,
        arguments=[
            types.PromptArgument(
                name=name,
                description=_explained(variable.type, variable.description),
                required=variable.required,
            )
            for name, variable in template.variables.items()
        ],
    )


def _explained(kind: str, description: str) -> str | None:
    return " ".join(filter(None, (description, "" if kind == "string" else f"({kind}, as JSON)"))) or None


def _value(template: PromptTemplate, name: str, text: str) -> Any:
    variable = template.variables.get(name)
    if variable is None or variable.type == "string":
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PromptVariableError(
            f"The variable '{name[:80]}' is not JSON.",
            why=f"It is of the type {variable.type}, and MCP's arguments are texts.",
            remedy='Write it as JSON, such as 3, true or ["a"].',
            variable=name[:80],
        ) from error
