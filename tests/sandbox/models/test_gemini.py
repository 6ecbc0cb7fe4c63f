"""Gemini's wire format in its particulars."""

from __future__ import annotations

import json

import jsonschema
import pytest

from deskmind.sandbox.models import Reply, ToolCall

KEY = {"x-goog-api-key": "sandbox-key"}
WEATHER = {
    "functionDeclarations": [
        {
            "name": "weather",
            "parameters": {
                "type": "OBJECT",
                "properties": {"city": {"type": "STRING"}},
                "required": ["city"],
            },
        }
    ]
}


def _ask(text="hello there", **more):
    return {"contents": [{"role": "user", "parts": [{"text": text}]}], **more}


async def _post(http, body, method="generateContent", query=""):
    async with http.post(f"/v1beta/models/echo:{method}{query}", json=body, headers=KEY) as response:
        return response.status, await response.json()


async def test_an_answer_looks_like_the_vendors(http):
    _, answer = await _post(http, _ask(systemInstruction={"parts": [{"text": "be kind"}]}))
    assert answer["candidates"][0]["finishReason"] == "STOP"
    assert answer["candidates"][0]["content"]["role"] == "model"
    usage = answer["usageMetadata"]
    assert (usage["promptTokenCount"], usage["candidatesTokenCount"], usage["totalTokenCount"]) == (4, 2, 6)
    assert answer["modelVersion"] == "echo"


async def test_the_key_may_be_in_the_query(http):
    async with http.post("/v1beta/models/echo:generateContent?key=sandbox-key", json=_ask()) as response:
        assert response.status == 200


async def test_usage_grows_along_a_stream_and_the_last_event_tells_why_it_ended(http, events):
    path = "/v1beta/models/echo:streamGenerateContent?alt=sse"
    async with http.post(path, json=_ask("a b c"), headers=KEY) as response:
        found = events(await response.text())
    assert [event["usageMetadata"]["candidatesTokenCount"] for event in found] == [1, 2, 3, 3]
    assert [event["candidates"][0].get("finishReason") for event in found] == [None, None, None, "STOP"]


async def test_without_sse_a_stream_is_one_json_array(http):
    status, answer = await _post(http, _ask("a b c"), "streamGenerateContent")
    assert status == 200
    assert [event["candidates"][0]["content"]["parts"][0]["text"] for event in answer] == [
        "a",
        " b",
        " c",
        "",
    ]


async def test_functions_are_called_whole(http, events, sandbox):
    config = {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather"]}}
    _, answer = await _post(http, _ask("Ulm", tools=[WEATHER], toolConfig=config))
    part = answer["candidates"][0]["content"]["parts"][0]
    assert part == {"functionCall": {"name": "weather", "args": {"city": "Ulm"}}}
    sandbox.script([Reply(tool_calls=(ToolCall("weather", {"city": "Bonn"}),))])
    path = "/v1beta/models/echo:streamGenerateContent?alt=sse"
    async with http.post(path, json=_ask("Ulm"), headers=KEY) as response:
        found = events(await response.text())
    assert found[0]["candidates"][0]["content"]["parts"][0]["functionCall"]["args"] == {"city": "Bonn"}
    assert sandbox.book[1].output_tokens == 3


async def test_after_a_functions_result_there_is_text(http):
    asked = _ask("the weather", tools=[WEATHER])
    _, answer = await _post(http, asked)
    response = {"functionResponse": {"name": "weather", "response": {"sky": "blue"}}}
    asked["contents"] += [answer["candidates"][0]["content"], {"role": "user", "parts": [response]}]
    _, answer = await _post(http, asked)
    assert answer["candidates"][0]["content"]["parts"] == [{"text": "the weather"}]


async def test_a_schema_is_filled_in_either_spelling(http):
    schema = {"type": "OBJECT", "properties": {"n": {"type": "INTEGER"}}, "required": ["n"]}
    plain = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    for config in (
        {"generationConfig": {"responseMimeType": "application/json", "responseSchema": schema}},
        {"generation_config": {"response_mime_type": "application/json", "response_schema": schema}},
    ):
        _, answer = await _post(http, _ask(**config))
        jsonschema.validate(json.loads(answer["candidates"][0]["content"]["parts"][0]["text"]), plain)


async def test_images_are_counted(http):
    body = _ask()
    body["contents"][0]["parts"].append({"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}})
    _, answer = await _post(http, body)
    assert answer["usageMetadata"]["promptTokenCount"] == 2 + 85


async def test_one_embedding_and_a_batch_agree(http):
    content = {"parts": [{"text": "printer jam"}]}
    _, one = await _post(http, {"content": content, "outputDimensionality": 8}, "embedContent")
    request = {"model": "models/echo", "content": content, "outputDimensionality": 8}
    _, many = await _post(http, {"requests": [request, request]}, "batchEmbedContents")
    assert many["embeddings"] == [one["embedding"], one["embedding"]]
    assert len(one["embedding"]["values"]) == 8
    status, answer = await _post(http, {}, "embedContent")
    assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "* GenerateContentRequest.contents: contents is not specified\n"),
        ({"contents": [{"role": "system", "parts": []}]}, "Please use a valid role: user, model."),
    ],
)
async def test_what_the_vendor_refuses_is_refused(http, body, message):
    status, answer = await _post(http, body)
    assert status == 400
    assert answer["error"] == {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}


async def test_a_blocked_prompt_has_no_candidates_and_a_blocked_answer_says_safety(http, sandbox):
    sandbox.script([Reply(stop="content_filter"), Reply("well then", stop="content_filter")])
    _, blocked = await _post(http, _ask())
    assert blocked["promptFeedback"]["blockReason"] == "SAFETY"
    assert "candidates" not in blocked
    assert "candidatesTokenCount" not in blocked["usageMetadata"]
    _, stopped = await _post(http, _ask())
    assert stopped["candidates"][0]["finishReason"] == "SAFETY"
    assert [entry.output_tokens for entry in sandbox.book] == [0, 2]
