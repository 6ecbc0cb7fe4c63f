"""Keys never leave the gateway but in the header that needs them: no error, repr, log line, span or ledger row."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from deskmind.errors import BudgetExceededError, ConfigurationError, ModelError
from deskmind.gateway import Budget, BudgetKeeper, Deployment, Gateway, MemoryLedger, ProviderFailure
from deskmind.gateway import spans as door
from deskmind.gateway.accounts import error_for
from deskmind.sandbox.models import ModelSandbox

KEY = "zq7-nobody-knows-this-key-81"
HEADER = "zq7-a-header-nobody-knows"
HELLO = [{"role": "user", "content": "hello there my friend"}]

Open = Callable[..., Gateway]
Make = Callable[..., dict[str, Any]]


@pytest.fixture
async def parrot() -> AsyncIterator[str]:
    """A server that repeats all it was sent, headers too, in its refusal; its address."""

    async def refuse(request: web.BaseRequest) -> web.StreamResponse:
        said = " ".join([request.path_qs, *(f"{name} is {value}" for name, value in request.headers.items())])
        status = int(request.headers.get("X-Status", "401"))
        error = {"message": f"I was told {said}", "type": "invalid_request_error", "code": None}
        return web.json_response({"error": error}, status=status)

    runner = web.ServerRunner(web.Server(refuse))  # type: ignore[arg-type]
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """What is traced during a test."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(door, "_tracer", provider.get_tracer("deskmind"))
    return exporter


def shown(error: BaseException) -> str:
    """All of an error that may be printed somewhere, causes included."""
    told = [str(error), repr(error), *traceback.format_exception(error)]
    if isinstance(error, ModelError):
        told.append(json.dumps(error.problem()))
    return "\n".join(told)


@pytest.mark.parametrize("status", ["400", "401", "404", "429", "500"])
@pytest.mark.parametrize(
    ("provider", "model", "path"),
    [
        ("openai", "m", "/v1"),
        ("azure", "m", ""),
        ("litellm", "openai/m", "/v1"),
        ("litellm", "anthropic/m", ""),
        ("litellm", "gemini/m", "/v1beta"),
    ],
)
async def test_a_provider_that_repeats_the_key_does_not_spread_it(
    open_gateway: Open,
    parrot: str,
    spans: InMemorySpanExporter,
    caplog: pytest.LogCaptureFixture,
    provider: str,
    model: str,
    path: str,
    status: str,
) -> None:
    deployment = {
        "provider": provider,
        "model": model,
        "base_url": parrot + path,
        "api_key": KEY,
        "headers": {"X-Mine": HEADER, "X-Status": status},
    }
    ledger = MemoryLedger()
    gateway = open_gateway({"m": {"deployments": [deployment], "retries": 0}}, ledger=ledger)
    with caplog.at_level(logging.DEBUG), pytest.raises(ModelError) as raised:
        await gateway.chat("m", HELLO)
    told = {
        "error": shown(raised.value),
        "log": caplog.text,
        "gateway": repr(vars(gateway)),
        "row": repr(ledger.entries),
        "spans": "".join(span.to_json() for span in spans.get_finished_spans()),
    }
    assert len(spans.get_finished_spans()) == 1
    for place, text in told.items():
        assert KEY not in text, place
        assert HEADER not in text, place


@pytest.mark.parametrize("before", range(255, 305, 3))
def test_a_key_that_is_cut_off_with_a_long_message_is_not_shown_in_part(before: int) -> None:
    deployment = Deployment.model_validate({"model": "m", "api_key": KEY})
    failure = ProviderFailure("model-request", "x" * before + KEY + "y" * 50)
    assert KEY[:5] not in shown(error_for(failure, "m", deployment, []))


def test_wrong_definitions_do_not_show_the_key() -> None:
    for wrong in (
        {"model": "m", "api_key": KEY, "nonsense": KEY},
        {"model": "m", "api_key": [KEY]},
        {"model": "m", "api_key": KEY, "base_url": f"http://user:{KEY}@host/v1"},
        {"model": "m", "headers": {"X": {"y": KEY}}},
        {"model": "m", "api_key": KEY, "price": {"input": "-1"}},
    ):
        with pytest.raises(ConfigurationError) as raised:
            Gateway({"m": wrong})
        assert KEY not in shown(raised.value)


async def test_a_span_tells_what_was_asked_and_counted_and_never_what_was_said(
    open_gateway: Open, spans: InMemorySpanExporter
) -> None:
    gateway = open_gateway()
    await gateway.chat("m", HELLO, max_tokens=9, temperature=0.5)
    async with await gateway.stream("m", HELLO) as stream:
        async for _ in stream:
            pass
    await gateway.embed("m", ["hello there"])
    await gateway.rerank("m", "hello", ["there"])
    finished = spans.get_finished_spans()
    assert [span.name for span in finished] == ["chat m", "chat m", "embeddings m", "rerank m"]
    for span in finished:
        assert span.attributes is not None
        assert span.attributes["gen_ai.usage.input_tokens"]
        assert span.status.is_unset
        assert "hello" not in span.to_json()


async def test_every_call_is_one_span_whatever_becomes_of_it(
    open_gateway: Open, named: Make, sandbox: ModelSandbox, spans: InMemorySpanExporter
) -> None:
    keeper = BudgetKeeper([Budget("b", "day", tokens=1, model="tight")])
    model = {"deployments": [named()], "retries": 0}
    gateway = open_gateway({"m": model, "tight": model}, keeper=keeper)
    with pytest.raises(BudgetExceededError):
        await gateway.chat("tight", HELLO)
    sandbox.faults.add("server_error", at=(1,))
    with pytest.raises(ModelError):
        await gateway.chat("m", HELLO)
    stream = await gateway.stream("m", HELLO)
    await stream.aclose()
    await gateway.close()
    assert [
        (span.name, dict(span.attributes or {}).get("error.type")) for span in spans.get_finished_spans()
    ] == [
        ("chat tight", "budget-exceeded"),
        ("chat m", "model-unavailable"),
        ("chat m", None),
    ]
