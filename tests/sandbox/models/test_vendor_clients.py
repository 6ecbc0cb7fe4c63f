"""Vendors' own clients, unchanged, against the server."""

from __future__ import annotations

import json

import pytest

from deskmind.sandbox.models import Reply, ToolCall

openai = pytest.importorskip("openai", reason="OpenAI's client is optional")

SAY = [{"role": "user", "content": "reset my password"}]
_USER = {
    "type": "object",
    "properties": {"user": {"type": "string"}},
    "required": ["user"],
    "additionalProperties": False,
}
TOOL = {"type": "function", "function": {"name": "reset", "strict": True, "parameters": _USER}}


@pytest.fixture
async def client(sandbox):
    async with openai.AsyncOpenAI(
        api_key="sandbox-key", base_url=f"{sandbox.base_url}/v1", max_retries=0
    ) as made:
        yield made


async def test_openai_chat_and_usage(client):
    answer = await client.chat.completions.create(model="echo", messages=SAY)
    assert answer.choices[0].message.content == "reset my password"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (3, 3)


async def test_openai_stream_with_usage(client):
    stream = await client.chat.completions.create(
        model="echo", messages=SAY, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "reset my password"
    assert chunks[-1].usage.completion_tokens == 3


async def test_openai_tools_streamed_and_whole(client, sandbox):
    sandbox.script([Reply(tool_calls=(ToolCall("reset", {"user": "ann b"}),))] * 2)
    answer = await client.chat.completions.create(model="echo", messages=SAY, tools=[TOOL])
    assert json.loads(answer.choices[0].message.tool_calls[0].function.arguments) == {"user": "ann b"}
    async with client.chat.completions.stream(model="echo", messages=SAY, tools=[TOOL]) as stream:
        final = await stream.get_final_completion()
    assert json.loads(final.choices[0].message.tool_calls[0].function.arguments) == {"user": "ann b"}


async def test_openai_embeddings_which_ask_for_base64(client):
    answer = await client.embeddings.create(model="text-embedding-3-small", input=["a", "b c"], dimensions=16)
    assert [len(item.embedding) for item in answer.data] == [16, 16]


async def test_openai_models(client):
    assert "echo" in [model.id async for model in client.models.list()]


async def test_openai_errors_are_the_clients_own(client, sandbox):
    with pytest.raises(openai.AuthenticationError):
        await client.with_options(api_key="wrong").chat.completions.create(model="echo", messages=SAY)
    for fault, error in (
        ("rate_limit", openai.RateLimitError),
        ("server_error", openai.InternalServerError),
        ("context_length", openai.BadRequestError),
        ("close_without_answer", openai.APIConnectionError),
    ):
        sandbox.faults.clear()
        sandbox.faults.add(fault)
        with pytest.raises(error):
            await client.chat.completions.create(model="echo", messages=SAY)
    sandbox.faults.clear()
    sandbox.faults.add("error_in_stream")
    with pytest.raises(openai.APIError, match="The server had an error"):
        async for _ in await client.chat.completions.create(model="echo", messages=SAY, stream=True):
            pass


async def test_openai_retries_as_it_is_told(client, sandbox):
    sandbox.faults.add("rate_limit", at=(1, 2), retry_after=0.001, retry_form="milliseconds")
    answer = await client.with_options(max_retries=2).chat.completions.create(model="echo", messages=SAY)
    assert answer.choices[0].message.content == "reset my password"
    assert [entry.status for entry in sandbox.book] == [429, 429, 200]


async def test_azure_client(sandbox):
    async with openai.AsyncAzureOpenAI(
        api_key="sandbox-key", azure_endpoint=sandbox.base_url, api_version="2024-10-21", max_retries=0
    ) as client:
        answer = await client.chat.completions.create(model="echo", messages=SAY)
        assert answer.choices[0].message.content == "reset my password"
        stream = await client.chat.completions.create(model="echo", messages=SAY, stream=True)
        said = [c.choices[0].delta.content or "" async for c in stream if c.choices]
        assert "".join(said) == "reset my password"
        sandbox.faults.add("content_filter")
        with pytest.raises(openai.BadRequestError) as caught:
            await client.chat.completions.create(model="echo", messages=SAY)
        assert caught.value.code == "content_filter"
