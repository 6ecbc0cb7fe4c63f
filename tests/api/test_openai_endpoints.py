"""The unchanged ``openai`` client against the service."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import openai
import pytest

from deskmind.api import create_app
from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.sandbox.models import ModelSandbox, Reply, ToolCall

_HELLO: Any = [{"role": "user", "content": "hello there my friend"}]
_TOOL: Any = {
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


@pytest.fixture
async def address(modelled: Deskmind, serving: Any) -> AsyncIterator[str]:
    async with serving(create_app(app=modelled)) as found:
        yield found


@pytest.fixture
async def key(operator: Desk) -> str:
    await operator.principals.add_user("req1")
    return (await operator.keys.create("req1")).secret


@pytest.fixture
async def client(address: str, key: str) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0) as found:
        yield found


async def test_a_chat_comes_back_under_the_configured_name(client: openai.AsyncOpenAI) -> None:
    reply = await client.chat.completions.create(model="fast", messages=_HELLO)
    assert reply.model == "fast"
    assert reply.choices[0].message.content == "hello there my friend"
    assert reply.usage is not None
    assert reply.usage.completion_tokens == 4


@pytest.mark.parametrize("counted", [True, False])
async def test_a_stream_has_usage_when_it_was_asked_for(client: openai.AsyncOpenAI, counted: bool) -> None:
    options: Any = {"stream_options": {"include_usage": True}} if counted else {}
    stream = await client.chat.completions.create(model="long", messages=_HELLO, stream=True, **options)
    chunks = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert len(text.split()) == 50
    assert {chunk.model for chunk in chunks} == {"long"}
    assert [chunk.usage is not None for chunk in chunks].count(True) == (1 if counted else 0)


async def test_tools_and_schemas_pass_through(client: openai.AsyncOpenAI, sandbox: ModelSandbox) -> None:
    sandbox.script([Reply(tool_calls=(ToolCall("lookup", {"number": "INC1"}),)), '{"state": "open"}'])
    called = await client.chat.completions.create(model="fast", messages=_HELLO, tools=[_TOOL])
    (call,) = called.choices[0].message.tool_calls or []
    assert (call.function.name, json.loads(call.function.arguments)) == ("lookup", {"number": "INC1"})
    schema: Any = {"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object"}}}
    typed = await client.chat.completions.create(model="fast", messages=_HELLO, response_format=schema)
    assert json.loads(typed.choices[0].message.content or "") == {"state": "open"}


async def test_embeddings_in_both_encodings(client: openai.AsyncOpenAI) -> None:
    packed = await client.embeddings.create(model="fast", input=["one", "two"])
    plain = await client.embeddings.create(model="fast", input=["one", "two"], encoding_format="float")
    assert len(packed.data) == len(plain.data) == 2
    for one, other in zip(packed.data, plain.data, strict=True):
        assert one.embedding == pytest.approx(other.embedding)
    assert packed.usage.prompt_tokens > 0


async def test_models_are_listed_and_found(client: openai.AsyncOpenAI) -> None:
    assert {item.id async for item in await client.models.list()} == {"fast", "long", "unpriced"}
    assert (await client.models.retrieve("fast")).id == "fast"
    with pytest.raises(openai.NotFoundError):
        await client.models.retrieve("nope")


async def test_errors_have_the_clients_classes(
    client: openai.AsyncOpenAI, address: str, operator: Desk, sandbox: ModelSandbox
) -> None:
    with pytest.raises(openai.NotFoundError, match="no model 'nope'"):
        await client.chat.completions.create(model="nope", messages=_HELLO)
    with pytest.raises(openai.UnprocessableEntityError, match="no field 'api_base'"):
        await client.chat.completions.create(
            model="fast", messages=_HELLO, extra_body={"api_base": "http://x"}
        )
    with pytest.raises(openai.UnprocessableEntityError, match="one choice"):
        await client.chat.completions.create(model="fast", messages=_HELLO, n=2)
    sandbox.faults.add("rate_limit", retry_after=7)
    with pytest.raises(openai.RateLimitError) as limited:
        await client.chat.completions.create(model="fast", messages=_HELLO)
    assert limited.value.response.headers["retry-after"] == "7"
    async with openai.AsyncOpenAI(base_url=f"{address}/v1", api_key="dk_wrong", max_retries=0) as stranger:
        with pytest.raises(openai.AuthenticationError):
            await stranger.chat.completions.create(model="fast", messages=_HELLO)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", ["caller", "budgets", "recall", "feature", "cached", "self"])
async def test_no_field_takes_the_place_of_what_the_desk_decides(
    client: openai.AsyncOpenAI, sandbox: ModelSandbox, name: str, stream: bool
) -> None:
    with pytest.raises(openai.UnprocessableEntityError, match=f"no field '{name}'"):
        await client.chat.completions.create(
            model="fast", messages=_HELLO, stream=stream, extra_body={name: True}
        )
    assert not sandbox.book.entries


async def test_bodies_that_are_no_requests(address: str, key: str) -> None:
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=address, headers=headers) as raw:
        for body in (b"", b"[]", b"{", b'{"model": 1}', b'{"model": "fast", "messages": "x"}',
                     b'{"model":"fast","messages":[{}]}', b'{"model":"fast","messages":[],"max_tokens":-1}',
                     b"[" * 100_000):  # fmt: skip
            answer = await raw.post("/v1/chat/completions", content=body)
            assert answer.status_code == 422, body[:40]
            assert answer.json()["error"]["message"]
            assert answer.headers["x-request-id"]


async def test_a_call_is_booked_for_the_keys_user_and_key(
    client: openai.AsyncOpenAI, modelled: Deskmind, operator: Desk
) -> None:
    await client.chat.completions.create(model="fast", messages=_HELLO)
    desk = await modelled.desk(tenant=operator.scope.tenant)
    (row,) = await desk.usage.report(["user", "key", "feature"])
    (listed,) = await operator.keys.all()
    assert row.group == {"user": "req1", "key": str(listed.key_id), "feature": "openai"}


async def test_a_client_that_hangs_up_ends_the_providers_stream_and_is_charged(
    address: str, key: str, sandbox: ModelSandbox, modelled: Deskmind, operator: Desk
) -> None:
    sandbox.faults.add("stall_after", after=5)
    async with (
        httpx.AsyncClient(base_url=address, headers={"Authorization": f"Bearer {key}"}) as raw,
        raw.stream(
            "POST", "/v1/chat/completions", json={"model": "long", "messages": _HELLO, "stream": True}
        ) as answer,
    ):
        async for line in answer.aiter_lines():
            if line.startswith("data:"):
                break
    async with asyncio.timeout(60):
        while not (sandbox.book.entries and sandbox.book.entries[-1].client_hung_up):
            await asyncio.sleep(0.01)
        desk = await modelled.desk(tenant=operator.scope.tenant)
        while not (rows := await desk.usage.report(["outcome"])):
            await asyncio.sleep(0.01)
    assert [(row.group["outcome"], row.calls) for row in rows] == [("estimated", 1)]
    assert rows[0].output_tokens == sandbox.book.entries[-1].output_tokens == 5


async def test_a_client_that_hangs_up_before_the_reply_leaves_a_call_that_is_booked(
    address: str, key: str, sandbox: ModelSandbox, modelled: Deskmind, operator: Desk
) -> None:
    sandbox.faults.add("slow_headers", seconds=60)
    async with httpx.AsyncClient(base_url=address, headers={"Authorization": f"Bearer {key}"}) as raw:
        call = asyncio.create_task(
            raw.post("/v1/chat/completions", json={"model": "fast", "messages": _HELLO})
        )
        async with asyncio.timeout(60):
            while not sandbox.book.entries:
                await asyncio.sleep(0.01)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
    async with asyncio.timeout(60):
        desk = await modelled.desk(tenant=operator.scope.tenant)
        while not (rows := await desk.usage.report(["outcome"])):
            await asyncio.sleep(0.01)
    assert [(row.group["outcome"], row.calls, row.errors) for row in rows] == [("unsettled", 1, 1)]


async def test_usage_and_budgets_over_http(address: str, client: openai.AsyncOpenAI, operator: Desk) -> None:
    await client.chat.completions.create(model="fast", messages=_HELLO)
    await operator.principals.add_user("boss", role="operator")
    secret = (await operator.keys.create("boss")).secret
    async with httpx.AsyncClient(base_url=address, headers={"Authorization": f"Bearer {secret}"}) as boss:
        put = await boss.put("/v1/budgets/day", json={"window": "day", "usd": "10", "per": ["user"]})
        assert put.status_code == 204
        (budget,) = (await boss.get("/v1/budgets")).json()["budgets"]
        assert (budget["name"], budget["per"]) == ("day", ["user"])
        (line,) = (await boss.get("/v1/usage", params={"by": ["model", "user"]})).json()["usage"]
        assert (line["group"], line["calls"]) == ({"model": "fast", "user": "req1"}, 1)
        assert (await boss.delete("/v1/budgets/day")).status_code == 204
        assert (await boss.delete("/v1/budgets/day")).status_code == 404
        assert (await boss.put("/v1/budgets/x", json={"window": "day"})).status_code == 422
        nobodys = {"window": "day", "usd": "10", "user": "nobody-here"}
        assert (await boss.put("/v1/budgets/x", json=nobodys)).status_code == 404
        said = (await boss.get("/openapi.json")).json()["paths"]["/v1/budgets/{name}"]["put"]["responses"]
        assert "404" in said
