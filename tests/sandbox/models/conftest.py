"""A server on a real socket for each test, and a raw HTTP client that knows no vendor."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from deskmind.sandbox.models import ModelSandbox


@dataclass
class Vendor:
    """How one wire format is spoken: path, headers, and the smallest request that is answered."""

    name: str
    path: str
    stream_path: str
    headers: dict[str, str]
    body: dict[str, Any]
    stream_body: dict[str, Any]

    def text(self, answer: dict[str, Any]) -> str:
        """The answer's text."""
        if self.name == "anthropic":
            return answer["content"][0]["text"]
        if self.name == "gemini":
            return answer["candidates"][0]["content"]["parts"][0]["text"]
        return answer["choices"][0]["message"]["content"]

    def piece(self, event: dict[str, Any]) -> str:
        """The text in one event of a stream, or nothing."""
        if self.name == "anthropic":
            return event["delta"].get("text", "") if event.get("type") == "content_block_delta" else ""
        if self.name == "gemini":
            return event["candidates"][0]["content"]["parts"][0]["text"] if "candidates" in event else ""
        return (event["choices"][0]["delta"].get("content") or "") if event.get("choices") else ""


SAID = "the printer on floor three is jammed"


def vendors() -> list[Vendor]:
    """All four, asking for the echo of `SAID` (7 words)."""
    chat = {"model": "echo", "messages": [{"role": "user", "content": SAID}]}
    bearer = {"Authorization": "Bearer sandbox-key"}
    azure = "/openai/deployments/echo/chat/completions?api-version=2024-10-21"
    message = {**chat, "max_tokens": 1000}
    version = {"x-api-key": "sandbox-key", "anthropic-version": "2023-06-01"}
    contents = {"contents": [{"role": "user", "parts": [{"text": SAID}]}]}
    google = "/v1beta/models/echo"
    key = {"x-goog-api-key": "sandbox-key"}
    stream = {"stream": True}
    return [
        Vendor("openai", "/v1/chat/completions", "/v1/chat/completions", bearer, chat, chat | stream),
        Vendor("azure", azure, azure, {"api-key": "sandbox-key"}, chat, chat | stream),
        Vendor("anthropic", "/v1/messages", "/v1/messages", version, message, message | stream),
        Vendor(
            "gemini",
            f"{google}:generateContent",
            f"{google}:streamGenerateContent?alt=sse",
            key,
            contents,
            contents,
        ),
    ]


@pytest.fixture(params=vendors(), ids=lambda vendor: vendor.name)
def vendor(request: pytest.FixtureRequest) -> Vendor:
    """Each wire format in turn."""
    return request.param


@pytest.fixture
async def sandbox() -> AsyncIterator[ModelSandbox]:
    """A started server."""
    async with ModelSandbox() as started:
        yield started


@pytest.fixture
async def http(sandbox: ModelSandbox) -> AsyncIterator[aiohttp.ClientSession]:
    """A client on the server."""
    async with aiohttp.ClientSession(sandbox.base_url) as session:
        yield session


@pytest.fixture
def said() -> str:
    """What each vendor's smallest request says."""
    return SAID


@pytest.fixture
def events() -> Callable[[str], list[dict[str, Any]]]:
    """Reads the data lines of server-sent events, but `[DONE]`."""

    def read(text: str) -> list[dict[str, Any]]:
        lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
        return [json.loads(line) for line in lines if line != "[DONE]"]

    return read


@pytest.fixture
def openai_headers() -> dict[str, str]:
    """The key, as OpenAI's clients send it."""
    return {"Authorization": "Bearer sandbox-key"}


@pytest.fixture
def anthropic_headers() -> dict[str, str]:
    """Key and version, as Anthropic's clients send them."""
    return {"x-api-key": "sandbox-key", "anthropic-version": "2023-06-01"}
