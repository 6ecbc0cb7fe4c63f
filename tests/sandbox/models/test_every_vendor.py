"""What holds for each wire format alike: the echo, its counts, its streams, its book."""

from __future__ import annotations

from aiohttp import ClientSession

from deskmind.sandbox.models import ModelSandbox, Reply


def _usage(name, answer):
    if name == "gemini":
        usage = answer["usageMetadata"]
        return usage["promptTokenCount"], usage["candidatesTokenCount"]
    usage = answer["usage"]
    return (
        usage.get("prompt_tokens", usage.get("input_tokens")),
        usage.get("completion_tokens", usage.get("output_tokens")),
    )


async def test_the_last_user_message_is_said_back_and_counted(vendor, http, sandbox, said):
    async with http.post(vendor.path, json=vendor.body, headers=vendor.headers) as response:
        answer = await response.json()
    assert response.status == 200
    assert vendor.text(answer) == said
    assert _usage(vendor.name, answer) == (7, 7)
    entry = sandbox.book[0]
    assert (entry.input_tokens, entry.output_tokens, entry.billed, entry.finished) == (7, 7, True, True)
    assert (entry.model, entry.status, entry.streamed, entry.client_hung_up) == ("echo", 200, False, False)


async def test_a_stream_joins_to_the_same_text_in_one_chunk_a_word(vendor, http, sandbox, said, events):
    async with http.post(vendor.stream_path, json=vendor.stream_body, headers=vendor.headers) as response:
        assert response.content_type == "text/event-stream"
        pieces = [piece for event in events(await response.text()) if (piece := vendor.piece(event))]
    assert "".join(pieces) == said
    assert len(pieces) == 7
    entry = sandbox.book[0]
    assert (entry.streamed, entry.input_tokens, entry.output_tokens, entry.finished) == (True, 7, 7, True)


async def test_chunks_can_be_of_several_tokens(vendor, said, events):
    async with (
        ModelSandbox(tokens_per_chunk=3) as sandbox,
        ClientSession(sandbox.base_url) as http,
        http.post(vendor.stream_path, json=vendor.stream_body, headers=vendor.headers) as response,
    ):
        pieces = [piece for event in events(await response.text()) if (piece := vendor.piece(event))]
    assert "".join(pieces) == said
    assert len(pieces) == 3


async def test_scripted_replies_come_first_and_in_order(vendor, http, sandbox, said):
    sandbox.script(["one", Reply("two")])
    answers = []
    for _ in range(3):
        async with http.post(vendor.path, json=vendor.body, headers=vendor.headers) as response:
            answers.append(vendor.text(await response.json()))
    assert answers == ["one", "two", said]


async def test_a_function_may_answer_from_the_request(vendor):
    async def reply(request):
        return f"you sent {' and '.join(sorted(request))}"

    async with (
        ModelSandbox(reply=reply) as sandbox,
        ClientSession(sandbox.base_url) as http,
        http.post(vendor.path, json=vendor.body, headers=vendor.headers) as response,
    ):
        assert vendor.text(await response.json()) == f"you sent {' and '.join(sorted(vendor.body))}"


async def test_a_function_that_raises_is_a_500_that_says_so(vendor):
    def reply(request):
        raise LookupError("no such reply")

    async with (
        ModelSandbox(reply=reply) as sandbox,
        ClientSession(sandbox.base_url) as http,
        http.post(vendor.path, json=vendor.body, headers=vendor.headers) as response,
    ):
        assert response.status == 500
        assert "no such reply" in await response.text()
        assert not sandbox.book[0].billed


async def test_an_unlisted_model_is_not_found(vendor):
    async with ModelSandbox(models=["other"]) as sandbox, ClientSession(sandbox.base_url) as http:
        async with http.post(vendor.path, json=vendor.body, headers=vendor.headers) as response:
            assert response.status == 404
        assert not sandbox.book[0].billed


async def test_who_asked_is_in_the_book(vendor, http, sandbox):
    body = {**vendor.body, "user": "ann"}
    if vendor.name == "anthropic":
        body = {**vendor.body, "metadata": {"user_id": "ann"}}
    if vendor.name == "gemini":
        body = {**vendor.body, "labels": {"team": "desk"}}
    headers = {**vendor.headers, "x-request-id": "r-17", "traceparent": "00-1-2-03"}
    async with http.post(vendor.path, json=body, headers=headers) as response:
        await response.read()
    entry = sandbox.book[0]
    assert entry.headers == {"x-request-id": "r-17", "traceparent": "00-1-2-03"}
    assert (entry.user or entry.metadata["team"]) in ("ann", "desk")


async def test_a_limit_on_the_answer_cuts_it_short(vendor, http, sandbox):
    body = {**vendor.body, "max_tokens": 3}
    if vendor.name == "gemini":
        body = {**vendor.body, "generationConfig": {"maxOutputTokens": 3}}
    async with http.post(vendor.path, json=body, headers=vendor.headers) as response:
        text = await response.text()
    assert vendor.text(await response.json()) == "the printer on"
    assert any(reason in text for reason in ('"length"', '"max_tokens"', '"MAX_TOKENS"'))
    assert sandbox.book[0].output_tokens == 3
