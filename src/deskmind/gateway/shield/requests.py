"""Changing the words of a chat request: everything that a person wrote, nothing that the protocol means."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any, cast

from deskmind.gateway.messages import ChatRequest, Message

__all__ = ["changed_request"]

Change = Callable[[str], str]

_PROTOCOL = frozenset(
    {"role", "type", "id", "tool_call_id", "name", "url", "detail", "format", "data", "file_data", "file_id"}
)
"""Fields of messages whose text means something to the provider; pictures and files cannot be changed as text."""
_SCHEMA_WORDS = frozenset({"description", "title", "enum", "const", "default", "examples"})
"""Fields of tools and schemas that hold words; the others name properties and types."""
_NAMED = frozenset({"properties", "patternProperties", "$defs", "definitions"})
"""Fields of schemas whose own fields are names."""
_DEFINITIONS = ("tools", "functions", "response_format")
_PLAIN = frozenset(
    {
        "frequency_penalty", "function_call", "logit_bias", "logprobs", "min_p", "modalities", "parallel_tool_calls",
        "presence_penalty", "reasoning_effort", "repetition_penalty", "seed", "service_tier", "store",
        "stream_options", "temperature", "tool_choice", "top_k", "top_logprobs", "top_p", "verbosity",
    }
)  # fmt: skip
"""Options without words of people."""


def changed_request(request: ChatRequest, change: Change) -> ChatRequest:
    """The request with ``change`` applied to every text in it.

    Changed are messages (a tool call's arguments within their JSON, numbers too), descriptions and values in tools and schemas,
    ``stop`` and what tells users apart. An author's name that would change is left out. Options that a model allows
    with ``extra_options`` are changed too, wherever they hold text.
    """
    options = dict(request.options)
    for name, value in options.items():
        if name in _DEFINITIONS:
            options[name] = _definition(value, change)
        elif name == "metadata":
            options[name] = _every(value, change)
        elif name not in _PLAIN:
            options[name] = _words(value, change)
    return ChatRequest(
        [_message(message, change) for message in request.messages], request.max_tokens, options
    )


def _message(message: Message, change: Change) -> Message:
    changed: dict[str, Any] = {
        name: value if name in _PROTOCOL else _field(name, value, change) for name, value in message.items()
    }
    author = message.get("name")
    if (
        isinstance(author, str)
        and message.get("role") not in {"tool", "function"}
        and change(author) != author
    ):
        del changed["name"]
    return changed


def _field(name: str, value: Any, change: Change) -> Any:
    return _arguments(value, change) if name == "arguments" else _words(value, change)


def _words(value: Any, change: Change) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, Any]", value)
        return {
            name: item if name in _PROTOCOL else _field(name, item, change) for name, item in fields.items()
        }
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return [_words(item, change) for item in cast("Sequence[Any]", value)]
    return value


def _arguments(value: Any, change: Change) -> Any:
    if not isinstance(value, str):
        return _every(value, change)
    try:
        parsed = json.loads(value)
    except ValueError:
        return change(value)
    return json.dumps(_every(parsed, change), ensure_ascii=False)


def _every(value: Any, change: Change) -> Any:
    """Every text in a value that people's words may fill, names of fields too: they may be somebody's address. A whole
    number is a text where it would change: it may be that of somebody's card."""
    if isinstance(value, str):
        return change(value)
    if (type(value) is int) or (type(value) is float and value.is_integer()):
        written = str(int(value))
        replaced = change(written)
        return value if replaced == written else replaced
    if isinstance(value, Mapping):
        changed: dict[str, Any] = {}
        for name, item in cast("Mapping[str, Any]", value).items():
            changed[_free(change(name), changed)] = _every(item, change)
        return changed
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return [_every(item, change) for item in cast("Sequence[Any]", value)]
    return value


def _free(name: str, taken: Mapping[str, Any]) -> str:
    """The name, numbered where two became the same."""
    if name not in taken:
        return name
    return next(each for number in count(2) if (each := f"{name} {number}") not in taken)


def _definition(value: Any, change: Change) -> Any:
    """A tool or a schema: its words and example values are changed, names and types are not."""
    if isinstance(value, list):
        return [_definition(item, change) for item in cast("list[Any]", value)]
    if not isinstance(value, Mapping):
        return value
    changed: dict[str, Any] = {}
    for name, item in cast("Mapping[str, Any]", value).items():
        if name in _NAMED and isinstance(item, Mapping):
            schemas = cast("Mapping[str, Any]", item)
            changed[name] = {key: _definition(schema, change) for key, schema in schemas.items()}
        else:
            changed[name] = _every(item, change) if name in _SCHEMA_WORDS else _definition(item, change)
    return changed
