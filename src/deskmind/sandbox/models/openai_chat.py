"""OpenAI's chat completions: POST /v1/chat/completions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast

from deskmind.sandbox.models import shape, tokens
from deskmind.sandbox.models.call import Answer, Call, Event, Target, Tool, Turn
from deskmind.sandbox.models.openai_errors import OpenAIErrors
from deskmind.sandbox.models.refusal import Refused
from deskmind.sandbox.models.reply import Reply

_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_DONE = Event(b"data: [DONE]\n\n")


class ChatCompletions(OpenAIErrors):
    """Chat completions, whole and streamed, with tools, JSON schemas and images."""

    def read(self, target: Target, body: dict[str, Any]) -> Call:
        """The request; `Refused` as OpenAI validates it."""
        model = target.model or shape.text(body.get("model"))
        if not model:
            raise Refused("bad_request", "you must provide a model parameter")
        messages = [shape.mapping(message) for message in shape.items(body.get("messages"))]
        if not messages:
            message = "Missing required parameter: 'messages'." if "messages" not in body else _EMPTY_MESSAGES
            raise Refused("bad_request", message, param="messages")
        if (body.get("n") or 1) != 1:
            raise Refused("bad_request", "Invalid value for 'n': this model answers one choice.", param="n")
        last_user, counted = _texts(messages)
        schema, any_json = _format(shape.mapping(body.get("response_format")))
        stream = body.get("stream") is True
        options = shape.mapping(body.get("stream_options"))
        if options and not stream:
            message = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
            raise Refused("bad_request", message, param="stream_options")
        tools = _tools(body)
        return Call(
            model=model,
            body=body,
            input_tokens=counted,
            stream=stream,
            last_user=last_user,
            after_tool=messages[-1].get("role") == "tool",
            tools=tools,
            choose=_choice(body, tools),
            schema=schema,
            any_json=any_json,
            max_tokens=shape.whole_number(body.get("max_completion_tokens") or body.get("max_tokens")),
            stream_usage=options.get("include_usage") is True,
            user=shape.text(body.get("user")) or None,
            metadata=body.get("metadata"),
        )

    def render(self, call: Call, reply: Reply, turn: Turn) -> Answer:
        """A completion, or the chunks of one."""
        output = reply.output_tokens()
        if call.stream:
            events = self.events(call, reply, turn)
            return Answer(
                events=events, output_tokens=output, content_type="text/event-stream; charset=utf-8"
            )
        return Answer(self.whole(call, reply, turn, output), output_tokens=output)

    def whole(self, call: Call, reply: Reply, turn: Turn, output: int) -> bytes:
        """The completion's body."""
        content = json.dumps(reply.text) if reply.text or not reply.tool_calls else "null"
        calls = f',"tool_calls":{json.dumps(_calls(reply, turn))}' if reply.tool_calls else ""
        usage = f',"usage":{_usage(call, reply, output)}' if turn.tell_usage else ""
        return (
            f'{{"id":"chatcmpl-{turn.number:029d}","object":"chat.completion","created":{turn.created},'
            f'"model":{json.dumps(call.model)},"choices":[{{"index":0,"message":{{"role":"assistant",'
            f'"content":{content},"refusal":null,"annotations":[]{calls}}},"logprobs":null,'
            f'"finish_reason":"{_reason(reply)}"{self.filter_results}}}]{usage},'
            f'"service_tier":"default","system_fingerprint":"fp_sandbox"{self.prompt_filter}}}'
        ).encode()

    filter_results = ""
    prompt_filter = ""

    def events(self, call: Call, reply: Reply, turn: Turn) -> Iterator[Event]:
        """The chunks of a stream up to `data: [DONE]`."""
        told = call.stream_usage and turn.tell_usage
        tail = ',"usage":null' if told else ""
        head = (
            f'data: {{"id":"chatcmpl-{turn.number:029d}","object":"chat.completion.chunk","created":{turn.created},'
            f'"model":{json.dumps(call.model)},"service_tier":"default","system_fingerprint":"fp_sandbox","choices":['
        )

        def chunk(delta: str, reason: str = "null") -> bytes:
            choice = f'{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{reason}}}'
            return f"{head}{choice}]{tail}}}\n\n".encode()

        output = reply.output_tokens()
        first = '""' if reply.text or not reply.tool_calls else "null"
        yield Event(chunk(f'{{"role":"assistant","content":{first},"refusal":null}}'))
        for piece in tokens.pieces(reply.text, turn.per_chunk):
            yield Event(
                chunk(f'{{"content":{json.dumps(piece)}}}'), counted := tokens.count(piece), content=True
            )
            output -= counted
        for index, made in enumerate(_calls(reply, turn)):
            arguments = made["function"]["arguments"]
            opening = {**made, "function": {**made["function"], "arguments": ""}}
            yield Event(chunk(json.dumps({"tool_calls": [{"index": index, **opening}]})), 1, content=True)
            output -= 1
            for piece in tokens.pieces(arguments, turn.per_chunk):
                delta = {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
                yield Event(chunk(json.dumps(delta)), counted := tokens.count(piece), content=True)
                output -= counted
        yield Event(chunk("{}", f'"{_reason(reply)}"'), output)
        if told:
            yield Event(f'{head}],"usage":{_usage(call, reply, reply.output_tokens())}}}\n\n'.encode())
        yield _DONE


_EMPTY_MESSAGES = "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead."


def _texts(messages: list[dict[str, Any]]) -> tuple[str, int]:
    last_user, counted = "", 0
    known_calls: set[str] = set()
    for index, message in enumerate(messages):
        role = message.get("role")
        if role not in _ROLES:
            options = ", ".join(f"'{one}'" for one in _ROLES)
            wrong = f"Invalid value: '{role}'. Supported values are: {options}."
            raise Refused("bad_request", wrong, param=f"messages[{index}].role")
        known_calls |= {
            shape.text(shape.mapping(one).get("id")) for one in shape.items(message.get("tool_calls"))
        }
        if role == "tool" and message.get("tool_call_id") not in known_calls:
            wrong = (
                "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with "
                "'tool_calls'."
            )
            raise Refused("bad_request", wrong, param=f"messages.[{index}].role")
        text, images = _content(message.get("content"), f"messages[{index}].content")
        counted += (tokens.count(text) + images * tokens.IMAGE_TOKENS) or 1
        if role == "user":
            last_user = text
    return last_user, counted


def _content(content: Any, where: str) -> tuple[str, int]:
    if content is None or isinstance(content, str):
        return content or "", 0
    if not isinstance(content, list):
        kind = "an object" if isinstance(content, dict) else type(content).__name__
        message = f"Invalid type for '{where}': expected one of a string or array of objects, but got {kind} instead."
        raise Refused("bad_request", message, param=where)
    parts = [shape.mapping(part) for part in shape.items(cast("object", content))]
    images = sum(part.get("type") == "image_url" for part in parts)
    return " ".join(shape.text(part.get("text")) for part in parts if part.get("type") == "text"), images


def _format(asked: dict[str, Any]) -> tuple[dict[str, Any] | None, bool]:
    if asked.get("type") != "json_schema":
        return None, asked.get("type") == "json_object"
    described = shape.mapping(asked.get("json_schema"))
    if not described.get("name"):
        where = "response_format.json_schema.name"
        raise Refused("bad_request", f"Missing required parameter: '{where}'.", param=where)
    return shape.mapping(described.get("schema")), False


def _tools(body: dict[str, Any]) -> tuple[Tool, ...]:
    functions = [
        shape.mapping(shape.mapping(tool).get("function")) for tool in shape.items(body.get("tools"))
    ]
    for index, function in enumerate(functions):
        if not function.get("name"):
            where = f"tools[{index}].function.name"
            raise Refused("bad_request", f"Missing required parameter: '{where}'.", param=where)
    return tuple(Tool(function["name"], shape.mapping(function.get("parameters"))) for function in functions)


def _choice(body: dict[str, Any], tools: tuple[Tool, ...]) -> str:
    choice = body.get("tool_choice", "auto")
    if choice not in ("auto", "none", None) and not tools:
        message = "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified."
        raise Refused("bad_request", message, param="tool_choice")
    if isinstance(choice, dict):
        name = shape.text(shape.mapping(shape.mapping(body["tool_choice"]).get("function")).get("name"))
        if name not in [tool.name for tool in tools]:
            message = f"Tool choice '{name}' not found in 'tools' parameter."
            raise Refused("bad_request", message, param="tool_choice")
        return name
    return {"required": "any", "none": "none"}.get(shape.text(choice), "auto")


def _calls(reply: Reply, turn: Turn) -> list[dict[str, Any]]:
    return [
        {
            "id": f"call_{turn.number:020d}{index:04d}",
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments_json()},
        }
        for index, call in enumerate(reply.tool_calls)
    ]


def _reason(reply: Reply) -> str:
    return "tool_calls" if reply.tool_calls and reply.stop == "stop" else reply.stop


def _usage(call: Call, reply: Reply, output: int) -> str:
    total = call.input_tokens + output
    return (
        f'{{"prompt_tokens":{call.input_tokens},"completion_tokens":{output},"total_tokens":{total},'
        f'"prompt_tokens_details":{{"cached_tokens":{reply.cached_tokens},"audio_tokens":0}},'
        '"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,'
        '"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}'
    )
