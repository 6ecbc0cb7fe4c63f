"""Anthropic's wire format in its particulars."""

from __future__ import annotations

import json

import jsonschema
import pytest

from deskmind.sandbox.models import Reply, ToolCall

WEATHER = {
    "name": "weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def _ask(content="hello there", **more):
    return {"model": "echo", "max_tokens": 500, "messages": [{"role": "user", "content": content}], **more}


async def _post(http, headers, body):
    async with http.post("/v1/messages", json=body, headers=headers) as response:
        return response.status, await response.json()


async def test_a_stream_has_the_named_events_in_order(http, anthropic_headers):
    body = _ask("one two", stream=True)
    async with http.post("/v1/messages", json=body, headers=anthropic_headers) as response:
        lines = (await response.text()).splitlines()
    names = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    data = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    assert names == [
        "message_start",
        "content_block_start",
        "ping",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert names == [event["type"] for event in data]
    assert data[0]["message"]["usage"]["input_tokens"] == 2
    assert data[-2]["delta"]["stop_reason"] == "end_turn"
    assert data[-2]["usage"]["output_tokens"] == 2


async def test_tool_use_streams_its_input_as_json_fragments(http, anthropic_headers, events, sandbox):
    sandbox.script([Reply("Wait.", (ToolCall("weather", {"city": "Ulm", "days": [1, 2]}),))])
    body = _ask(stream=True, tools=[WEATHER])
    async with http.post("/v1/messages", json=body, headers=anthropic_headers) as response:
        found = events(await response.text())
    fragments = [e["delta"] for e in found if e["type"] == "content_block_delta" and e["index"] == 1]
    assert {delta["type"] for delta in fragments} == {"input_json_delta"}
    assert json.loads("".join(delta["partial_json"] for delta in fragments)) == {
        "city": "Ulm",
        "days": [1, 2],
    }
    start = next(e for e in found if e["type"] == "content_block_start" and e["index"] == 1)
    assert start["content_block"]["input"] == {}
    assert start["content_block"]["id"].startswith("toolu_")
    assert found[-2]["delta"]["stop_reason"] == "tool_use"
    assert sandbox.book[0].output_tokens == found[-2]["usage"]["output_tokens"]


@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "weather"}])
async def test_a_tool_is_called_and_its_result_taken(http, anthropic_headers, choice):
    asked = _ask("Ulm", tools=[WEATHER], tool_choice=choice)
    _, answer = await _post(http, anthropic_headers, asked)
    block = answer["content"][0]
    jsonschema.validate(block["input"], WEATHER["input_schema"])
    assert (block["type"], block["name"], answer["stop_reason"]) == ("tool_use", "weather", "tool_use")
    del asked["tool_choice"]
    result = {"type": "tool_result", "tool_use_id": block["id"], "content": "sunny and warm"}
    asked["messages"] += [
        {"role": "assistant", "content": answer["content"]},
        {"role": "user", "content": [result]},
    ]
    _, answer = await _post(http, anthropic_headers, asked)
    assert answer["content"] == [{"type": "text", "text": "Ulm"}]
    assert answer["usage"]["input_tokens"] == 1 + 1 + 3


async def test_a_marked_prefix_is_written_to_the_cache_and_then_read(http, anthropic_headers, sandbox):
    system = [{"type": "text", "text": "a b c d e", "cache_control": {"type": "ephemeral"}}]
    usages = []
    for question in ("one", "two words"):
        _, answer = await _post(http, anthropic_headers, _ask(question, system=system))
        usage = answer["usage"]
        usages.append(
            [usage[f"{n}input_tokens"] for n in ("", "cache_creation_", "cache_read_")]
            + [usage["output_tokens"]]
        )
    assert usages == [[1, 5, 0, 1], [2, 0, 5, 2]]
    assert [entry.input_tokens for entry in sandbox.book] == [6, 7]
    assert [entry.cached_tokens for entry in sandbox.book] == [0, 5]


async def test_a_schema_is_filled(http, anthropic_headers):
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    body = _ask(output_config={"format": {"type": "json_schema", "schema": schema}})
    _, answer = await _post(http, anthropic_headers, body)
    jsonschema.validate(json.loads(answer["content"][0]["text"]), schema)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"messages": []}, "messages: at least one message is required"),
        ({"messages": [{"role": "system", "content": "x"}]}, 'messages: Unexpected role "system"'),
        ({"messages": [{"role": "robot", "content": "x"}]}, 'messages: Unexpected role "robot"'),
        ({"tool_choice": {"type": "tool", "name": "x"}}, "Tool 'x' not found in provided tools"),
        (
            {"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1"}]}]},
            "messages.0.content.0: unexpected `tool_use_id`",
        ),
        (
            {
                "messages": [
                    {
                        "role": "assistant",
                        "content": [{"type": "tool_use", "id": "t1", "name": "x", "input": {}}],
                    },
                    {"role": "user", "content": "and?"},
                ]
            },
            "messages.1: `tool_use` ids were found without `tool_result` blocks",
        ),
    ],
)
async def test_what_the_vendor_refuses_is_refused(http, anthropic_headers, change, message):
    status, answer = await _post(http, anthropic_headers, _ask() | change)
    assert status == 400
    assert answer["type"] == "error"
    assert answer["error"]["type"] == "invalid_request_error"
    assert answer["error"]["message"].startswith(message)
    assert answer["request_id"].startswith("req_")


async def test_a_missing_field_or_version_is_named(http, anthropic_headers):
    _, answer = await _post(http, anthropic_headers, {"model": "echo", "messages": []})
    assert answer["error"]["message"] == "max_tokens: Field required"
    _, answer = await _post(http, {"x-api-key": "sandbox-key"}, _ask())
    assert answer["error"]["message"] == "anthropic-version: header is required"
