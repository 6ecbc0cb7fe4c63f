"""OpenAI's and Azure's wire formats in their particulars."""

from __future__ import annotations

import base64
import json
import struct

import jsonschema
import pytest

from deskmind.sandbox.models import Reply, ToolCall

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 2}},
            "required": ["city", "days"],
        },
    },
}


def _chat(content="hello there", **more):
    return {"model": "echo", "messages": [{"role": "user", "content": content}], **more}


async def _post(http, headers, body, path="/v1/chat/completions"):
    async with http.post(path, json=body, headers=headers) as response:
        return response.status, await response.json()


async def test_a_completion_looks_like_the_vendors(http, openai_headers):
    async with http.post("/v1/chat/completions", json=_chat(), headers=openai_headers) as response:
        answer = await response.json()
    assert response.headers["x-request-id"].startswith("req_")
    assert answer["object"] == "chat.completion"
    assert answer["id"].startswith("chatcmpl-")
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["usage"]["total_tokens"] == 4


async def test_a_stream_ends_with_done_and_tells_usage_only_if_asked(http, openai_headers, events):
    for options, wanted in (({}, False), ({"stream_options": {"include_usage": True}}, True)):
        body = _chat(stream=True, **options)
        async with http.post("/v1/chat/completions", json=body, headers=openai_headers) as response:
            text = await response.text()
        assert text.endswith("data: [DONE]\n\n")
        found = events(text)
        assert found[0]["choices"][0]["delta"]["role"] == "assistant"
        with_usage = [event for event in found if event.get("usage")]
        assert bool(with_usage) == wanted
        if wanted:
            assert with_usage == [found[-1]]
            assert found[-1]["choices"] == []
            assert found[-1]["usage"]["completion_tokens"] == 2


async def test_the_number_in_the_models_name_is_the_number_of_chunks(http, openai_headers, events, sandbox):
    body = {**_chat(stream=True), "model": "echo-50"}
    async with http.post("/v1/chat/completions", json=body, headers=openai_headers) as response:
        found = events(await response.text())
    deltas = [event["choices"][0]["delta"].get("content") for event in found]
    assert len([delta for delta in deltas if delta]) == 50
    assert sandbox.book[0].output_tokens == 50


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "weather"}}])
async def test_a_tool_that_must_be_called_is_called_with_fitting_arguments(http, openai_headers, choice):
    _, answer = await _post(http, openai_headers, _chat("Paris", tools=[WEATHER], tool_choice=choice))
    called = answer["choices"][0]["message"]["tool_calls"][0]
    jsonschema.validate(json.loads(called["function"]["arguments"]), WEATHER["function"]["parameters"])
    assert called["function"]["name"] == "weather"
    assert answer["choices"][0]["finish_reason"] == "tool_calls"
    assert answer["choices"][0]["message"]["content"] is None


async def test_a_tool_is_called_if_it_is_named_and_not_after_its_result(http, openai_headers):
    _, plain = await _post(http, openai_headers, _chat("hello", tools=[WEATHER]))
    assert "tool_calls" not in plain["choices"][0]["message"]
    asked = _chat("the weather please", tools=[WEATHER])
    _, answer = await _post(http, openai_headers, asked)
    message = answer["choices"][0]["message"]
    result = {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "sunny"}
    asked["messages"] += [message, result]
    _, answer = await _post(http, openai_headers, asked)
    assert answer["choices"][0]["message"]["content"] == "the weather please"


async def test_streamed_arguments_come_in_fragments_that_join(http, openai_headers, events, sandbox):
    sandbox.script(
        [
            Reply(
                "Let me see.",
                (ToolCall("weather", {"city": "Ulm", "days": 3}), ToolCall("clock", {"zone": "CET"})),
            )
        ]
    )
    body = _chat(stream=True, tools=[WEATHER])
    async with http.post("/v1/chat/completions", json=body, headers=openai_headers) as response:
        found = events(await response.text())
    joined: dict[int, str] = {}
    names: dict[int, str] = {}
    for event in found:
        for call in event["choices"][0]["delta"].get("tool_calls", []):
            names.setdefault(call["index"], call["function"].get("name"))
            joined[call["index"]] = joined.get(call["index"], "") + call["function"]["arguments"]
    assert names == {0: "weather", 1: "clock"}
    assert json.loads(joined[0]) == {"city": "Ulm", "days": 3}
    assert json.loads(joined[1]) == {"zone": "CET"}
    assert sandbox.book[0].output_tokens == 3 + (1 + 4) + (1 + 2)


async def test_a_schema_is_filled(http, openai_headers):
    schema = {
        "type": "object",
        "properties": {
            "category": {"enum": ["hardware", "software"]},
            "urgency": {"type": "integer", "minimum": 1, "maximum": 4},
            "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}, "minItems": 2},
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
        "required": ["category", "urgency", "tags", "note"],
        "additionalProperties": False,
        "$defs": {
            "tag": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
        },
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "triage", "strict": True, "schema": schema}}
    _, answer = await _post(http, openai_headers, _chat("printer broken", response_format=wanted))
    jsonschema.validate(json.loads(answer["choices"][0]["message"]["content"]), schema)
    _, answer = await _post(http, openai_headers, _chat("x", response_format={"type": "json_object"}))
    assert isinstance(json.loads(answer["choices"][0]["message"]["content"]), dict)


async def test_images_are_taken_and_counted(http, openai_headers):
    parts = [
        {"type": "text", "text": "what is this"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
    ]
    _, answer = await _post(http, openai_headers, _chat(parts))
    assert answer["choices"][0]["message"]["content"] == "what is this"
    assert answer["usage"]["prompt_tokens"] == 3 + 85


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": [{"role": "user", "content": "x"}]}, None),
        ({"model": "echo"}, "messages"),
        (_chat(stream_options={"include_usage": True}), "stream_options"),
        (_chat(tool_choice="required"), "tool_choice"),
        (_chat(n=2), "n"),
        (_chat({"text": "x"}), "messages[0].content"),
        ({"model": "echo", "messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        (
            {"model": "echo", "messages": [{"role": "tool", "tool_call_id": "?", "content": "x"}]},
            "messages.[0].role",
        ),
    ],
)
async def test_what_the_vendor_refuses_is_refused(http, openai_headers, body, param, sandbox):
    status, answer = await _post(http, openai_headers, body)
    assert status == 400
    assert answer["error"]["type"] == "invalid_request_error"
    assert answer["error"]["param"] == param
    assert not sandbox.book[0].billed


async def test_embeddings_are_deterministic_of_unit_length_and_near_for_like_texts(http, openai_headers):
    body = {"model": "echo-embed", "input": ["printer jam", "printer jam", "printer offline", "vpn token"]}
    _, answer = await _post(http, openai_headers, body, "/v1/embeddings")
    first, same, near, far = (item["embedding"] for item in answer["data"])

    def likeness(one, other):
        return sum(a * b for a, b in zip(one, other, strict=True))

    assert first == same
    assert likeness(first, first) == pytest.approx(1, abs=1e-4)
    assert likeness(first, near) > likeness(first, far)
    assert answer["usage"] == {"prompt_tokens": 8, "total_tokens": 8}


async def test_embeddings_as_base64_are_the_same_numbers(http, openai_headers):
    body = {"model": "text-embedding-3-small", "input": "printer jam", "dimensions": 8}
    _, plain = await _post(http, openai_headers, body, "/v1/embeddings")
    _, coded = await _post(http, openai_headers, {**body, "encoding_format": "base64"}, "/v1/embeddings")
    values = struct.unpack("<8f", base64.b64decode(coded["data"][0]["embedding"]))
    assert list(values) == pytest.approx(plain["data"][0]["embedding"], abs=1e-6)
    _, full = await _post(http, openai_headers, {**body, "dimensions": None}, "/v1/embeddings")
    assert len(full["data"][0]["embedding"]) == 1536


async def test_reranking_puts_the_most_alike_first(http, openai_headers):
    body = {
        "model": "echo-rerank",
        "query": "printer jam",
        "documents": ["vpn token", {"text": "clear the printer jam"}, "printer offline"],
        "top_n": 2,
        "return_documents": True,
    }
    _, answer = await _post(http, openai_headers, body, "/v1/rerank")
    assert [result["index"] for result in answer["results"]] == [1, 2]
    assert answer["results"][0]["relevance_score"] > answer["results"][1]["relevance_score"]
    assert answer["results"][0]["document"]["text"] == "clear the printer jam"
    status, _ = await _post(http, openai_headers, {"model": "x", "query": "y"}, "/v1/rerank")
    assert status == 400


async def test_the_models_are_listed(http, openai_headers, anthropic_headers):
    async with http.get("/v1/models", headers=openai_headers) as response:
        assert "echo" in [model["id"] for model in (await response.json())["data"]]
    async with http.get("/v1/models/echo", headers=openai_headers) as response:
        assert (await response.json())["object"] == "model"
    async with http.get("/v1/models/none", headers=openai_headers) as response:
        assert (response.status, (await response.json())["error"]["code"]) == (404, "model_not_found")
    async with http.get("/v1/models", headers=anthropic_headers) as response:
        assert (await response.json())["data"][0]["type"] == "model"
    async with http.get("/v1beta/models", headers={"x-goog-api-key": "sandbox-key"}) as response:
        assert (await response.json())["models"][0]["name"] == "models/echo"
    async with http.get("/v1/models") as response:
        assert response.status == 401


async def test_azure_takes_its_deployment_from_the_path_and_needs_a_version(http, events):
    headers = {"api-key": "sandbox-key"}
    path = "/openai/deployments/echo-3/chat/completions"
    body = {"messages": [{"role": "user", "content": "hi"}], "stream": True}
    async with http.post(f"{path}?api-version=2024-10-21", json=body, headers=headers) as response:
        found = events(await response.text())
    assert found[0]["choices"] == []
    assert found[0]["prompt_filter_results"][0]["prompt_index"] == 0
    assert found[1]["model"] == "echo-3"
    status, answer = await _post(http, headers, body, path)
    assert (status, answer["error"]) == (404, {"code": "404", "message": "Resource not found"})
    status, answer = await _post(
        http, headers, {"input": "a b"}, "/openai/deployments/echo/embeddings?api-version=1"
    )
    assert (status, len(answer["data"])) == (200, 1)


async def test_a_body_that_is_no_json_and_a_path_that_is_none(http, openai_headers):
    async with http.post("/v1/chat/completions", data=b"{", headers=openai_headers) as response:
        assert response.status == 400
        assert (await response.json())["error"]["message"].startswith("We could not parse the JSON body")
    status, answer = await _post(http, openai_headers, {}, "/v1/nowhere")
    assert (status, answer["error"]["message"]) == (404, "Invalid URL (POST /v1/nowhere)")
