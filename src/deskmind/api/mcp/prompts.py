"""A tenant's prompt templates, in the version that is in production, as prompts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import mcp_types as types

from deskmind.desk import Desk
from deskmind.errors import PromptVariableError
from deskmind.prompts import PromptTemplate
from deskmind.prompts.versions import PRODUCTION

__all__ = ["get_prompt", "list_prompts"]

_PAGE = 50


async def list_prompts(desk: Desk, cursor: str | None) -> types.ListPromptsResult:
    """A page of the prompts that are in production, by name; a cursor is given exactly where more follow."""
    served = [item.name for item in await desk.prompts.list() if PRODUCTION in item.labels]
    rest = [name for name in served if cursor is None or name > cursor]
    shown = [(await desk.prompts.get(name)).template for name in rest[:_PAGE]]
    return types.ListPromptsResult(
        prompts=[_described(template) for template in shown],
        next_cursor=shown[-1].name if len(rest) > _PAGE else None,
    )


async def get_prompt(desk: Desk, name: str, arguments: Mapping[str, str]) -> types.GetPromptResult:
    """A prompt with its variables filled in.

    The protocol knows no system messages: they become the user's. Its arguments are texts: for a variable of another
    type they are JSON.

    Raises:
        PromptNotFoundError: there is no such prompt in production.
        PromptVariableError: an argument is missing, unknown or of the wrong type.
    """
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
