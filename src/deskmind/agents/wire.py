"""Between pydantic-ai's messages and the chat format that the gateway speaks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, cast

from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    SystemPromptPart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.tools import ToolDefinition

from deskmind.errors import InvalidRequestError
from deskmind.gateway import Message
from deskmind.observability.story import storable

__all__ = ["chat_messages", "chat_options", "parts_of", "schema_messages", "schema_options", "storable_json"]

_ANSWER = "answer"


def chat_messages(messages: Sequence[ModelMessage], parameters: ModelRequestParameters) -> list[Message]:
    """The conversation for a model that calls tools itself."""
    return [*_instructions(parameters), *(said for message in messages for said in _said(message))]


def chat_options(parameters: ModelRequestParameters) -> dict[str, Any]:
    """Tools, and whether one must be called."""
    tools = _tools(parameters)
    if not tools:
        return {}
    options: dict[str, Any] = {"tools": [_offered(one) for one in tools]}
    if not parameters.allow_text_output:
        options["tool_choice"] = "required"
    return options


def schema_messages(messages: Sequence[ModelMessage], parameters: ModelRequestParameters) -> list[Message]:
    """The same for a model without tool calling: calls and results are text."""
    told = "\n".join(
        f"- {one.name}: {one.description or ''}\n  arguments: {json.dumps(one.parameters_json_schema)}"
        for one in _tools(parameters)
    )
    answer = f'\n- {_ANSWER}: to answer; arguments: {{"text": "…"}}' if parameters.allow_text_output else ""
    manner = (
        'Reply with one JSON object {"tool": NAME, "arguments": {…}} and nothing else. The tools:\n'
        f"{told}{answer}"
    )
    return [
        *_instructions(parameters),
        {"role": "system", "content": manner},
        *(_plain(said) for message in messages for said in _said(message)),
    ]


def schema_options(parameters: ModelRequestParameters) -> dict[str, Any]:
    """A JSON schema that a reply must fit: one of the tools, or the answer."""
    kinds = [_call_schema(one.name, one.parameters_json_schema) for one in _tools(parameters)]
    if parameters.allow_text_output:
        text = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
        kinds.append(_call_schema(_ANSWER, text))
    schema = kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    return {
        "response_format": {"type": "json_schema", "json_schema": {"name": "next_step", "schema": schema}}
    }


def parts_of(text: str, prefix: str) -> list[TextPart | ToolCallPart]:
    """What a reply of a model without tool calling says; one that is not of the form is taken as text."""
    try:
        said: Any = json.loads(text)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        return [TextPart(text)]
    step = cast("dict[str, Any]", said)
    name, arguments = step.get("tool"), step.get("arguments")
    if not isinstance(name, str) or not isinstance(arguments, dict):
        return [TextPart(text)]
    given = cast("dict[str, Any]", arguments)
    if name == _ANSWER:
        return [TextPart(str(given.get("text", "")))]
    return [ToolCallPart(name, json.dumps(given), tool_call_id=f"{prefix}.0")]


def storable_json(text: str) -> str:
    """JSON as a model wrote it, whose strings PostgreSQL can hold: it refuses NUL and half of a surrogate pair."""
    if "\\u" in text:
        try:
            said: Any = json.loads(text)
            if (mended := _mended(said)) != said:
                return json.dumps(mended)
        except (ValueError, RecursionError):  # whoever reads it says so
            pass
    return storable(text)


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [_mended(one) for one in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {storable(name): _mended(one) for name, one in cast("dict[str, Any]", value).items()}
    return value


def _tools(parameters: ModelRequestParameters) -> list[ToolDefinition]:
    return [*parameters.declared_function_tools, *parameters.output_tools]


def _offered(one: ToolDefinition) -> dict[str, Any]:
    function = {
        "name": one.name,
        "description": one.description or "",
        "parameters": one.parameters_json_schema,
    }
    return {"type": "function", "function": function}


def _call_schema(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"tool": {"const": name, "type": "string"}, "arguments": arguments},
        "required": ["tool", "arguments"],
        "additionalProperties": False,
    }


def _instructions(parameters: ModelRequestParameters) -> list[Message]:
    text = "\n\n".join(part.content for part in parameters.instruction_parts or [])
    return [{"role": "system", "content": text}] if text else []


def _said(message: ModelMessage) -> Iterable[dict[str, Any]]:
    if isinstance(message, ModelRequest):
        for part in message.parts:
            match part:
                case SystemPromptPart():
                    yield {"role": "system", "content": part.content}
                case UserPromptPart():
                    yield {"role": "user", "content": _text(part)}
                case ToolReturnPart():
                    yield _result(part.tool_call_id, part.model_response_str())
                case _:
                    raise _strange(part)
        return
    texts = [part.content for part in message.parts if isinstance(part, TextPart)]
    calls = [part for part in message.parts if isinstance(part, ToolCallPart)]
    reply: dict[str, Any] = {"role": "assistant", "content": "".join(texts) or None}
    if calls:
        reply["tool_calls"] = [
            {
                "id": part.tool_call_id,
                "type": "function",
                "function": {"name": part.tool_name, "arguments": part.args_as_json_str()},
            }
            for part in calls
        ]
    yield reply


def _result(call_id: str, text: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": text}


def _text(part: UserPromptPart) -> str:
    if isinstance(part.content, str):
        return part.content
    if all(isinstance(item, str) for item in part.content):
        return "\n".join(str(item) for item in part.content)
    raise _strange(part)


def _strange(part: object) -> InvalidRequestError:
    return InvalidRequestError(
        f"A conversation with a {type(part).__name__} cannot be sent to a model.",
        why="Agents exchange text and tool calls.",
    )


def _plain(said: dict[str, Any]) -> dict[str, Any]:
    """A message without tool calls, the same in words."""
    if said["role"] == "tool":
        return {"role": "user", "content": f"Result:\n{said['content']}"}
    if calls := said.get("tool_calls"):
        wanted = [
            {"tool": one["function"]["name"], "arguments": json.loads(one["function"]["arguments"])}
            for one in calls
        ]
        return {"role": "assistant", "content": json.dumps(wanted[0])}
    return said
