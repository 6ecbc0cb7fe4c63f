"""Calls to servers that speak OpenAI's protocol: what comes back, what it cost, and each way to fail."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import numpy as np
import pytest

from deskmind.errors import (
    ContentFilteredError,
    ContextTooLongError,
    InvalidRequestError,
    ModelError,
    ModelRequestError,
    ModelTimeoutError,
    ModelUnavailableError,
    NotFoundError,
    ProviderAuthenticationError,
    RateLimitedError,
)
from deskmind.gateway import Gateway, MemoryLedger, Usage
from deskmind.gateway.providers.failures import retry_after
from deskmind.sandbox.models import ModelSandbox, Reply, ToolCall

HELLO = [{"role": "user", "content": "hello there my friend"}]
TOOL = {
    "type": "function",
    "function": {
        "name": "reset_password",
        "parameters": {"type": "object", "properties": {"user": {"type": "string"}}, "required": ["user"]},
    },
}
PIXEL = "data:image/png;base64,iVBORw0KGgo="

Open = Callable[..., Gateway]
Make = Callable[..., dict[str, Any]]


@pytest.fixture(params=["openai", "azure"])
def gateway(
    request: pytest.FixtureRequest, open_gateway: Open, named: Make, sandbox: ModelSandbox
) -> Gateway:
    """The same model behind OpenAI's and Azure's addresses."""
    azure = {"provider": "azure", "base_url": sandbox.base_url} if request.param == "azure" else {}
    return open_gateway({"m": {"deployments": [named(**azure)], "retries": 0}})


async def test_text_with_the_providers_count_and_its_price(gateway: Gateway, sandbox: ModelSandbox) -> None:
    reply = await gateway.chat("m", HELLO)
    (entry,) = sandbox.book
    assert (reply.text, reply.finish_reason, reply.outcome) == ("hello there my friend", "stop", "settled")
    assert reply.usage == Usage(entry.input_tokens, entry.output_tokens)
    assert reply.cost == Decimal(entry.input_tokens + 2 * entry.output_tokens) / 1_000_000
    assert entry.headers is not None
    assert entry.headers["x-client-request-id"] == str(reply.call_id)
    assert [(item.deployment, item.outcome) for item in reply.attempts] == [("echo", "ok")]


async def test_the_ledger_has_the_row_that_the_reply_shows(open_gateway: Open) -> None:
    ledger = MemoryLedger()
    reply = await open_gateway(ledger=ledger).chat("m", HELLO)
    (row,) = ledger.entries
    assert (row.intent.call_id, row.usage, row.cost, row.outcome) == (
        reply.call_id, reply.usage, reply.cost, "settled",
    )  # fmt: skip
    assert (row.intent.operation, row.intent.model, row.deployment, row.error) == ("chat", "m", "echo", "")
    assert row.intent.tokens >= reply.usage.input_tokens + reply.usage.output_tokens
    assert not ledger.pending


async def test_tools_are_called_and_their_results_answered(gateway: Gateway, sandbox: ModelSandbox) -> None:
    asked = [{"role": "user", "content": "please reset_password for ann"}]
    reply = await gateway.chat("m", asked, tools=[TOOL])
    (call,) = reply.tool_calls
    assert (call.name, reply.finish_reason) == ("reset_password", "tool_calls")
    assert list(json.loads(call.arguments)) == ["user"]
    assert reply.usage.output_tokens == sandbox.book[-1].output_tokens
    answered = await gateway.chat(
        "m",
        [
            *asked,
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": call.id,
                        "type": "function",
                        "function": {"name": call.name, "arguments": call.arguments},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": call.id, "content": "done"},
        ],
        tools=[TOOL],
    )
    assert answered.finish_reason == "stop"
    assert answered.text


async def test_a_reply_in_a_json_schema(gateway: Gateway) -> None:
    schema = {
        "type": "object",
        "properties": {"title": {"type": "string"}, "urgent": {"type": "boolean"}},
        "required": ["title", "urgent"],
        "additionalProperties": False,
    }
    reply = await gateway.chat(
        "m",
        HELLO,
        response_format={"type": "json_schema", "json_schema": {"name": "ticket", "schema": schema}},
    )
    assert set(json.loads(reply.text)) == {"title", "urgent"}


async def test_images_are_taken_and_counted(gateway: Gateway, sandbox: ModelSandbox) -> None:
    parts = [
        {"type": "text", "text": "what is this"},
        {"type": "image_url", "image_url": {"url": PIXEL}},
    ]
    reply = await gateway.chat("m", [{"role": "user", "content": parts}])
    assert reply.text == "what is this"
    assert reply.usage.input_tokens == sandbox.book[-1].input_tokens > 85


async def test_a_stream_is_the_reply_in_pieces(gateway: Gateway, sandbox: ModelSandbox) -> None:
    async with await gateway.stream("m", HELLO) as stream:
        pieces = [piece.text async for piece in stream]
    assert "".join(pieces) == "hello there my friend"
    assert len([piece for piece in pieces if piece]) == 4
    reply = stream.response
    assert reply is not None
    assert (reply.text, reply.finish_reason, reply.outcome) == ("hello there my friend", "stop", "settled")
    assert reply.usage == Usage(sandbox.book[-1].input_tokens, sandbox.book[-1].output_tokens)
    assert reply.first_token_seconds is not None
    assert 0 < reply.first_token_seconds <= reply.seconds


async def test_streamed_tool_calls_are_put_together(gateway: Gateway, sandbox: ModelSandbox) -> None:
    asked = [{"role": "user", "content": "reset_password now"}]
    async with await gateway.stream("m", asked, tools=[TOOL]) as stream:
        parts = [part async for piece in stream for part in piece.tool_calls]
    assert len(parts) > 1
    assert stream.response is not None
    (call,) = stream.response.tool_calls
    assert (call.name, bool(call.id), list(json.loads(call.arguments))) == ("reset_password", True, ["user"])
    assert stream.response.usage.output_tokens == sandbox.book[-1].output_tokens


async def test_several_tools_in_one_stream_stay_apart(gateway: Gateway, sandbox: ModelSandbox) -> None:
    sandbox.script([Reply(tool_calls=(ToolCall("one", {"a": "x y"}), ToolCall("two", {"b": 2})))])
    async with await gateway.stream("m", HELLO, tools=[TOOL]) as stream:
        async for _ in stream:
            pass
    assert stream.response is not None
    made = [(call.name, json.loads(call.arguments)) for call in stream.response.tool_calls]
    assert made == [("one", {"a": "x y"}), ("two", {"b": 2})]


async def test_cached_input_is_counted_and_costs_its_own_price(
    gateway: Gateway, sandbox: ModelSandbox
) -> None:
    sandbox.script([Reply("fine", cached_tokens=3)])
    reply = await gateway.chat("m", HELLO)
    assert reply.usage == Usage(4, 1, cached_tokens=3)
    assert reply.cost == Decimal("0.0000045")  # 1 × $1 + 3 × $0.50 + 1 × $2, for a million each


async def test_embeddings_are_one_vector_a_text(gateway: Gateway, sandbox: ModelSandbox) -> None:
    made = await gateway.embed("m", ["reset the token", "the canteen", "reset the token"])
    assert made.vectors.shape[0] == 3
    assert made.vectors.dtype == np.float32
    assert np.array_equal(made.vectors[0], made.vectors[2])
    assert not np.array_equal(made.vectors[0], made.vectors[1])
    assert made.usage == Usage(sandbox.book[-1].input_tokens)
    assert made.cost == Decimal(sandbox.book[-1].input_tokens) / 1_000_000
    small = await gateway.embed("m", ["reset"], dimensions=8)
    assert small.vectors.shape == (1, 8)


async def test_reranking_puts_the_relevant_first(open_gateway: Open, sandbox: ModelSandbox) -> None:
    gateway = open_gateway()
    documents = ["the canteen opens", "reset the vpn token", "reset a chair"]
    ranking = await gateway.rerank("m", "reset vpn token", documents, limit=2)
    assert [index for index, _ in ranking.results] == [1, 2]
    scores = [score for _, score in ranking.results]
    assert scores == sorted(scores, reverse=True)
    assert ranking.usage.input_tokens == sandbox.book[-1].input_tokens
    assert len((await gateway.rerank("m", "reset", documents)).results) == 3


@pytest.mark.parametrize(
    ("fault", "more", "error"),
    [
        ("rate_limit", {}, RateLimitedError),
        ("context_length", {}, ContextTooLongError),
        ("content_filter", {}, ContentFilteredError),
        ("server_error", {"status": 500}, ModelUnavailableError),
        ("server_error", {"status": 503}, ModelUnavailableError),
        ("close_without_answer", {}, ModelUnavailableError),
        ("bad_json", {}, ModelUnavailableError),
        ("empty_body", {}, ModelUnavailableError),
        ("cut_after", {}, ModelUnavailableError),
    ],
)
async def test_each_fault_is_its_own_error(
    gateway: Gateway, sandbox: ModelSandbox, fault: Any, more: dict[str, Any], error: type[ModelError]
) -> None:
    sandbox.faults.add(fault, **more)
    with pytest.raises(error) as raised:
        await gateway.chat("m", HELLO)
    assert type(raised.value) is error
    assert raised.value.remedy
    assert raised.value.details["model"] == "m"
    assert raised.value.details["provider"] in {"openai", "azure"}
    assert len(raised.value.details["attempts"]) == 1
    assert raised.value.details["attempts"][0].startswith("echo: ")


async def test_a_wrong_key_is_a_matter_of_credentials(open_gateway: Open, named: Make) -> None:
    gateway = open_gateway({"m": {"deployments": [named(api_key="nobodys")], "retries": 3}})
    with pytest.raises(ProviderAuthenticationError, match="models test") as raised:
        await gateway.chat("m", HELLO)
    assert len(raised.value.details["attempts"]) == 1  # asking again changes nothing


async def test_a_wrong_request_is_not_tried_elsewhere(
    open_gateway: Open, named: Make, sandbox: ModelSandbox
) -> None:
    gateway = open_gateway({"m": {"deployments": [named(), named("other")], "retries": 3}})
    with pytest.raises(ModelRequestError):
        await gateway.chat("m", [{"role": "wizard", "content": "x"}])
    assert len(sandbox.book) == 1


async def test_an_unknown_model_of_the_provider_and_a_server_that_is_not_there(
    open_gateway: Open, named: Make, sandbox: ModelSandbox
) -> None:
    sandbox.manner.models = frozenset({"other"})
    nowhere = named("nowhere", base_url="http://127.0.0.1:1/v1")
    gateway = open_gateway(
        {"m": {"deployments": [named()], "retries": 0}, "n": {"deployments": [nowhere], "retries": 0}}
    )
    for name in ("m", "n"):
        with pytest.raises(ModelUnavailableError):
            await gateway.chat(name, HELLO)


@pytest.mark.parametrize("operation", ["chat", "stream"])
async def test_a_provider_that_stays_silent_is_given_up(
    open_gateway: Open, named: Make, sandbox: ModelSandbox, operation: str
) -> None:
    timeouts = {"first_token": 0.5, "total": 1.0}  # long enough to reach it on a busy machine
    gateway = open_gateway({"m": {"deployments": [named()], "retries": 0, "timeouts": timeouts}})
    sandbox.faults.add("slow_headers", seconds=30)
    with pytest.raises(ModelTimeoutError):
        await getattr(gateway, operation)("m", HELLO)
    assert (await sandbox.book.settled())[0].client_hung_up


async def test_a_server_error_as_a_page_keeps_its_status(open_gateway: Open, sandbox: ModelSandbox) -> None:
    sandbox.faults.add("wrong_content_type")
    assert (await open_gateway().chat("m", HELLO)).text == "hello there my friend"  # the body was right


@pytest.mark.parametrize(("form", "asked"), [("seconds", 0.08), ("milliseconds", 0.08)])
async def test_the_wait_a_provider_asks_for_is_kept(
    open_gateway: Open, named: Make, sandbox: ModelSandbox, form: str, asked: float
) -> None:
    sandbox.faults.add("rate_limit", at=(1,), retry_after=asked, retry_form=form)
    gateway = open_gateway({"m": {"deployments": [named()], "retries": 1, "backoff": 0}})
    reply = await gateway.chat("m", HELLO)
    refused, answered = reply.attempts
    assert (refused.outcome, answered.outcome) == ("rate-limited", "ok")
    assert answered.waited >= asked


async def test_a_wait_beyond_the_calls_time_is_told_instead(
    open_gateway: Open, named: Make, sandbox: ModelSandbox
) -> None:
    sandbox.faults.add("rate_limit", retry_after=3600)
    gateway = open_gateway({"m": {"deployments": [named()], "retries": 5}})
    with pytest.raises(RateLimitedError) as raised:
        await gateway.chat("m", HELLO)
    assert raised.value.details["retry_after"] == pytest.approx(3600, abs=2)
    assert len(sandbox.book) == 1


def test_the_forms_of_retry_after() -> None:
    assert retry_after({"retry-after": "12"}) == 12
    assert retry_after({"retry-after": "1.5"}) == 1.5
    assert retry_after({"retry-after-ms": "250", "retry-after": "9"}) == 0.25
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    assert 90 < (retry_after({"retry-after": soon}) or 0) <= 100
    past = format_datetime(datetime.now(UTC) - timedelta(seconds=100), usegmt=True)
    assert retry_after({"retry-after": past}) == 0
    assert retry_after({}) is None
    for nonsense in ("soon", "-5", "", "²", "nan"):
        assert retry_after({"retry-after": nonsense}) is None


@pytest.mark.parametrize("value", ["inf", "nan", "-1", "1e300", "x"])
def test_a_senseless_wait_does_not_put_a_deployment_out_for_good(value: str) -> None:
    for name in ("retry-after", "retry-after-ms"):
        assert 0 <= (retry_after({name: value}) or 0) <= 86_400


async def test_what_cannot_be_asked_is_refused_before_anything_is_sent(
    open_gateway: Open, sandbox: ModelSandbox
) -> None:
    gateway = open_gateway()
    with pytest.raises(NotFoundError, match=r"no model 'x'.*Configured: m"):
        await gateway.chat("x", HELLO)
    for wrong in ([], [{"content": "no role"}], ["text"]):
        with pytest.raises(InvalidRequestError):
            await gateway.chat("m", wrong)  # type: ignore[arg-type]
    with pytest.raises(InvalidRequestError, match="max_tokens"):
        await gateway.chat("m", HELLO, max_tokens=0)
    with pytest.raises(InvalidRequestError, match="'n'"):
        await gateway.chat("m", HELLO, n=5)
    for texts in ([], ["a", ""]):
        with pytest.raises(InvalidRequestError, match="nothing to embed"):
            await gateway.embed("m", texts)
    with pytest.raises(InvalidRequestError, match="nothing to rank"):
        await gateway.rerank("m", "x", [])
    with pytest.raises(InvalidRequestError, match="limit"):
        await gateway.rerank("m", "x", ["a", "b"], limit=0)
    assert len(sandbox.book) == 0


@pytest.mark.parametrize("option", [{"input": ["much more"]}, {"api_base": "http://elsewhere"}])
async def test_options_of_embeddings_cannot_change_what_is_embedded_or_where(
    open_gateway: Open, sandbox: ModelSandbox, option: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequestError, match=next(iter(option))):
        await open_gateway().embed("m", ["one"], **option)
    assert len(sandbox.book) == 0
