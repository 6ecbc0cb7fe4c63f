"""How models are defined, what they cost, and estimates that reserve enough."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskmind.errors import ConfigurationError
from deskmind.gateway import ChatRequest, Deployment, Gateway, ModelConfig, Price, ToolCall, Usage
from deskmind.gateway.calibration import Calibration
from deskmind.gateway.prices import PriceList, cost_of
from deskmind.gateway.tokens import estimate_output, estimate_request, estimate_text, likely_reply

TOKENS = st.integers(0, 10**9)
AMOUNTS = st.decimals(0, 1_000, places=6)


@pytest.mark.parametrize(
    ("given_form", "provider", "model", "address"),
    [
        ("openai/gpt-4o-mini", "openai", "gpt-4o-mini", "https://api.openai.com/v1"),
        ("anthropic/claude-sonnet-4-5", "litellm", "anthropic/claude-sonnet-4-5", ""),
        ("bedrock/eu.amazon/nova", "litellm", "bedrock/eu.amazon/nova", ""),
        ({"model": "qwen", "base_url": "http://gpu:8000/v1/"}, "openai", "qwen", "http://gpu:8000/v1"),
        ([{"model": "qwen", "base_url": "http://gpu/v1"}], "openai", "qwen", "http://gpu/v1"),
        (Deployment(model="gpt-4o"), "openai", "gpt-4o", "https://api.openai.com/v1"),
        (
            ModelConfig(deployments=(Deployment(model="gpt-4o"),)),
            "openai",
            "gpt-4o",
            "https://api.openai.com/v1",
        ),
        (
            {"provider": "azure", "model": "d", "base_url": "https://x.openai.azure.com/"},
            "azure",
            "d",
            "https://x.openai.azure.com",
        ),
    ],
)
def test_short_forms(given_form: Any, provider: str, model: str, address: str) -> None:
    (deployment,) = Gateway({"m": given_form}).models["m"].deployments
    assert (deployment.provider, deployment.model, deployment.base_url) == (provider, model, address)
    assert deployment.name


@pytest.mark.parametrize("given_form", ["", "openai/", 7, None, [], {}, {"deployments": "x"}])
def test_what_is_no_model_is_said_with_the_place_to_correct(given_form: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"'m' is not defined rightly.*\[models\.m\]"):
        Gateway({"m": given_form})


def test_two_different_deployments_cannot_share_a_name() -> None:
    """Keys and prices are kept by the name: one would be called with the other's."""
    first = {"model": "x", "base_url": "http://gpu/v1", "api_key": "sk-first-secret"}
    for other in ({"api_key": "sk-other-secret"}, {"price": {"input": "1"}}, {"headers": {"X-A": "b"}}):
        with pytest.raises(ConfigurationError, match=r"named 'openai/gpu/x'.*'b'") as raised:
            Gateway({"a": first, "b": {**first, **other}})
        assert "secret" not in str(raised.value)
    Gateway({"a": first, "b": first, "c": {"deployments": [{**first, "weight": 3}]}})
    Gateway({"a": first, "b": {**first, "api_key": "sk-other-secret", "name": "b's"}})


@given(price=st.tuples(AMOUNTS, AMOUNTS, AMOUNTS), read=TOKENS, cached=TOKENS, written=TOKENS)
def test_cost_is_exact_to_the_last_digit(
    price: tuple[Decimal, Decimal, Decimal], read: int, cached: int, written: int
) -> None:
    fresh, output, again = price
    cost = cost_of(Price(input=fresh, output=output, cached_input=again), Usage(read, written, cached))
    kept = min(cached, read)
    micro = [int(amount * 1_000_000) for amount in (fresh, again, output)]
    assert int(cost * 10**12) == micro[0] * (read - kept) + micro[1] * kept + micro[2] * written
    plain = cost_of(Price(input=fresh, output=output), Usage(read, written, cached))
    assert (
        int(plain * 10**12) == micro[0] * read + micro[2] * written
    )  # no price of its own for the cached part


def test_list_prices_belong_to_list_addresses() -> None:
    prices = PriceList()

    def price(**fields: Any) -> Price | None:
        return prices.price(Deployment(**fields))

    assert price(model="gpt-4o-mini") is not None
    assert price(provider="litellm", model="anthropic/claude-sonnet-4-5") is not None
    azure = {"provider": "azure", "base_url": "https://x.openai.azure.com"}
    assert price(model="gpt-4o-mini", **azure) is not None
    assert price(model="gpt-4o-mini", base_url="http://gpu:8000/v1") is None
    assert price(model="gpt-4o-mini", base_url="https://api.openai.com.evil.example/v1") is None
    assert price(provider="litellm", model="hosted_vllm/gpt-4o", base_url="http://gpu:8000/v1") is None
    assert price(model="a-model-nobody-sells") is None
    assert price(provider="litellm", model="a-model-nobody-sells") is None
    own = Price(input=Decimal(0))
    assert price(model="gpt-4o", price=own, name="ours") == own


WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]) | st.sampled_from(" \n\t"), max_size=200
)


@given(st.lists(WORDS, max_size=5))
def test_a_request_is_never_estimated_below_its_words(texts: list[str]) -> None:
    request = ChatRequest([{"role": "user", "content": text} for text in texts])
    words = sum(max(len(text.split()), 1) for text in texts)
    assert estimate_request(request) >= words
    parts = ChatRequest([{"role": "user", "content": [{"type": "text", "text": text} for text in texts]}])
    assert estimate_request(parts) >= sum(len(text.split()) for text in texts)


@given(WORDS, WORDS)
def test_more_text_is_never_estimated_lower(first: str, second: str) -> None:
    assert estimate_text(first + second) >= estimate_text(first) - 1
    assert likely_reply(first, [ToolCall("id", "name", second)]) > likely_reply(first, []) - 1


def test_every_part_of_a_request_counts() -> None:
    message = {"role": "user", "content": "look at this"}
    plain = estimate_request(ChatRequest([message]))
    picture = {"type": "image_url", "image_url": {"url": "data:…"}}
    shown = {"role": "user", "content": [{"type": "text", "text": "look at this"}, picture]}
    called = {**message, "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}]}
    options = {"tools": [{"type": "function", "function": {"name": "f"}}], "response_format": {"type": "x"}}
    assert estimate_request(ChatRequest([shown])) >= plain + 1_000
    assert estimate_request(ChatRequest([called])) > plain
    assert estimate_request(ChatRequest([message], None, options)) > plain + 10


@given(pieces=st.integers(0, 1_000), each=st.integers(1, 200))
def test_a_streams_output_is_its_pieces_or_its_characters(pieces: int, each: int) -> None:
    found = estimate_output(pieces, pieces * each)
    assert found == pieces if each < 16 or not pieces else found * 4 >= pieces * each


@given(
    counts=st.lists(st.tuples(st.integers(1, 1_000), st.integers(1, 1_000)), min_size=1, max_size=30),
    ratio=st.floats(0.2, 5),
)
def test_estimates_become_what_the_provider_would_count(counts: list[tuple[int, int]], ratio: float) -> None:
    calibration = Calibration()
    deployment = Deployment(model="x")
    for read, written in counts:
        counted = Usage(round(read * ratio), round(written * ratio))
        calibration.learn(deployment, counted, Usage(read, written), streamed=False)
    guessed = calibration.usage(deployment, Usage(10_000, 10_000), streamed=False)
    total_read, total_written = (sum(side) for side in zip(*counts, strict=True))
    for found, total in ((guessed.input_tokens, total_read), (guessed.output_tokens, total_written)):
        allowed = 10_000 * (len(counts) / total + 0.02 * ratio)  # rounding of the counts, and forgetting
        assert abs(found - 10_000 * ratio) <= allowed
    unknown = calibration.usage(Deployment(model="y"), Usage(7, 9), streamed=False)
    assert unknown == Usage(7, 9)
