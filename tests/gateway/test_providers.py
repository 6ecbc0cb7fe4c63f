"""Every provider gives the same replies, counts and errors, whatever wire format is behind it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from deskmind.errors import (
    ContentFilteredError,
    ContextTooLongError,
    ModelError,
    ModelTimeoutError,
    ModelUnavailableError,
    ProviderAuthenticationError,
    RateLimitedError,
)
from deskmind.gateway import Gateway
from deskmind.gateway.providers.failures import failure_of, retry_after
from deskmind.sandbox.models import DEFAULT_KEY, ModelSandbox, Reply, ToolCall

MakeGateway = Callable[..., Gateway]

_HELLO = [{"role": "user", "content": "hello there my friend"}]
_TOOL = {
    "type": "function",
    "function": {
        "name": "lookup",
        "description": "Looks up a ticket",
        "parameters": {
            "type": "object",
            "properties": {"number": {"type": "string"}},
            "required": ["number"],
        },
    },
}
_WAYS = ["direct", "azure", "litellm-openai", "litellm-anthropic", "litellm-gemini"]


def _deployment(way: str, sandbox: ModelSandbox, model: str = "echo") -> dict[str, Any]:
    base, key = sandbox.base_url, DEFAULT_KEY
    common = {"api_key": key, "price": {"input": "1", "output": "2"}, "name": f"{way}-{model}"}
    if way == "direct":
        return {"model": model, "base_url": f"{base}/v1", **common}
    if way == "azure":
        return {"provider": "azure", "model": model, "base_url": base, **common}
    if way == "litellm-openai":
        return {"provider": "litellm", "model": f"openai/{model}", "base_url": f"{base}/v1", **common}
    if way == "litellm-anthropic":
        return {"provider": "litellm", "model": f"anthropic/{model}", "base_url": base, **common}
    address = f"{base}/v1beta"
    return {"provider": "litellm", "model": f"gemini/{model}", "base_url": address, **common}


@pytest.fixture(params=_WAYS)
def gateway(request: pytest.FixtureRequest, sandbox: ModelSandbox, make_gateway: MakeGateway) -> Gateway:
    return make_gateway(
        {
            "fast": {"deployments": [_deployment(request.param, sandbox)], "retries": 0},
            "long": {"deployments": [_deployment(request.param, sandbox, "echo-20")], "retries": 0},
        }
    )


async def test_a_whole_reply_with_its_count(gateway: Gateway, sandbox: ModelSandbox) -> None:
    reply = await gateway.chat("fast", _HELLO, max_tokens=50, temperature=0)
    assert reply.text == "hello there my friend"
    assert reply.finish_reason == "stop"
    (entry,) = sandbox.book.entries
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (entry.input_tokens, entry.output_tokens)
    assert reply.outcome == "settled"


async def test_a_stream_with_its_count(gateway: Gateway, sandbox: ModelSandbox) -> None:
    async with await gateway.stream("long", _HELLO, max_tokens=50) as stream:
        pieces = [piece.text async for piece in stream]
    assert len("".join(pieces).split()) == 20
    assert stream.response is not None
    assert stream.response.usage.output_tokens == sandbox.book.entries[0].output_tokens == 20
    assert stream.response.first_token_seconds is not None
    assert stream.response.outcome == "settled"


async def test_tool_calls_whole_and_in_pieces(gateway: Gateway, sandbox: ModelSandbox) -> None:
    wanted = Reply(tool_calls=(ToolCall("lookup", {"number": "INC1"}),))
    sandbox.script([wanted, wanted])
    whole = await gateway.chat("fast", _HELLO, tools=[_TOOL], max_tokens=50)
    async with await gateway.stream("fast", _HELLO, tools=[_TOOL], max_tokens=50) as stream:
        async for _ in stream:
            pass
    assert stream.response is not None
    for reply in (whole, stream.response):
        (call,) = reply.tool_calls
        assert (call.name, json.loads(call.arguments)) == ("lookup", {"number": "INC1"})
        assert reply.finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"kind": "rate_limit"}, RateLimitedError),
        ({"kind": "server_error", "status": 503}, ModelUnavailableError),
        ({"kind": "context_length"}, ContextTooLongError),
    ],
    ids=["rate limit", "server error", "context"],
)
async def test_a_fault_has_its_error(
    gateway: Gateway, sandbox: ModelSandbox, fault: dict[str, Any], expected: type[ModelError]
) -> None:
    sandbox.faults.add(**fault)
    with pytest.raises(expected) as raised:
        await gateway.chat("fast", _HELLO, max_tokens=50)
    details = raised.value.details
    assert details["model"] == "fast"
    assert len(details["attempts"]) == 1
    assert DEFAULT_KEY not in str(raised.value)


@pytest.mark.parametrize("way", ["direct", "azure", "litellm-openai", "litellm-anthropic"])
async def test_wrong_credentials(way: str, sandbox: ModelSandbox, make_gateway: MakeGateway) -> None:
    deployment = {**_deployment(way, sandbox), "api_key": "sk-wrong-secret-1234567890"}
    gateway = make_gateway({"fast": deployment})
    with pytest.raises(ProviderAuthenticationError) as raised:
        await gateway.chat("fast", _HELLO)
    assert "sk-wrong-secret" not in str(raised.value)
    assert "sk-wrong-secret" not in repr(gateway.models)


@pytest.mark.parametrize("way", ["direct", "litellm-openai"])
async def test_embeddings_and_ranking(way: str, sandbox: ModelSandbox, make_gateway: MakeGateway) -> None:
    gateway = make_gateway({"embed": _deployment(way, sandbox)})
    found = await gateway.embed("embed", ["one", "two", "one"])
    assert found.vectors.shape[0] == 3
    assert (found.vectors[0] == found.vectors[2]).all()
    assert found.usage.input_tokens == 3
    if way == "direct":
        ranking = await gateway.rerank(
            "embed", "printer jam", ["the sea", "a printer jam on floor 2"], limit=1
        )
        assert [index for index, _ in ranking.results] == [1]


async def test_images_and_schemas_are_sent_as_they_are(
    sandbox: ModelSandbox, make_gateway: MakeGateway
) -> None:
    gateway = make_gateway({"fast": _deployment("direct", sandbox)})
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    content = [{"type": "text", "text": "what is this"}, image]
    assert (await gateway.chat("fast", [{"role": "user", "content": content}])).text
    schema = {"type": "object", "properties": {"state": {"type": "string"}}, "required": ["state"]}
    typed = await gateway.chat(
        "fast",
        _HELLO,
        response_format={"type": "json_schema", "json_schema": {"name": "s", "schema": schema}},
    )
    assert "state" in json.loads(typed.text)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"kind": "bad_json"}, ModelUnavailableError),
        ({"kind": "empty_body"}, ModelUnavailableError),
        ({"kind": "close_without_answer"}, ModelUnavailableError),
        ({"kind": "content_filter"}, ContentFilteredError),
        ({"kind": "slow_headers", "seconds": 60}, ModelTimeoutError),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
async def test_faults_of_the_wire(
    sandbox: ModelSandbox, make_gateway: MakeGateway, fault: dict[str, Any], expected: type[ModelError]
) -> None:
    sandbox.faults.add(**fault)
    gateway = make_gateway(
        {"fast": {"deployments": [_deployment("direct", sandbox)], "retries": 0, "timeouts": {"total": 2}}}
    )
    with pytest.raises(expected):
        await gateway.chat("fast", _HELLO)


async def test_a_server_that_is_not_there(make_gateway: MakeGateway) -> None:
    gateway = make_gateway(
        {"fast": {"deployments": [{"model": "x", "base_url": "http://127.0.0.1:9/v1"}], "retries": 0}}
    )
    with pytest.raises(ModelUnavailableError, match="models test"):
        await gateway.chat("fast", _HELLO)


@pytest.mark.parametrize(
    ("status", "body", "cause"),
    [
        (400, b'{"error": {"message": "bad"}}', "model-request"),
        (400, b'{"error": {"code": "content_filter", "message": "no"}}', "content-filtered"),
        (400, b'{"error": {"innererror": {"code": "ResponsibleAIPolicyViolation"}, "code": "content_filter"}}', "content-filtered"),
        (400, b'{"error": {"message": "This model\'s maximum context length is 8192 tokens"}}', "context-too-long"),
        (403, b"forbidden", "provider-authentication"),
        (404, b"", "model-unavailable"),
        (408, b"", "model-timeout"),
        (413, b"", "context-too-long"),
        (429, b"[]", "rate-limited"),
        (529, b'[{"error": {"message": "busy"}}]', "model-unavailable"),
        (422, b"\xff\xfe", "model-request"),
    ],
)  # fmt: skip
def test_causes_of_http_errors(status: int, body: bytes, cause: str) -> None:
    assert failure_of(status, body, {}).cause == cause


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_how_long_a_provider_asks_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


async def test_many_calls_share_connections(sandbox: ModelSandbox, make_gateway: MakeGateway) -> None:
    gateway = make_gateway({"fast": _deployment("direct", sandbox)})
    for _ in range(5):
        await asyncio.gather(*(gateway.chat("fast", _HELLO) for _ in range(8)))
    assert sandbox.book.connections <= 8
