"""Restoring whole replies and the pieces of streamed ones, with the provider's own form beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from deskmind.gateway.messages import ChatDelta, ChatRequest, ChatResponse, ToolCall, ToolCallPart
from deskmind.gateway.shield.protocol import Flow, Restorer

__all__ = ["RestoredPieces", "restored_reply", "wants_json"]


def wants_json(request: ChatRequest) -> bool:
    """Whether the reply's text is JSON."""
    wanted: Any = request.options.get("response_format")
    return isinstance(wanted, Mapping) and cast("Mapping[str, Any]", wanted).get("type") in {
        "json_object",
        "json_schema",
    }


def restored_reply(reply: ChatResponse, restorer: Restorer, *, json: bool) -> ChatResponse:
    """A reply with its text and the arguments of its tool calls restored."""
    text = _whole(reply.text, restorer, json=json)
    calls = tuple(
        ToolCall(call.id, call.name, _whole(call.arguments, restorer, json=True)) for call in reply.tool_calls
    )
    raw = None if reply.raw is None else _raw_reply(reply.raw, text, calls)
    return replace(reply, text=text, tool_calls=calls, raw=raw)


class RestoredPieces:
    """Restores the pieces of one stream; what is held back comes with a later piece, at the latest the last one."""

    def __init__(self, restorer: Restorer, *, json: bool) -> None:
        self._restorer = restorer
        self._json = json
        self._text = restorer.flow(json=json)
        self._calls: dict[int, Flow] = {}

    def turn(self, piece: ChatDelta) -> ChatDelta | None:
        """The piece as it may be said; None when nothing of it can be said yet."""
        if piece.restarted:
            self._text, self._calls = self._restorer.flow(json=self._json), {}
        said = bool(piece.text or piece.tool_calls)
        if not said and not piece.finish_reason:
            return piece
        text = self._text.feed(piece.text) if piece.text else ""
        parts = [self._part(part) for part in piece.tool_calls]
        if piece.finish_reason:
            text += self._text.end()
            parts += self._held()
        parts = [part for part in parts if part.id or part.name or part.arguments]
        if said and not (text or parts or piece.finish_reason or piece.usage or piece.restarted):
            return None
        return _piece(piece, text, tuple(parts))

    def end(self) -> ChatDelta | None:
        """What is left at the end of a stream that named no reason for it."""
        text, parts = self._text.end(), self._held()
        return ChatDelta(text=text, tool_calls=tuple(parts)) if text or parts else None

    def _part(self, part: ToolCallPart) -> ToolCallPart:
        flow = self._calls.get(part.index)
        if flow is None:
            flow = self._calls[part.index] = self._restorer.flow(json=True)
        return replace(part, arguments=flow.feed(part.arguments)) if part.arguments else part

    def _held(self) -> list[ToolCallPart]:
        ends = [(index, flow.end()) for index, flow in self._calls.items()]
        return [ToolCallPart(index, arguments=rest) for index, rest in ends if rest]


def _whole(text: str, restorer: Restorer, *, json: bool) -> str:
    if not text:
        return text
    flow = restorer.flow(json=json)
    return flow.feed(text) + flow.end()


def _piece(piece: ChatDelta, text: str, parts: tuple[ToolCallPart, ...]) -> ChatDelta:
    raw = None if piece.raw is None else _raw_piece(piece.raw, text, parts)
    return ChatDelta(
        text, parts, piece.finish_reason, piece.usage, piece.provider_model, piece.restarted, raw
    )


def _raw_reply(raw: Mapping[str, Any], text: str, calls: Sequence[ToolCall]) -> dict[str, Any]:
    message: dict[str, Any] = dict(raw["choices"][0]["message"])
    if text:
        message["content"] = text
    if calls:
        message["tool_calls"] = [
            {**given, "function": {**given["function"], "arguments": call.arguments}}
            for given, call in zip(message["tool_calls"], calls, strict=True)
        ]
    return _with_choice(raw, message=message)


def _raw_piece(raw: Mapping[str, Any], text: str, parts: Sequence[ToolCallPart]) -> dict[str, Any]:
    delta: dict[str, Any] = dict(raw["choices"][0].get("delta") or {})
    if text or delta.get("content"):
        delta["content"] = text
    if parts or delta.get("tool_calls"):
        delta["tool_calls"] = [_raw_part(part) for part in parts]
    return _with_choice(raw, delta=delta)


def _raw_part(part: ToolCallPart) -> dict[str, Any]:
    function = (
        {"name": part.name, "arguments": part.arguments} if part.name else {"arguments": part.arguments}
    )
    head = {"id": part.id, "type": "function"} if part.id else {}
    return {"index": part.index, **head, "function": function}


def _with_choice(raw: Mapping[str, Any], **words: Any) -> dict[str, Any]:
    """What repeats the reply otherwise (probabilities of its tokens) is left out: it would show placeholders."""
    choice = {name: value for name, value in raw["choices"][0].items() if name != "logprobs"}
    return {**raw, "choices": [{**choice, **words}]}
