"""Google's Gemini: POST /v1beta/models/{model}:generateContent and :streamGenerateContent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast

from deskmind.sandbox.models import shape, tokens
from deskmind.sandbox.models.call import Answer, Call, Event, Target, Tool, Turn
from deskmind.sandbox.models.gemini_errors import GeminiErrors
from deskmind.sandbox.models.refusal import Refused
from deskmind.sandbox.models.reply import Reply

_REASONS = {"stop": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"}
_EMPTY = "* GenerateContentRequest.contents: contents is not specified\n"
_HIGH = {"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": True}


class GenerateContent(GeminiErrors):
    """Contents, whole and streamed (server-sent events, or a JSON array without `alt=sse`), with functions."""

    def read(self, target: Target, body: dict[str, Any]) -> Call:
        """The request; `Refused` as Gemini validates it."""
        contents = [shape.mapping(content) for content in shape.items(body.get("contents"))]
        if not contents:
            raise Refused("bad_request", _EMPTY)
        if any(content.get("role", "user") not in ("user", "model", "function") for content in contents):
            raise Refused("bad_request", "Please use a valid role: user, model.")
        system = shape.mapping(either(body, "systemInstruction"))
        config = shape.mapping(either(body, "generationConfig"))
        tools = _tools(body)
        spoken = [
            text for content in contents if content.get("role", "user") == "user" and (text := _text(content))
        ]
        last = parts(contents[-1])
        schema = shape.mapping(either(config, "responseSchema") or either(config, "responseJsonSchema"))
        return Call(
            model=target.model,
            body=body,
            input_tokens=_counted(system) + sum(_counted(content) or 1 for content in contents),
            stream=target.verb == "streamGenerateContent",
            last_user=spoken[-1] if spoken else "",
            after_tool=any(either(part, "functionResponse") for part in last),
            tools=tools,
            choose=_choice(body, tools),
            schema=schema or None,
            any_json=either(config, "responseMimeType") == "application/json",
            max_tokens=shape.whole_number(either(config, "maxOutputTokens")),
            stream_usage=target.query.get("alt") == "sse",
            metadata=body.get("labels"),
        )

    def render(self, call: Call, reply: Reply, turn: Turn) -> Answer:
        """A response, or the responses of a stream."""
        output = reply.output_tokens()
        if call.stream:
            sse = call.stream_usage
            kind = "text/event-stream" if sse else "application/json; charset=UTF-8"
            framed = _framed(_chunks(call, reply, turn), sse=sse)
            return Answer(events=framed, output_tokens=output, content_type=kind)
        made = [{"text": reply.text}] if reply.text or not reply.tool_calls else []
        made += _functions(reply)
        response = _response(call, reply, turn, made, output, finished=True)
        return Answer(
            json.dumps(response).encode(),
            output_tokens=output,
            content_type="application/json; charset=UTF-8",
        )


def either(data: dict[str, Any], name: str) -> Any:
    """The field `name`, or its spelling with underscores, which the vendor takes as well."""
    if name in data:
        return data[name]
    return data.get("".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name))


def parts(content: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts of a content."""
    found = cast("object", content.get("parts"))
    return [shape.mapping(one) for one in (shape.items(found) or [found])]


def _text(content: dict[str, Any]) -> str:
    return " ".join(text for part in parts(content) if (text := shape.text(part.get("text"))))


def _counted(content: dict[str, Any]) -> int:
    """Words of texts and of function responses, and images."""
    images = sum(bool(either(part, "inlineData") or either(part, "fileData")) for part in parts(content))
    answers = [shape.mapping(either(part, "functionResponse")).get("response") for part in parts(content)]
    said = sum(tokens.count(json.dumps(answer)) for answer in answers if answer)
    return tokens.count(_text(content)) + images * tokens.IMAGE_TOKENS + said


def _tools(body: dict[str, Any]) -> tuple[Tool, ...]:
    declared = [
        shape.mapping(one)
        for tool in shape.items(body.get("tools"))
        for one in shape.items(either(shape.mapping(tool), "functionDeclarations"))
    ]
    return tuple(
        Tool(
            shape.text(one.get("name")),
            shape.mapping(either(one, "parametersJsonSchema") or one.get("parameters")) or {"type": "object"},
        )
        for one in declared
    )


def _choice(body: dict[str, Any], tools: tuple[Tool, ...]) -> str:
    config = shape.mapping(either(shape.mapping(either(body, "toolConfig")), "functionCallingConfig"))
    mode = shape.text(config.get("mode")).upper()
    if mode == "NONE":
        return "none"
    if mode != "ANY":
        return "auto"
    if not tools:
        raise Refused("bad_request", "Function calling config is set without function_declarations.")
    allowed = shape.items(either(config, "allowedFunctionNames"))
    return shape.text(allowed[0]) if allowed else "any"


def _functions(reply: Reply) -> list[dict[str, Any]]:
    return [{"functionCall": {"name": call.name, "args": dict(call.arguments)}} for call in reply.tool_calls]


def _response(
    call: Call, reply: Reply, turn: Turn, made: list[dict[str, Any]], output: int, *, finished: bool
) -> dict[str, Any]:
    """One response; a filtered answer without any text is a blocked prompt, which has no candidates."""
    response: dict[str, Any] = {}
    blocked = reply.stop == "content_filter" and not reply.text
    if blocked:
        response["promptFeedback"] = {"blockReason": "SAFETY", "safetyRatings": [_HIGH]}
    else:
        candidate: dict[str, Any] = {"content": {"parts": made, "role": "model"}}
        if finished:
            candidate["finishReason"] = _REASONS[reply.stop]
            if reply.stop == "content_filter":
                candidate["safetyRatings"] = [_HIGH]
        response["candidates"] = [{**candidate, "index": 0}]
    if turn.tell_usage:
        response["usageMetadata"] = _usage(call, reply, 0 if blocked else output)
    response["modelVersion"] = call.model
    response["responseId"] = f"sandbox{turn.number:015d}"
    return response


def _usage(call: Call, reply: Reply, output: int) -> dict[str, Any]:
    usage: dict[str, Any] = {"promptTokenCount": call.input_tokens}
    if output:
        usage["candidatesTokenCount"] = output
    usage["totalTokenCount"] = call.input_tokens + output
    if reply.cached_tokens:
        usage["cachedContentTokenCount"] = reply.cached_tokens
    usage["promptTokensDetails"] = [{"modality": "TEXT", "tokenCount": call.input_tokens}]
    return usage


def _chunks(call: Call, reply: Reply, turn: Turn) -> Iterator[Event]:
    """Unframed responses; function calls are not cut up, and usage grows from chunk to chunk."""
    made = 0

    def event(content: list[dict[str, Any]], counted: int, *, finished: bool = False) -> Event:
        response = _response(call, reply, turn, content, made, finished=finished)
        return Event(json.dumps(response).encode(), counted, not finished)

    for piece in tokens.pieces(reply.text, turn.per_chunk):
        made += (counted := tokens.count(piece))
        yield event([{"text": piece}], counted)
    for called, part in zip(reply.tool_calls, _functions(reply), strict=True):
        made += (counted := tokens.count(called.arguments_json()) + 1)
        yield event([part], counted)
    rest = reply.output_tokens() - made
    made += rest
    yield event([{"text": ""}], rest, finished=True)


def _framed(chunks: Iterator[Event], *, sse: bool) -> Iterator[Event]:
    if sse:
        for chunk in chunks:
            yield chunk._replace(data=b"data: " + chunk.data + b"\r\n\r\n")
        return
    opening = b"["
    for chunk in chunks:
        yield chunk._replace(data=opening + chunk.data + b"\n")
        opening = b",\r\n"
    yield Event(b"]")
