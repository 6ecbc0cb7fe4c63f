"""Anthropic's Messages: POST /v1/messages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from deskmind.sandbox.models import tokens
from deskmind.sandbox.models.anthropic_errors import AnthropicErrors
from deskmind.sandbox.models.anthropic_request import read
from deskmind.sandbox.models.call import Answer, Call, Event, Target, Turn
from deskmind.sandbox.models.reply import Reply

_REASONS = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}


class Messages(AnthropicErrors):
    """Messages, whole and as named events, with tools, images and the prompt cache."""

    def read(self, target: Target, body: dict[str, Any]) -> Call:
        """The request; `Refused` as Anthropic validates it."""
        return read(target, body)

    def render(self, call: Call, reply: Reply, turn: Turn) -> Answer:
        """A message, or the events that make one."""
        output = reply.output_tokens()
        if call.stream:
            events = _events(call, reply, turn)
            return Answer(
                events=events, output_tokens=output, content_type="text/event-stream; charset=utf-8"
            )
        message = _message(call, turn)
        message["content"] = [block for block, _ in _blocks(reply, turn)]
        message["stop_reason"] = _reason(reply)
        if turn.tell_usage:
            message["usage"] = _usage(call, reply, output)
        return Answer(json.dumps(message).encode(), output_tokens=output)


def _message(call: Call, turn: Turn) -> dict[str, Any]:
    return {
        "id": f"msg_{turn.number:024d}",
        "type": "message",
        "role": "assistant",
        "model": call.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _blocks(reply: Reply, turn: Turn) -> list[tuple[dict[str, Any], str]]:
    """The content blocks, each with the text that a stream cuts up."""
    found: list[tuple[dict[str, Any], str]] = []
    if reply.text or not (reply.tool_calls or reply.stop == "content_filter"):
        found.append(({"type": "text", "text": reply.text}, reply.text))
    for index, call in enumerate(reply.tool_calls):
        made = f"toolu_{turn.number:020d}{index:04d}"
        block = {"type": "tool_use", "id": made, "name": call.name, "input": dict(call.arguments)}
        found.append((block, call.arguments_json()))
    return found


def _reason(reply: Reply) -> str:
    return "tool_use" if reply.tool_calls and reply.stop == "stop" else _REASONS[reply.stop]


def _usage(call: Call, reply: Reply, output: int) -> dict[str, Any]:
    """Input that was read from or written to the cache is not in `input_tokens`."""
    return {
        "input_tokens": max(call.input_tokens - reply.cached_tokens - call.cache_written, 0),
        "cache_creation_input_tokens": call.cache_written,
        "cache_read_input_tokens": reply.cached_tokens,
        "output_tokens": output,
        "service_tier": "standard",
    }


def _events(call: Call, reply: Reply, turn: Turn) -> Iterator[Event]:
    message = _message(call, turn)
    if turn.tell_usage:
        message["usage"] = _usage(call, reply, 1)
    yield _event("message_start", {"message": message})
    output = reply.output_tokens()
    for index, (block, text) in enumerate(_blocks(reply, turn)):
        tool = block["type"] == "tool_use"
        empty: dict[str, Any] = {**block, "input": {}} if tool else {**block, "text": ""}
        yield _event("content_block_start", {"index": index, "content_block": empty}, int(tool), content=tool)
        output -= tool
        if index == 0:
            yield _event("ping", {})
        kind, key = ("input_json_delta", "partial_json") if tool else ("text_delta", "text")
        for piece in tokens.pieces(text, turn.per_chunk):
            counted = tokens.count(piece)
            output -= counted
            delta = {"index": index, "delta": {"type": kind, key: piece}}
            yield _event("content_block_delta", delta, counted, content=True)
        yield _event("content_block_stop", {"index": index})
    closing: dict[str, Any] = {"delta": {"stop_reason": _reason(reply), "stop_sequence": None}}
    if turn.tell_usage:
        closing["usage"] = {"output_tokens": reply.output_tokens()}
    yield _event("message_delta", closing, output)
    yield _event("message_stop", {})


def _event(name: str, data: dict[str, Any], counted: int = 0, *, content: bool = False) -> Event:
    line = json.dumps({"type": name, **data})
    return Event(f"event: {name}\ndata: {line}\n\n".encode(), counted, content)
