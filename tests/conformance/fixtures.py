"""Tools, resources and prompts that the conformance suite asks for, by the names it gives them, in the form in which ours are made."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import mcp_types as types

from deskmind.api.mcp.call import Call
from deskmind.api.mcp.family import Family
from deskmind.api.mcp.prompts import BuiltIn
from deskmind.api.mcp.tool import Arguments, Blocks, Nothing, Tool
from deskmind.desk import Desk
from deskmind.errors import InvalidRequestError

__all__ = ["MADE", "PROMPTS", "RESOURCES", "TOOLS"]

_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
_SILENCE = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAAAAA=="

PROMPTS = (
    "name: test_simple_prompt\ndescription: Simple\nmessages:\n- {role: user, content: This is a simple prompt for testing.}\n",
    "name: test_prompt_with_arguments\ndescription: Arguments\nvariables:\n  arg1: {type: string}\n  arg2: {type: string}\n"
    "messages:\n- {role: user, content: \"Prompt with arguments: arg1='{{ arg1 }}', arg2='{{ arg2 }}'\"}\n",
)
"""They are prompts of a tenant like any other."""


def _text(text: str) -> types.TextContent:
    return types.TextContent(type="text", text=text)


def _image() -> types.ImageContent:
    return types.ImageContent(type="image", data=_PIXEL, mime_type="image/png")


def _resource(uri: str, mime_type: str, text: str) -> types.EmbeddedResource:
    return types.EmbeddedResource(
        type="resource", resource=types.TextResourceContents(uri=uri, mime_type=mime_type, text=text)
    )


_CONTENT: dict[str, Blocks] = {
    "test_simple_text": [_text("This is a simple text response for testing.")],
    "test_image_content": [_image()],
    "test_audio_content": [types.AudioContent(type="audio", data=_SILENCE, mime_type="audio/wav")],
    "test_embedded_resource": [
        _resource("test://embedded-resource", "text/plain", "This is an embedded resource content.")
    ],
    "test_multiple_content_types": [
        _text("Multiple content types test:"),
        _image(),
        _resource("test://mixed-content-resource", "application/json", '{"test":"data","value":123}'),
    ],
}


def _gives(blocks: Blocks) -> Any:
    async def act(_: Call, __: Nothing) -> Blocks:
        return blocks

    return act


async def _fails(_: Call, __: Nothing) -> Blocks:
    raise InvalidRequestError("This tool intentionally returns an error for testing.")


async def _logs(call: Call, _: Nothing) -> Blocks:
    for said in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await call.tell("info", said)
    return [_text("Told.")]


async def _progresses(call: Call, _: Nothing) -> Blocks:
    for done in (0, 50, 100):
        await call.progress(done, 100)
    return [_text("Done.")]


class Said(Arguments):
    """What to put to the client's model."""

    prompt: str


class Asked(Arguments):
    """What to put to the person."""

    message: str


async def _samples(call: Call, given: Said) -> Blocks:
    return [_text(f"LLM response: {await call.sample('said', given.prompt, tokens=100)}")]


async def _elicits(call: Call, given: Asked) -> Blocks:
    return await _asked(call, given.message, _PERSON)


def _asks(schema: Mapping[str, Any]) -> Any:
    async def act(call: Call, _: Nothing) -> Blocks:
        return await _asked(call, "Please look through these.", schema)

    return act


async def _asked(call: Call, message: str, schema: Mapping[str, Any]) -> Blocks:
    said = await call.ask("asked", message, schema)
    return [_text(f"Elicitation completed: action={said.action}, content={json.dumps(said.content)}")]


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


_PERSON = {
    **_object(username={"type": "string"}, email={"type": "string"}),
    "required": ["username", "email"],
}
_DEFAULTS = _object(
    name={"type": "string", "default": "John Doe"},
    age={"type": "integer", "default": 30},
    score={"type": "number", "default": 95.5},
    status={"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
    verified={"type": "boolean", "default": True},
)
_NAMED = [{"const": "value1", "title": "First"}, {"const": "value2", "title": "Second"}]
_ENUMS = _object(
    untitledSingle={"type": "string", "enum": ["option1", "option2"]},
    titledSingle={"type": "string", "oneOf": _NAMED},
    legacyEnum={"type": "string", "enum": ["opt1", "opt2"], "enumNames": ["Option One", "Option Two"]},
    untitledMulti={"type": "array", "items": {"type": "string", "enum": ["option1", "option2"]}},
    titledMulti={"type": "array", "items": {"anyOf": _NAMED}},
)

TOOLS: tuple[Tool[Any], ...] = (
    *(Tool(name, name, name, Nothing, None, _gives(blocks)) for name, blocks in _CONTENT.items()),
    Tool("test_error_handling", "Error", "Fails.", Nothing, None, _fails),
    Tool("test_tool_with_logging", "Logging", "Logs.", Nothing, None, _logs),
    Tool("test_tool_with_progress", "Progress", "Says how far it is.", Nothing, None, _progresses),
    Tool("test_sampling", "Sampling", "Asks a model.", Said, None, _samples),
    Tool("test_elicitation", "Elicitation", "Asks a person.", Asked, None, _elicits),
    Tool("test_elicitation_sep1034_defaults", "Defaults", "Asks.", Nothing, None, _asks(_DEFAULTS)),
    Tool("test_elicitation_sep1330_enums", "Choices", "Asks.", Nothing, None, _asks(_ENUMS)),
)


class _Fixed(Family):
    """One resource at an address, or at each that a template makes."""

    def __init__(
        self, uri: str, mime_type: str, make: Callable[[Mapping[str, str]], str], *, binary: bool = False
    ) -> None:
        name = uri.removeprefix("test://")
        super().__init__(types.ResourceTemplate(name=name, uri_template=uri, mime_type=mime_type))
        self._mime_type = mime_type
        self._make = make
        self._binary = binary

    async def read(self, desk: Desk, uri: str, values: Mapping[str, str]) -> Sequence[Any]:
        del desk
        made = self._make(values)
        if self._binary:
            return [types.BlobResourceContents(uri=uri, mime_type=self._mime_type, blob=made)]
        return [types.TextResourceContents(uri=uri, mime_type=self._mime_type, text=made)]

    async def versions(self, desk: Desk, all_values: Sequence[Mapping[str, str]]) -> Sequence[str | None]:
        del desk
        return ["1"] * len(all_values)


RESOURCES: tuple[Family, ...] = (
    _Fixed("test://static-text", "text/plain", lambda _: "This is the content of the static text resource."),
    _Fixed("test://static-binary", "image/png", lambda _: _PIXEL, binary=True),
    _Fixed("test://watched-resource", "text/plain", lambda _: "Watched."),
    _Fixed(
        "test://template/{id}/data",
        "application/json",
        lambda values: json.dumps({"id": values["id"], "templateTest": True}),
    ),
)


def _user(content: types.ContentBlock) -> types.PromptMessage:
    return types.PromptMessage(role="user", content=content)


async def _with_resource(_: Desk, given: Mapping[str, str]) -> Sequence[types.PromptMessage]:
    embedded = _resource(given["resourceUri"], "text/plain", "Embedded resource content for testing.")
    return [_user(embedded), _user(_text("Please process the embedded resource above."))]


async def _with_image(_: Desk, __: Mapping[str, str]) -> Sequence[types.PromptMessage]:
    return [_user(_image()), _user(_text("Please analyze the image above."))]


MADE: tuple[BuiltIn, ...] = (
    BuiltIn(
        types.Prompt(
            name="test_prompt_with_embedded_resource",
            description="Holds a resource.",
            arguments=[types.PromptArgument(name="resourceUri", required=True)],
        ),
        _with_resource,
    ),
    BuiltIn(types.Prompt(name="test_prompt_with_image", description="Holds an image."), _with_image),
)
