"""Reading a request of Anthropic's Messages: what is said, what is offered, what is marked for the cache."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from deskmind.sandbox.models import shape, tokens
from deskmind.sandbox.models.call import Call, Target, Tool
from deskmind.sandbox.models.refusal import Refused


def read(target: Target, body: dict[str, Any]) -> Call:
    """The request; `Refused` where Anthropic refuses it."""
    if not target.headers.get("anthropic-version"):
        raise Refused("bad_request", "anthropic-version: header is required")
    for name in ("model", "max_tokens", "messages"):
        if name not in body:
            raise Refused("bad_request", f"{name}: Field required")
    most = shape.whole_number(body["max_tokens"])
    if most is None or most < 1:
        raise Refused("bad_request", "max_tokens: Input should be greater than or equal to 1")
    messages = [shape.mapping(message) for message in shape.items(body["messages"])]
    if not messages:
        raise Refused("bad_request", "messages: at least one message is required")
    _check_roles(messages)
    _check_results(messages)
    counted = sum(_counted(one) for one in _as_blocks(body.get("system")))
    counted += sum(sum(_counted(one) for one in _as_blocks(each.get("content"))) or 1 for each in messages)
    users = [_as_blocks(message.get("content")) for message in messages if message.get("role") == "user"]
    last = _as_blocks(messages[-1].get("content"))
    tools = tuple(
        Tool(shape.text(tool.get("name")), shape.mapping(tool.get("input_schema")))
        for tool in map(shape.mapping, shape.items(body.get("tools")))
    )
    prefix, prefix_tokens = _cache_prefix(body, messages)
    asked = shape.mapping(body.get("output_format")) or shape.mapping(
        shape.mapping(body.get("output_config")).get("format")
    )
    return Call(
        model=shape.text(body["model"]),
        body=body,
        input_tokens=counted,
        stream=body.get("stream") is True,
        last_user=next((said for blocks in reversed(users) if (said := _said(blocks))), ""),
        after_tool=any(block.get("type") == "tool_result" for block in last),
        tools=tools,
        choose=_choice(body, tools),
        schema=shape.mapping(asked["schema"]) if asked.get("schema") else None,
        max_tokens=most,
        cache_prefix=prefix,
        cache_prefix_tokens=prefix_tokens,
        user=shape.text(shape.mapping(body.get("metadata")).get("user_id")) or None,
        metadata=body.get("metadata"),
    )


def _as_blocks(content: Any) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [shape.mapping(block) for block in shape.items(content)]


def _said(blocks: list[dict[str, Any]]) -> str:
    return " ".join(shape.text(block.get("text")) for block in blocks if block.get("type") == "text")


def _counted(block: dict[str, Any]) -> int:
    if block.get("type") == "image":
        return tokens.IMAGE_TOKENS
    if block.get("type") == "tool_result":
        return sum(_counted(part) for part in _as_blocks(block.get("content")))
    return tokens.count(shape.text(block.get("text")))


def _check_roles(messages: list[dict[str, Any]]) -> None:
    for message in messages:
        role = message.get("role")
        if role == "system":
            raise Refused(
                "bad_request",
                'messages: Unexpected role "system". The Messages API accepts a top-level `system` parameter, not '
                '"system" as an input message role.',
            )
        if role not in ("user", "assistant"):
            wrong = f'messages: Unexpected role "{role}". Allowed roles are "user" or "assistant".'
            raise Refused("bad_request", wrong)


def _check_results(messages: list[dict[str, Any]]) -> None:
    """Each `tool_result` answers a `tool_use` of the message before, and each of these is answered."""
    asked: set[str] = set()
    for index, message in enumerate(messages):
        blocks = _as_blocks(message.get("content"))
        answered = [
            shape.text(block.get("tool_use_id")) for block in blocks if block.get("type") == "tool_result"
        ]
        for place, one in enumerate(answered):
            if one not in asked:
                raise Refused(
                    "bad_request",
                    f"messages.{index}.content.{place}: unexpected `tool_use_id` found in `tool_result` blocks: "
                    f"{one}. Each `tool_result` block must have a corresponding `tool_use` block in the previous "
                    "message.",
                )
        if missing := sorted(asked - set(answered)):
            raise Refused(
                "bad_request",
                f"messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after: "
                f"{', '.join(missing)}. Each `tool_use` block must have a corresponding `tool_result` block in the "
                "next message.",
            )
        asked = {shape.text(block.get("id")) for block in blocks if block.get("type") == "tool_use"}


def _choice(body: dict[str, Any], tools: tuple[Tool, ...]) -> str:
    choice = shape.mapping(body.get("tool_choice"))
    kind = shape.text(choice.get("type")) or "auto"
    if kind != "tool":
        if kind == "any" and not tools:
            raise Refused("bad_request", "tool_choice may only be specified while providing tools.")
        return kind
    name = shape.text(choice.get("name"))
    if name not in [tool.name for tool in tools]:
        raise Refused("bad_request", f"Tool '{name}' not found in provided tools")
    return name


def _cache_prefix(body: dict[str, Any], messages: list[dict[str, Any]]) -> tuple[str, int]:
    """What comes before the last `cache_control`, as a digest and in tokens; empty without one."""
    blocks = [shape.mapping(tool) for tool in shape.items(body.get("tools"))]
    blocks += _as_blocks(body.get("system"))
    for message in messages:
        blocks += _as_blocks(message.get("content"))
    digest, counted, found = hashlib.sha256(shape.text(body["model"]).encode()), 0, ("", 0)
    for block in blocks:
        plain = {name: value for name, value in block.items() if name != "cache_control"}
        digest.update(json.dumps(plain, sort_keys=True).encode())
        counted += _counted(block)
        if block.get("cache_control"):
            found = digest.hexdigest(), counted
    return found
