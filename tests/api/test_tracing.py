"""A request as a trace: server span, what it did inside, where it came from and where it goes on."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.api.conftest import Serve

from deskmind.api import create_app
from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.observability import pseudonym
from deskmind.sandbox.models import ModelSandbox

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"


@pytest.fixture
async def client(
    modelled: Deskmind, operator: Desk, serving: Serve, traced: InMemorySpanExporter
) -> AsyncIterator[httpx.AsyncClient]:
    """A member's client of a service with models, on the session's database; what came before is not traced."""
    await operator.principals.add_user("req1")
    key = await operator.keys.create("req1")
    await operator.knowledge.add("vpn.md", b"# VPN\n\nRestart the VPN client to connect again.")
    async with serving(create_app(app=modelled)) as address:
        traced.clear()
        headers = {"Authorization": f"Bearer {key.secret}"}
        async with httpx.AsyncClient(base_url=address, headers=headers) as made:
            yield made


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Lines of the service's log."""
    import logging

    from deskmind.observability import configure_logging

    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging(format="json", stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:] = handlers
    root.setLevel(level)


def by_name(traced: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in traced.get_finished_spans()}


def parent_of(span: ReadableSpan, spans: dict[str, ReadableSpan]) -> str:
    above = span.parent.span_id if span.parent is not None else 0
    return next(
        (other.name for other in spans.values() if other.context and other.context.span_id == above), ""
    )


def attribute(span: ReadableSpan, name: str) -> Any:
    return (span.attributes or {}).get(name)


async def test_a_search_is_a_trace_from_the_request_to_the_statements(
    client: httpx.AsyncClient, traced: InMemorySpanExporter
) -> None:
    answer = await client.post(
        "/v1/search", json={"query": "vpn client"}, headers={"traceparent": TRACEPARENT}
    )
    assert answer.status_code == 200
    spans = by_name(traced)
    request = spans["POST /v1/search"]
    assert request.kind.name == "SERVER"
    assert request.parent is not None
    assert f"{request.parent.span_id:016x}" == PARENT
    assert dict(request.attributes or {}) == {
        "http.request.method": "POST",
        "http.route": "/v1/search",
        "http.response.status_code": 200,
        "url.scheme": "http",
        "deskmind.correlation_id": answer.headers["x-request-id"],
        "deskmind.tenant": attribute(spans["knowledge.search"], "deskmind.tenant"),
    }
    assert parent_of(spans["knowledge.search"], spans) == "POST /v1/search"
    retrieval = spans["retrieval deskmind"]
    assert (retrieval.kind.name, parent_of(retrieval, spans)) == ("CLIENT", "knowledge.search")
    assert attribute(retrieval, "gen_ai.operation.name") == "retrieval"
    assert attribute(retrieval, "gen_ai.data_source.id") == "deskmind"
    found = json.loads(attribute(retrieval, "gen_ai.retrieval.documents"))
    assert [item["id"] for item in found] == [item["chunk_id"] for item in answer.json()["passages"]]
    assert attribute(retrieval, "gen_ai.retrieval.query.text") is None
    assert attribute(spans["embeddings hashing"], "gen_ai.request.model") == "hashing"
    (reading,) = [name for name in spans if name.startswith("SELECT chunks documents embeddings_")]
    assert parent_of(spans[reading], spans) == "retrieval deskmind"
    assert {f"{span.context.trace_id:032x}" for span in spans.values() if span.context} == {TRACE}


async def test_a_chat_has_one_client_span_whose_context_goes_to_the_provider(
    client: httpx.AsyncClient, traced: InMemorySpanExporter, sandbox: ModelSandbox
) -> None:
    body = {"model": "fast", "messages": [{"role": "user", "content": "canary question"}], "max_tokens": 20}
    answer = await client.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200
    spans = by_name(traced)
    chat = spans["chat fast"]
    assert (chat.kind.name, parent_of(chat, spans)) == ("CLIENT", "models.call")
    assert parent_of(spans["models.call"], spans) == "POST /v1/chat/completions"
    told = dict(chat.attributes or {})
    assert told["gen_ai.operation.name"] == "chat"
    assert told["gen_ai.provider.name"] == "openai"
    assert told["gen_ai.request.max_tokens"] == 20
    assert told["gen_ai.response.finish_reasons"] == ("stop",)
    assert told["gen_ai.response.id"] == answer.json()["id"]
    assert told["gen_ai.usage.input_tokens"] == answer.json()["usage"]["prompt_tokens"]
    assert told["gen_ai.usage.output_tokens"] == answer.json()["usage"]["completion_tokens"]
    assert told["deskmind.cost"] > 0
    assert chat.context is not None
    sent = (sandbox.book[-1].headers or {})["traceparent"]
    assert sent == f"00-{chat.context.trace_id:032x}-{chat.context.span_id:016x}-01"


async def test_a_stream_says_when_its_first_piece_came(
    client: httpx.AsyncClient, traced: InMemorySpanExporter
) -> None:
    body = {"model": "fast", "messages": [{"role": "user", "content": "hello"}], "stream": True}
    answer = await client.post("/v1/chat/completions", json=body)
    assert answer.text.endswith("data: [DONE]\n\n")
    chat = by_name(traced)["chat fast"]
    assert attribute(chat, "gen_ai.request.stream") is True
    assert attribute(chat, "gen_ai.response.time_to_first_chunk") > 0
    assert attribute(chat, "gen_ai.response.finish_reasons") == ("stop",)
    assert chat.status.is_ok


async def test_attempts_that_failed_are_events_of_the_span(
    client: httpx.AsyncClient, traced: InMemorySpanExporter, sandbox: ModelSandbox
) -> None:
    from deskmind.sandbox.models import Fault

    sandbox.faults.add(Fault("server_error"))
    body = {"model": "fast", "messages": [{"role": "user", "content": "hello"}]}
    answer = await client.post("/v1/chat/completions", json=body)
    chat = by_name(traced)["chat fast"]
    assert answer.status_code == 503
    assert not chat.status.is_ok
    assert attribute(chat, "error.type") == "model-unavailable"
    assert [event.name for event in chat.events] == ["gateway.attempt"]
    assert (chat.events[0].attributes or {})["deskmind.outcome"] == "model-unavailable"
    request = by_name(traced)["POST /v1/chat/completions"]
    assert (request.status.is_ok, attribute(request, "error.type")) == (False, "503")


async def test_an_ingests_job_continues_the_trace_of_its_request(
    client: httpx.AsyncClient, traced: InMemorySpanExporter
) -> None:
    answer = await client.post(
        "/v1/documents",
        json={"name": "printer.md", "text": "# Printer\n\nRestart the spooler."},
        headers={"traceparent": TRACEPARENT, "x-request-id": "mine-42"},
    )
    assert answer.status_code == 201
    job = by_name(traced)["job knowledge.ingest"]
    assert job.kind.name == "CONSUMER"
    assert job.context is not None
    assert job.parent is not None
    assert (f"{job.context.trace_id:032x}", job.parent.is_remote) == (TRACE, True)
    assert attribute(job, "deskmind.correlation_id") == "mine-42"
    assert attribute(job, "deskmind.tenant") == attribute(
        by_name(traced)["knowledge.ingest"], "deskmind.tenant"
    )


@pytest.mark.parametrize("parent", ["nonsense", "00-" + "0" * 32 + "-" + "1" * 16 + "-01", "x" * 5_000])
async def test_a_parent_that_is_no_parent_begins_a_new_trace(
    client: httpx.AsyncClient, traced: InMemorySpanExporter, parent: str
) -> None:
    await client.get("/v1/models", headers={"traceparent": parent})
    request = by_name(traced)["GET /v1/models"]
    assert request.parent is None


async def test_paths_do_not_become_names_and_probes_are_not_traced(
    client: httpx.AsyncClient, traced: InMemorySpanExporter
) -> None:
    missing = "/v1/documents/00000000-0000-0000-0000-000000000000"
    assert (await client.get(missing)).status_code == 404
    assert (await client.get("/nowhere/at/all")).status_code == 404
    assert (await client.request("PROPFIND", "/v1/search")).status_code == 405
    assert (await client.get("/healthz")).status_code == 200
    names = {span.name for span in traced.get_finished_spans() if span.kind.name == "SERVER"}
    assert names == {"GET /v1/documents/{document_id}", "GET", "HTTP /v1/search"}
    server = by_name(traced)["GET /v1/documents/{document_id}"]
    assert server.status.is_ok  # the caller's mistake, not ours
    assert attribute(server, "http.response.status_code") == 404


async def test_one_id_is_found_in_response_trace_log_ledger_and_audit(
    client: httpx.AsyncClient,
    operator: Desk,
    modelled: Deskmind,
    traced: InMemorySpanExporter,
    lines: Callable[[], list[dict[str, Any]]],
) -> None:
    mine = {"x-request-id": "case-4711"}
    document = {"name": "mail.md", "text": "# Mail\n\nThe mailbox is full."}
    for path, body in (
        ("/v1/documents", document),
        ("/v1/ask", {"question": "What about the VPN client?"}),
    ):
        answer = await client.post(path, json=body, headers=mine)
        assert answer.headers["x-request-id"] == "case-4711"
    refused = await client.get("/v1/documents/nonsense", headers=mine)
    assert refused.json()["request_id"] == refused.headers["x-request-id"] == "case-4711"

    served = [span for span in traced.get_finished_spans() if span.kind.name == "SERVER"]
    assert [attribute(span, "deskmind.correlation_id") for span in served] == ["case-4711"] * 3
    mine_lines = [line for line in lines() if line.get("correlation_id") == "case-4711"]
    assert {"http.request", "knowledge.ask", "knowledge.ingest", "models.call"} <= {
        line["event"] for line in mine_lines
    }
    asked = next(line for line in mine_lines if line.get("route") == "/v1/ask")
    assert (asked["tenant"], asked["user"]) == (operator.scope.tenant, pseudonym("req1"))
    assert asked["trace_id"] == f"{served[1].context.trace_id:032x}"  # pyright: ignore[reportOptionalMemberAccess]
    assert asked["span_id"] == f"{served[1].context.span_id:016x}"  # pyright: ignore[reportOptionalMemberAccess]

    await (await modelled.gateway()).ledger.flush()
    async with operator.database.transaction(operator.scope) as connection:
        cursor = await connection.execute("SELECT request_id FROM usage_entries")
        assert ("case-4711",) in await cursor.fetchall()
    assert "case-4711" in {event.correlation_id for event in await operator.audit()}


@pytest.mark.parametrize("given", ["", "two words", "x" * 200, "new\tline", "<script>"])
async def test_an_id_that_is_not_acceptable_is_replaced(client: httpx.AsyncClient, given: str) -> None:
    answer = await client.get("/v1/models", headers={"x-request-id": given})
    assert answer.headers["x-request-id"].startswith("req_")


async def test_parents_and_propagation_can_be_switched_off(
    operator: Desk, desk_home: Any, serving: Serve, traced: InMemorySpanExporter, sandbox: ModelSandbox
) -> None:
    from deskmind.sandbox.models import DEFAULT_KEY

    await operator.principals.add_user("req1")
    key = await operator.keys.create("req1")
    deployment = {"model": "echo", "base_url": f"{sandbox.base_url}/v1", "api_key": DEFAULT_KEY}
    async with (
        Deskmind.open(
            home=desk_home,
            knowledge={"embedder": "hashing"},
            models={"fast": {"deployments": [deployment]}},
            telemetry={"accept_parent": False, "propagate": False},
        ) as quiet,
        serving(create_app(app=quiet)) as address,
        httpx.AsyncClient(base_url=address, headers={"Authorization": f"Bearer {key.secret}"}) as client,
    ):
        body = {"model": "fast", "messages": [{"role": "user", "content": "hello"}]}
        await client.post("/v1/chat/completions", json=body, headers={"traceparent": TRACEPARENT})
    assert by_name(traced)["POST /v1/chat/completions"].parent is None
    assert "traceparent" not in (sandbox.book[-1].headers or {})


async def test_a_trace_says_what_the_cache_decided(
    client: httpx.AsyncClient, traced: InMemorySpanExporter
) -> None:
    body = {"model": "fast", "messages": [{"role": "user", "content": "hello"}], "temperature": 0}
    for _ in range(2):
        assert (await client.post("/v1/chat/completions", json=body)).status_code == 200
    first, second = [span for span in traced.get_finished_spans() if span.name == "models.call"]
    decided = [
        (event.name, dict(event.attributes or {})) for span in (first, second) for event in span.events
    ]
    assert decided == [
        ("cache.lookup", {"deskmind.cache.use": "replies", "deskmind.cache.outcome": "miss"}),
        ("cache.lookup", {"deskmind.cache.use": "replies", "deskmind.cache.outcome": "memory"}),
    ]
    assert [span.name for span in traced.get_finished_spans()].count("chat fast") == 1


_HOST = """
import asyncio, sys
import httpx
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
theirs, seen = TracerProvider(), InMemorySpanExporter()
theirs.add_span_processor(SimpleSpanProcessor(seen))
trace.set_tracer_provider(theirs)
from deskmind.api import create_app
from deskmind.settings import load_settings
service = create_app(load_settings(home=sys.argv[1]))

async def ask():
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=service), base_url="http://desk") as client:
        await client.get("/nowhere?q=canary")

asyncio.run(ask())
assert trace.get_tracer_provider() is theirs
print([span.name for span in seen.get_finished_spans()], "canary" in str([s.to_json() for s in seen.get_finished_spans()]))
"""


def test_a_hosts_provider_gets_one_span_of_a_request_without_its_query(tmp_path: Path) -> None:
    """The framework would make spans of its own; in a process of its own, since a provider cannot be taken back."""
    done = subprocess.run(
        [sys.executable, "-c", _HOST, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "['GET'] False\n"
