"""The tools that the conformance suite calls, by the names it gives them, in the form in which ours are made."""

from __future__ import annotations

from typing import Any

import mcp_types as types

from deskmind.api.mcp.tool import Blocks, Nothing, Tool
from deskmind.desk import Desk
from deskmind.errors import InvalidRequestError

__all__ = ["PROMPTS", "TOOLS"]

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
    async def act(_: Desk, __: Nothing) -> Blocks:
        return blocks

    return act


async def _fails(_: Desk, __: Nothing) -> Blocks:
    raise InvalidRequestError("This tool intentionally returns an error for testing.")


TOOLS: tuple[Tool[Any], ...] = (
    *(Tool(name, name, name, Nothing, None, _gives(blocks)) for name, blocks in _CONTENT.items()),
    Tool("test_error_handling", "Error", "Fails.", Nothing, None, _fails),
)
