"""Canary strings go through every feature and its errors; neither spans nor log lines hold any of them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.api.conftest import Serve

from deskmind.api import create_app
from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.observability import configure_logging
from deskmind.observability.content import capture_content
from deskmind.sandbox.models import ModelSandbox

PROVIDER_KEY = "sk-canaryproviderkey0123456789"
CANARIES = {
    name: f"canary{name}"
    for name in ("question", "answer", "document", "title", "file", "prompt", "talk", "user", "person", "embedded", "tool")
}  # fmt: skip
EMAIL = "canaryperson@canary-mail.example"


@dataclass
class Told:
    """Everything that was logged, and that was traced."""

    stream: io.StringIO
    spans: InMemorySpanExporter
    secrets: list[str] = field(default_factory=list[str])

    @property
    def logged(self) -> str:
        return self.stream.getvalue()

    @property
    def traced(self) -> str:
        return "\n".join(span.to_json(indent=None) for span in self.spans.get_finished_spans())


@pytest.fixture
def told(traced: InMemorySpanExporter) -> Iterator[Told]:
    """Logs at the most talkative level."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging(format="json", level="debug", stream=stream)
    yield Told(stream, traced)
    capture_content(False)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
async def sandbox() -> AsyncIterator[ModelSandbox]:
    async with ModelSandbox(keys=(PROVIDER_KEY,)) as started:
        yield started


@pytest.fixture
async def client(
    told: Told, desk_home: Path, app: Deskmind, operator: Desk, sandbox: ModelSandbox, serving: Serve
) -> AsyncIterator[httpx.AsyncClient]:
    """An operator's client, whose name is a canary too."""
    del app  # keeps the home's server running
    await operator.principals.add_user(CANARIES["user"], role="operator")
    key = await operator.keys.create(CANARIES["user"])
    told.secrets.append(key.secret)
    deployment = {"model": "echo", "base_url": f"{sandbox.base_url}/v1", "api_key": PROVIDER_KEY}
    claude = {
        "model": "anthropic/m",
        "provider": "litellm",
        "base_url": sandbox.base_url,
        "api_key": PROVIDER_KEY,
    }
    refused = {**deployment, "api_key": "sk-canarywrongkey0123456789", "name": "refused"}
    async with (
        Deskmind.open(
            home=desk_home,
            knowledge={"embedder": "hashing"},
            answer={"threshold": 0.0, "model": "fast"},
            models={
                "fast": {"deployments": [deployment], "retries": 0},
                "claude": {"deployments": [claude], "retries": 0},
                "refused": {"deployments": [refused], "retries": 0},
            },
        ) as modelled,
        serving(create_app(app=modelled)) as address,
        httpx.AsyncClient(base_url=address, headers={"Authorization": f"Bearer {key.secret}"}) as made,
    ):
        yield made


async def drive(client: httpx.AsyncClient, sandbox: ModelSandbox) -> list[int]:
    """Every feature, well and badly; the statuses."""
    statuses: list[int] = []

    async def send(method: str, path: str, **more: Any) -> httpx.Response:
        answer = await client.request(method, path, **more)
        statuses.append(answer.status_code)
        return answer

    question = f"{CANARIES['question']} of {EMAIL}?"
    text = f"# {CANARIES['title']}\n\n{CANARIES['document']} and {CANARIES['question']} say: restart it."
    document = {"name": f"{CANARIES['file']}.md", "text": text}
    added = (await send("POST", "/v1/documents", json=document)).json()
    upload = {"file": (f"{CANARIES['file']}.txt", text.encode())}
    await send("POST", "/v1/documents/upload", files=upload)
    await send(
        "POST", "/v1/documents/upload", files={"file": (f"{CANARIES['file']}.pdf", b"%PDF-1.7 canary")}
    )
    await send("POST", "/v1/documents", json={"name": f"{CANARIES['file']}.exe", "text": "\x00"})
    for body in ({"query": question}, {"query": ""}, {"query": CANARIES["question"] * 1_000}):
        await send("POST", "/v1/search", json=body)
    for accept in ("application/json", "text/event-stream"):
        for given in (
            {"question": question},
            {"question": CANARIES["question"] * 1_000},
            {"nonsense": question},
        ):
            await send("POST", "/v1/ask", json=given, headers={"accept": accept})
    listed = (await send("GET", "/v1/documents")).json()["documents"]
    for item in listed:
        await send("GET", f"/v1/documents/{item['document_id']}")
    await send("DELETE", f"/v1/documents/{listed[0]['document_id']}")
    await send("GET", f"/v1/documents/{CANARIES['file']}?q={CANARIES['question']}")
    await send("GET", f"/{CANARIES['file']}/{CANARIES['question']}")
    assert added
    await _models(send, sandbox)
    await _prompts(send)
    await _talks(send)
    await _ratings(send)
    wrong = {"Authorization": "Bearer dk_canarykey_0000"}
    await send("POST", "/v1/search", json={"query": question}, headers=wrong)
    return statuses


async def _models(send: Any, sandbox: ModelSandbox) -> None:
    messages = [
        {"role": "system", "content": CANARIES["prompt"]},
        {"role": "user", "content": CANARIES["talk"]},
    ]
    tools = [
        {
            "type": "function",
            "function": {"name": "look_up", "description": CANARIES["tool"], "parameters": {}},
        }
    ]
    for model in ("fast", "claude", "refused", f"none-{CANARIES['person']}"):
        for more in (
            {},
            {"stream": True},
            {"tools": tools},
            {"user": EMAIL, "stop": CANARIES["answer"]},
            {"nonsense": EMAIL},
        ):
            await send("POST", "/v1/chat/completions", json={"model": model, "messages": messages, **more})
    for text in (CANARIES["embedded"], ""):
        await send("POST", "/v1/embeddings", json={"model": "fast", "input": text})
    sandbox.script([CANARIES["answer"]])
    await send("POST", "/v1/chat/completions", json={"model": "fast", "messages": messages})
    for kind in (
        "server_error",
        "context_length",
        "content_filter",
        "bad_json",
        "cut_after",
        "error_in_stream",
    ):
        sandbox.faults.add(kind)  # pyright: ignore[reportArgumentType]
        for stream in (False, True):
            await send(
                "POST", "/v1/chat/completions", json={"model": "fast", "messages": messages, "stream": stream}
            )
        sandbox.faults.clear()


async def _prompts(send: Any) -> None:
    prompt = {
        "name": "triage",
        "variables": {"ticket": {"type": "string"}},
        "messages": [{"role": "user", "content": CANARIES["prompt"] + " {{ ticket }}"}],
    }
    await send(
        "POST", "/v1/prompts", json={"prompt": prompt, "label": "production", "note": CANARIES["prompt"]}
    )
    await send("POST", "/v1/prompts", json={"file": CANARIES["prompt"]})
    bad = {**prompt, "messages": [{"role": "user", "content": CANARIES["prompt"] + "{{ x.__class__ }}"}]}
    await send("POST", "/v1/prompts", json={"prompt": bad})
    for values in ({"ticket": CANARIES["talk"]}, {"wrong": CANARIES["talk"]}, {"ticket": 3}):
        await send("POST", "/v1/prompts/triage/render", json={"values": values})
    await send("GET", "/v1/prompts/triage/diff?old=1&new=production")


async def _talks(send: Any) -> None:
    turn = {"role": "user", "content": CANARIES["talk"]}
    begun = await send("POST", "/v1/conversations", json={"title": CANARIES["title"], "turns": [turn]})
    path = f"/v1/conversations/{begun.json()['conversation_id']}"
    await send(
        "POST", f"{path}/turns", json={"turns": [turn, {"role": "nobody", "content": CANARIES["talk"]}]}
    )
    await send("POST", f"{path}/turns", json={"turns": [turn]})
    await send("PATCH", path, json={"title": CANARIES["title"]})
    await send("POST", f"{path}/summary", json={"summary": CANARIES["talk"]})
    await send("GET", path)
    await send("DELETE", path)


async def _ratings(send: Any) -> None:
    answer = (await send("POST", "/v1/ask", json={"question": CANARIES["question"]})).json()
    rating = {"request_id": answer["request_id"], "rating": "down", "correction": CANARIES["answer"]}
    assert (await send("POST", "/v1/feedback", json=rating)).status_code == 201
    for wrong in ({"rating": CANARIES["answer"]}, {"request_id": CANARIES["talk"]}, {CANARIES["talk"]: 1}):
        await send("POST", "/v1/feedback", json={**rating, **wrong})
    for path in (
        "feedback",
        f"requests/{answer['request_id']}",
        f"requests/{CANARIES['talk']}",
        "quality?by=document",
    ):
        await send("GET", f"/v1/{path}")


async def test_no_canary_is_in_a_span_or_a_log_line(
    client: httpx.AsyncClient, told: Told, sandbox: ModelSandbox
) -> None:
    statuses = await drive(client, sandbox)
    assert {200, 201, 204, 401, 404, 422} <= set(statuses)
    assert len(statuses) > 60
    names = {span.name for span in told.spans.get_finished_spans()}
    assert {
        "chat fast",
        "chat claude",
        "embeddings fast",
        "retrieval deskmind",
        "job knowledge.ingest",
    } <= names
    assert {"POST /v1/ask", "POST /v1/conversations", "POST /v1/prompts/{name}/render"} <= names
    for where in (told.logged, told.traced):
        found = [
            word
            for word in (*CANARIES.values(), EMAIL, PROVIDER_KEY, *told.secrets, "canary")
            if word in where
        ]
        assert not found, [line for line in where.splitlines() if "canary" in line][:3]


async def test_captured_content_is_on_spans_without_secrets_and_never_in_logs(
    client: httpx.AsyncClient, told: Told, sandbox: ModelSandbox
) -> None:
    capture_content(True)
    sandbox.script([CANARIES["answer"]])
    said = f"{CANARIES['question']} password=canarysecret and {PROVIDER_KEY} {'x' * 50_000}"
    await client.post(
        "/v1/chat/completions", json={"model": "fast", "messages": [{"role": "user", "content": said}]}
    )
    await client.post("/v1/search", json={"query": CANARIES["talk"]})
    spans = {span.name: dict(span.attributes or {}) for span in told.spans.get_finished_spans()}
    asked = json.loads(str(spans["chat fast"]["gen_ai.input.messages"]))
    assert asked[0]["role"] == "user"
    assert asked[0]["parts"][0]["content"].startswith(CANARIES["question"])
    assert len(asked[0]["parts"][0]["content"]) <= 4_000
    assert CANARIES["answer"] in str(spans["chat fast"]["gen_ai.output.messages"])
    assert spans["retrieval deskmind"]["gen_ai.retrieval.query.text"] == CANARIES["talk"]
    assert "canarysecret" not in told.traced
    assert PROVIDER_KEY not in told.traced
    assert "canary" not in told.logged
