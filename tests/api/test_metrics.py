"""``/metrics`` of a service: who may read it, what it says, what it never says, and how large it can become."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from deskmind.api import create_app
from deskmind.app import Deskmind
from deskmind.database import Database, ScopeSigner
from deskmind.desk import Desk
from deskmind.errors import NotFoundError, PermissionDeniedError
from deskmind.jobs import JobGauges, JobQueue
from deskmind.knowledge.ingest.staging import INGEST_QUEUE
from deskmind.observability.instruments import BY_NAME
from deskmind.observability.metering import current_provider
from deskmind.sandbox.models import DEFAULT_KEY, ModelSandbox
from deskmind.sync.health import SyncGauges

_CANARY = "zanzibarine"
_EMAIL = f"{_CANARY}.person@example.org"


@pytest.fixture
async def metered(
    desk_home: Path, app: Deskmind, sandbox: ModelSandbox, operator: Desk
) -> AsyncIterator[Deskmind]:
    """An application whose metrics the operators of one tenant may read."""
    deployment = {
        "model": "echo",
        "name": "fast-1",
        "base_url": f"{sandbox.base_url}/v1",
        "api_key": DEFAULT_KEY,
        "price": {"input": "0.15", "output": "0.6"},
    }
    async with Deskmind.open(
        home=desk_home,
        knowledge={"embedder": "hashing"},
        answer={"threshold": 0.0, "model": "fast"},
        models={"fast": {"deployments": [deployment], "retries": 0}},
        budgets={"installation": {"window": "day", "usd": "100"}},
        telemetry={
            "metrics_tenants": [operator.scope.tenant],
            "features": ["triage"],
            "metrics_poll_seconds": 1,
        },
    ) as started:
        yield started


@pytest.fixture
async def desk(metered: Deskmind, operator: Desk) -> Desk:
    """The operator's desk of the tenant that may read."""
    return await metered.desk(tenant=operator.scope.tenant)


@pytest.fixture
async def address(metered: Deskmind, serving: Any) -> AsyncIterator[str]:
    """Of the service."""
    async with serving(create_app(app=metered)) as found:
        yield found


@pytest.fixture
async def client(address: str, operator: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """With the key of a member."""
    await operator.principals.add_user("req1")
    key = (await operator.keys.create("req1")).secret
    async with httpx.AsyncClient(base_url=address, headers={"Authorization": f"Bearer {key}"}) as found:
        yield found


async def samples(desk: Desk, name: str = "") -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """What is shown now, of the metric with this name or of all: taking all of it apart is slow."""
    body, _ = await desk.metrics()
    text = body.decode()
    if name:
        text = "".join(f"{line}\n" for line in text.split("\n") if line.startswith((f"{name}{{", f"{name} ")))
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in parse(text)
        for sample in family.samples
    }


async def total(desk: Desk, name: str, **labels: str) -> float:
    """The sum of a metric's samples that have these labels."""
    wanted = set(labels.items())
    return sum(
        value
        for (found, has), value in (await samples(desk, name)).items()
        if found == name and wanted <= has
    )


async def test_a_member_and_another_tenants_operator_may_not_read(
    address: str, client: httpx.AsyncClient, metered: Deskmind, app: Deskmind, new_tenant: Any
) -> None:
    """They are figures of all tenants; without a key nothing is said at all."""
    assert (await client.get("/metrics", headers={"Authorization": ""})).status_code == 401
    assert (await client.get("/metrics")).status_code == 403
    other = await metered.desk(tenant=await new_tenant())
    with pytest.raises(PermissionDeniedError, match="whole installation"):
        await other.metrics()
    assert [(event.action, event.outcome) for event in await other.audit()] == [("metrics.read", "denied")]


async def test_an_operators_key_opens_them(address: str, operator: Desk, desk: Desk) -> None:
    """In the form the reader asks for."""
    await operator.principals.add_user("root", role="operator")
    key = (await operator.keys.create("root")).secret
    async with httpx.AsyncClient(base_url=address, headers={"Authorization": f"Bearer {key}"}) as client:
        plain = await client.get("/metrics")
        assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
        accept = {"Accept": "application/openmetrics-text;version=1.0.0"}
        modern = await client.get("/metrics", headers=accept)
    assert {family.name for family in parse(plain.text)} >= {
        "deskmind_processes",
        "http_server_active_requests",
    }
    assert {family.name for family in parse_openmetrics(modern.text)} >= {"process_cpu_time_seconds"}


async def test_requests_by_route_method_and_status(client: httpx.AsyncClient, desk: Desk) -> None:
    """A route is its template; what has none is unmatched; a method we never heard of is _OTHER."""
    name = "http_server_request_duration_seconds_count"

    async def count(route: str, status: int, method: str = "GET") -> float:
        return await total(
            desk,
            name,
            http_route=route,
            http_response_status_code=str(status),
            http_request_method=method,
        )

    document = "/v1/documents/{document_id}"
    before = [
        await count(document, 404),
        await count("unmatched", 404),
    ]
    await client.get("/v1/documents/00000000-0000-0000-0000-000000000000")
    await client.get("/no/such/path")
    await client.request("PROPFIND", "/v1/search")
    after = [await count(document, 404), await count("unmatched", 404)]
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 1]
    assert await total(desk, name, http_request_method="_OTHER") >= 1
    assert await total(desk, name, http_request_method="PROPFIND") == 0
    await client.post("/v1/chat/completions", json={"model": "fast", "messages": _said("hello")})
    assert await count("/v1/chat/completions", 200, "POST") >= 1
    assert await total(desk, "http_server_active_requests", http_request_method="POST") == 0


async def test_cost_is_the_ledgers_sum(desk: Desk) -> None:
    """After many small calls, to the last digit that the ledger has; by feature and tenant too."""
    tenant = str(desk.scope.tenant_id)
    before = await total(desk, "deskmind_cost_usd_total")
    for number in range(40):
        await desk.models.chat("fast", _said("word " * number), feature=("triage", "chat")[number % 2])
    rows = await desk.usage.report(["feature"])
    booked = sum((row.cost for row in rows), Decimal(0))
    assert booked > 0
    assert round(await total(desk, "deskmind_cost_usd_total") - before, 9) == float(booked)
    for row in rows:
        shown = await total(
            desk,
            "deskmind_cost_usd_total",
            deskmind_feature=row.group["feature"],
            gen_ai_request_model="fast",
            deskmind_deployment="fast-1",
            deskmind_tenant=tenant,
        )
        assert round(shown, 9) == float(row.cost)
    assert await total(desk, "deskmind_gateway_attempts_total", deskmind_outcome="ok") >= 40


async def test_what_happens_is_counted(desk: Desk, sandbox: ModelSandbox) -> None:
    """One of everything: an upload, a search, an answer, the same again from memory, a question without an answer."""
    names = {
        "deskmind_ingest_files_total": 1,
        "deskmind_ingest_chunks_total": 1,
        "deskmind_ingest_duration_seconds_count": 3,
        "deskmind_retrieval_results_count": 3,
        "deskmind_answers_total": 2,
        "deskmind_answer_cache_lookups_total": 2,
    }
    before = {name: await total(desk, name) for name in names}
    jobs = (
        "deskmind_jobs_duration_seconds_count",
        {"deskmind_task": "knowledge.ingest"},
    )  # others come each minute
    done = await total(desk, jobs[0], **jobs[1])
    await desk.knowledge.add("vpn.md", b"# VPN\n\nReset the VPN token in KeyBeacon.")
    await desk.knowledge.search("reset the VPN token")
    sandbox.script(["Reset the VPN token in KeyBeacon [1]."])
    first = await desk.ask("How do I reset the VPN token?")
    again = await desk.ask("How do I reset the VPN token?")
    assert (first.cache, again.cache) == ("miss", "hit")
    after = {name: await total(desk, name) - before[name] for name in names}
    assert after == names
    assert await total(desk, jobs[0], **jobs[1]) - done == 1
    assert await total(desk, "deskmind_answers_total", deskmind_mode="remembered") >= 1
    assert await total(desk, "deskmind_retrieval_duration_seconds_count", deskmind_stage="vector") >= 2
    assert await total(desk, "db_client_connection_max") > 0
    assert await total(desk, "deskmind_ledger_backlog") >= 0
    assert await total(desk, "deskmind_budget_used_ratio", deskmind_budget="installation") > 0
    assert (
        "deskmind_gateway_breaker_state",
        frozenset({("deskmind_deployment", "fast-1")}),
    ) in await samples(desk)


async def test_queues_are_shown_and_absent_when_the_database_is_away(metered: Deskmind, desk: Desk) -> None:
    """Asked in the background; a scrape asks nothing of the database."""
    looking = await metered.measure()
    away = replace(metered.database.endpoints, jobs="host=127.0.0.1 port=1 connect_timeout=1")
    settings = metered.settings.database.model_copy(update={"pool_timeout": 0.5})
    try:
        depth = ("deskmind_jobs_depth", frozenset({("deskmind_queue", "ingest"), ("deskmind_state", "todo")}))
        gauges = JobGauges(metered.jobs, every=60)
        await gauges.ask()
        names, registered = {queue.name for queue in gauges.queues}, metered.jobs._queues
        assert INGEST_QUEUE in registered
        assert registered <= names <= {*registered, "maintenance"}, "that one is named while it holds jobs"
        assert depth in await samples(desk)
        unreachable = Database(away, settings, ScopeSigner(lambda: metered.keyring.current("scope-token")))
        gauges._ask = JobQueue(unreachable, metered.settings.jobs).waiting
        await gauges.ask()
        assert gauges.queues == []
    finally:
        looking.cancel()


async def test_connected_systems_are_shown_by_how_they_fare(
    metered: Deskmind, desk: Desk, operator: Desk
) -> None:
    looking = await metered.measure()
    try:
        credentials = {"username": "deskmind", "password": "secret"}
        await operator.connections.add("now", "servicenow", "https://now.example.net", credentials)
        gauges = SyncGauges(metered.database, every=60)
        await gauges.ask()
        assert await total(desk, "deskmind_sync_connections", deskmind_state="incomplete") >= 1
        assert await total(desk, "deskmind_sync_lag_seconds", deskmind_vendor="servicenow") >= 0
    finally:
        looking.cancel()


async def test_no_content_no_key_and_no_person_is_in_them(
    client: httpx.AsyncClient, desk: Desk, operator: Desk
) -> None:
    """A word that is in a document, a file's name, a question, a prompt, a reply, a user, an e-mail, a path and a key."""
    await desk.principals.add_user(_EMAIL)
    await desk.knowledge.add(f"{_CANARY}.md", f"# About {_CANARY}\n\nThe {_CANARY} token is reset.".encode())
    await client.post("/v1/search", json={"query": f"the {_CANARY} token"})
    await client.post("/v1/ask", json={"question": f"how is the {_CANARY} token reset?"})
    await client.get(f"/v1/{_CANARY}?q={_CANARY}", headers={"X-Request-ID": _CANARY})
    await client.request(_CANARY.upper(), "/v1/search")
    await client.post("/v1/chat/completions", json={"model": "fast", "messages": _said(_CANARY)})
    await client.post("/v1/chat/completions", json={"model": _CANARY, "messages": _said("x")})
    await desk.models.chat("fast", _said("hi"), feature=f"{_CANARY} for {_EMAIL}")
    body, _ = await desk.metrics()
    text = body.decode()
    assert "deskmind_answers_total" in text
    assert _CANARY not in text.lower()
    # a deployment is asked for as MODEL@DEPLOYMENT, which is nobody's address: other tests of the process do
    assert not re.search(r"[\w.+-]+@[\w-]+\.\w", text)
    assert not re.search(r"dk_\w+|sk-\w+|sandbox-key", text)
    assert "req1" not in text


async def test_the_number_of_series_is_bounded(client: httpx.AsyncClient, desk: Desk) -> None:
    """Random paths, methods, models, users, features and documents: a second round adds nothing to the first."""
    provider = current_provider()
    assert provider is not None

    async def abuse() -> None:
        for _ in range(12):
            word = secrets.token_hex(6)
            await client.get(f"/{word}/{word}")
            await client.get(f"/v1/documents/{word}")
            await client.get("/v1/prompts/" + word)
            for method in ("PROPFIND", "MKCOL", "PATCH"):
                await client.request(method, f"/v1/{word}")
            await client.post(
                "/v1/chat/completions", json={"model": word, "messages": _said(word), "user": word}
            )
            await client.post("/v1/search", json={"query": word, "limit": 3})
            await desk.models.chat("fast", _said(word), feature=word, max_tokens=5)
            with pytest.raises(NotFoundError):
                await desk.models.chat(word, _said(word))

    before = sum(provider.series().values())
    await abuse()
    first = provider.series()
    await abuse()
    assert provider.series() == first
    assert await total(desk, "gen_ai_client_operation_duration_seconds_count", deskmind_feature="other") >= 24
    assert sum(first.values()) - before < 500, (
        "the bound that docs/observability.md states for an installation of this size"
    )


async def test_labels_and_values_are_those_the_catalogue_allows(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    """Of everything that this process has recorded so far, by whichever test."""
    provider = current_provider()
    assert provider is not None
    await client.post("/v1/search", json={"query": "anything"})
    families, _ = provider.own()
    assert len(families) > 30
    for name, family in families.items():
        item = BY_NAME[name]
        allowed = {label.name: label for label in item.labels}
        for labels in family.series:
            assert set(dict(labels)) <= set(allowed), name
            for label, value in labels:
                known = allowed[label].values
                assert not known or value in known, (name, label, value)


def _said(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]
