"""Each check is green on a healthy installation and red when what it watches is broken."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from psycopg import AsyncConnection
from tests.triage.tickets import tickets

from deskmind.app import Deskmind
from deskmind.database.migrations import MigrationStatus
from deskmind.errors import ModelUnavailableError
from deskmind.explain import StoryWriter
from deskmind.governance.audit.sealing import Sealing
from deskmind.observability.metering import MemoryMeterProvider, ProcessGroup
from deskmind.observability.metering.endpoint import serving_metrics
from deskmind.observability.metering.memory import ProcessMemory
from deskmind.readiness import SECTIONS, assess, checks, protection, schema, triage
from deskmind.readiness.memory import memory
from deskmind.sandbox.models import DEFAULT_KEY, ModelSandbox
from deskmind.settings import RememberRule, TelemetrySettings
from deskmind.triage.store import insert_model


@pytest.fixture(scope="module")
async def own(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deskmind]:
    """An application that may be broken."""
    home = tmp_path_factory.mktemp("ready")
    for parent in (home, *home.parents):
        if not parent.stat().st_mode & 0o001:
            parent.chmod(0o755)
    async with Deskmind.open(home=home, knowledge={"embedder": "hashing"}, database={"pool_max": 2}) as app:
        yield app


# what is found there is no figure
_WORDS = {"roles", "scope", "access"}


async def states(app: Deskmind) -> dict[str, str]:
    return {check.name: check.state for check in (await assess(app)).checks}


async def administer(app: Deskmind, statement: str) -> None:
    address = app.database.endpoints.admin
    assert address is not None
    async with await AsyncConnection.connect(address, autocommit=True) as connection:
        await connection.execute("SET search_path = deskmind, public")
        await connection.execute(statement.encode())


async def test_a_healthy_installation_has_nothing_red(own: Deskmind) -> None:
    report = await assess(own)
    assert report.ready
    assert {check.state for check in report.checks} == {"green", "not assessed"}
    assert all(check.finding and check.at for check in report.checks)
    assert {check.section for check in report.checks} == {*SECTIONS}
    assert all(
        check.evidence for check in report.checks if check.state == "green" and check.name not in _WORDS
    )
    assert report.as_dict()["ready"] is True


@pytest.mark.parametrize(
    ("check", "damage", "mend"),
    [
        ("row-level security", "ALTER TABLE documents NO FORCE ROW LEVEL SECURITY",
         "ALTER TABLE documents FORCE ROW LEVEL SECURITY"),
        ("row-level security", "ALTER TABLE chunks_p3 DISABLE ROW LEVEL SECURITY",
         "ALTER TABLE chunks_p3 ENABLE ROW LEVEL SECURITY"),
        ("roles", "GRANT deskmind_search TO deskmind_app", "REVOKE deskmind_search FROM deskmind_app"),
        ("roles", "ALTER ROLE deskmind_app CREATEROLE", "ALTER ROLE deskmind_app NOCREATEROLE"),
        ("roles", "GRANT CREATE ON SCHEMA deskmind TO deskmind_app", "REVOKE CREATE ON SCHEMA deskmind FROM deskmind_app"),
        ("scope", "UPDATE scope_keys SET retired_at = now()", "UPDATE scope_keys SET retired_at = NULL"),
        ("audit seal", "INSERT INTO audit_events (tenant_id, event_id, occurred_at, principal_id, principal, action, outcome)"
         " SELECT u, u, now() - interval '301 seconds', u, '', 'late', 'done' FROM gen_random_uuid() u",
         "DELETE FROM audit_events WHERE action = 'late'"),
        ("access", "WITH t AS (INSERT INTO tenants (tenant_id, slug, name) VALUES (gen_random_uuid(), 'owned', 'owned')"
         " RETURNING tenant_id), p AS (INSERT INTO principals (tenant_id, principal_id, kind, name)"
         " SELECT tenant_id, gen_random_uuid(), 'service', 'bot' FROM t RETURNING tenant_id, principal_id)"
         " INSERT INTO access_grants (tenant_id, grant_id, role, principal_id, granted_by)"
         " SELECT tenant_id, gen_random_uuid(), 'owner', principal_id, principal_id FROM p",
         "DELETE FROM tenants WHERE slug = 'owned'"),
        ("privacy", "CREATE TABLE diary (told text)", "DROP TABLE diary"),
        ("jobs", "INSERT INTO procrastinate_jobs (queue_name, task_name, status) VALUES ('q', 't', 'failed')",
         "DELETE FROM procrastinate_jobs"),
    ],
)  # fmt: skip
async def test_damage_in_the_database_is_red(own: Deskmind, check: str, damage: str, mend: str) -> None:
    await administer(own, damage)
    try:
        report = await assess(own)
    finally:
        await administer(own, mend)
    found = next(item for item in report.checks if item.name == check)
    assert found.state == "red"
    assert found.remedy
    assert not report.ready
    assert (await states(own))[check] == "green"


async def test_late_retention_and_unfinished_erasures_are_red(
    own: Deskmind, monkeypatch: pytest.MonkeyPatch
) -> None:
    await own.tenants.create("kept")
    desk = await own.desk(tenant="kept")
    await desk.privacy.retain()
    assert (await protection.privacy(own)).state == "green"
    await desk.privacy.request_erasure("ann.lee@example.com")
    assert "1 erasures" in (await protection.privacy(own)).finding
    await desk.privacy.resume()
    assert (await protection.privacy(own)).state == "green"
    monkeypatch.setattr(protection, "_RETENTION_LATE", protection.timedelta(seconds=-1))
    assert "late for 1 tenants" in (await protection.privacy(own)).finding
    await own.tenants.delete("kept")


async def test_a_failed_training_and_a_model_of_another_embedder_are_red(own: Deskmind) -> None:
    assert (await triage.triage(own)).state == "not assessed"
    await own.tenants.create("taught")
    desk = await own.desk(tenant="taught")
    await desk.triage.retrain(wait=True)
    assert "training of taught failed" in (await triage.triage(own)).finding
    async with desk.database.transaction(desk.scope) as connection:
        await connection.execute("DELETE FROM triage_trainings")
    await desk.triage.train(tickets(60), targets=["category"])
    assert (await triage.triage(own)).state == "green"
    (stored,) = await desk.triage.models()
    async with desk.database.transaction(desk.scope) as connection:
        await insert_model(connection, desk.scope, b"x", replace(stored.provenance, embedding="another_1"))
    found = await triage.triage(own)
    assert (found.state, found.evidence["of_another_embedder"]) == ("red", 1)
    await own.tenants.delete("taught")


async def test_a_readable_keyring_is_red(own: Deskmind) -> None:
    path = own.settings.home / "keyring.json"
    path.chmod(0o644)
    assert (await protection.keys(own)).state == "red"
    path.chmod(0o600)
    assert (await protection.keys(own)).state == "green"


async def test_an_old_scope_key_is_red(own: Deskmind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protection, "_MAX_KEY_AGE", protection.timedelta(seconds=-1))
    assert (await protection.keys(own)).state == "red"


async def test_a_full_disk_is_red(own: Deskmind, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("Usage", "total used free")
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda _: usage(10**12, 10**12, 10**6))
    assert (await checks.disk(own)).state == "red"


async def test_a_schema_behind_is_red(own: Deskmind, monkeypatch: pytest.MonkeyPatch) -> None:
    async def behind() -> MigrationStatus:
        return MigrationStatus("0001", "0002", ("0002",), "0.1.0")

    monkeypatch.setattr(own, "migration_status", behind)
    assert (await schema.migrations(own)).state == "red"


async def test_waiting_requests_are_red(own: Deskmind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own.database, "stats", lambda: {"pool_size": 2, "pool_max": 2, "requests_waiting": 3})
    assert (await checks.pools(own)).state == "red"


async def test_without_a_model_the_embedder_is_red(own: Deskmind, tmp_path: Path) -> None:
    async with Deskmind.open(home=own.settings.home, knowledge={"embedder": "none"}) as wordless:
        found = await checks.embedder(wordless)
    assert found.state == "red"
    assert "switched off" in found.finding


async def test_models_that_do_not_answer_and_a_ledger_that_cannot_book_are_red(
    own: Deskmind, sandbox: ModelSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await checks.models(own)).state == "not assessed"
    deployment = {"model": "echo", "base_url": f"{sandbox.base_url}/v1", "api_key": DEFAULT_KEY}
    config = {"fast": {"deployments": [deployment], "retries": 0, "breaker_failures": 1}}
    async with Deskmind.open(home=own.settings.home, knowledge={"embedder": "none"}, models=config) as app:
        unknown = await checks.models(app)
        assert (unknown.state, unknown.evidence["unknown"]) == ("not assessed", ["fast"])
        await app.tenants.create("modelled")
        desk = await app.desk(tenant="modelled")
        await desk.models.chat("fast", [{"role": "user", "content": "hi"}])
        assert (await checks.models(app)).state == "green"
        sandbox.faults.add("server_error")
        with pytest.raises(ModelUnavailableError):
            await desk.models.chat("fast", [{"role": "user", "content": "hi"}])
        found = await checks.models(app)
        assert (found.state, "fast" in found.finding) == ("red", True)
        ledger = (await app.gateway()).ledger
        monkeypatch.setattr(type(ledger), "problem", property(lambda _: "The database is away."))
        assert "booked" in (await checks.models(app)).finding


async def test_models_elsewhere_that_are_told_everything_are_red(own: Deskmind) -> None:
    """A model that is never called: where it is decides."""
    models = {
        "away": {"model": "m", "base_url": "https://models.example/v1"},
        "near": {"model": "m", "base_url": "http://127.0.0.1:9/v1"},
    }
    common: dict[str, Any] = {"home": own.settings.home, "knowledge": {"embedder": "none"}, "models": models}
    async with Deskmind.open(**common) as app:
        found = await protection.redaction(app)
        assert (found.state, "near" in found.finding) == ("green", True)
    async with Deskmind.open(**common, redaction={"enabled": False}) as app:
        found = await protection.redaction(app)
        assert (found.state, "away" in found.finding, "near" in found.finding) == ("red", True, False)


async def test_a_rule_that_lets_one_ticket_reach_many_is_red(
    own: Deskmind, monkeypatch: pytest.MonkeyPatch
) -> None:
    for audience, state in (("user", "green"), ("group", "red"), ("tenant", "red")):
        rules = (RememberRule.model_validate({"origin": "tool", "audience": audience}),)
        agents = own.settings.agents.model_copy(update={"remember": rules})
        monkeypatch.setattr(own, "settings", own.settings.model_copy(update={"agents": agents}))
        assert (await memory(own)).state == state


async def test_metrics_that_a_collector_does_not_take_are_red(own: Deskmind, tmp_path: Path) -> None:
    group = ProcessGroup(tmp_path)
    meter = MemoryMeterProvider(ProcessMemory(tmp_path)).get_meter("t")
    failing = meter.create_gauge("deskmind.telemetry.failing")
    failing.set(0, {"deskmind.signal": "metrics"})
    with serving_metrics(group, "127.0.0.1", 0) as address:
        assert address is not None
        shown = TelemetrySettings(metrics_port=int(address.split(":")[2].split("/")[0]))  # pyright: ignore[reportCallIssue]
        app = Deskmind(own.settings.model_copy(update={"telemetry": shown}))
        assert (await checks.metrics(app)).state == "green"
        failing.set(1, {"deskmind.signal": "metrics"})
        assert (await checks.metrics(app)).state == "red"
    assert (await checks.metrics(app)).state == "not assessed"
    off = Deskmind(own.settings.model_copy(update={"telemetry": TelemetrySettings(metrics="none")}))  # pyright: ignore[reportCallIssue]
    assert (await checks.metrics(off)).state == "not assessed"


async def test_without_a_database_everything_that_needs_it_is_red(own: Deskmind) -> None:
    broken = Deskmind(own.settings)
    broken.keyring, broken.jobs = own.keyring, own.jobs
    broken.stories = StoryWriter("host=127.0.0.1 port=9 connect_timeout=1", "deskmind")
    broken.database = type(own.database)(own.database.endpoints, own.settings.database, own.database._signer)
    broken.sealing = Sealing(broken.database, own.sealing.sealer, own.sealing.witnessing)
    broken._door, broken._shielding = own._door, own._shielding
    found = await states(broken)
    assert found["audit seal"] == "red"
    assert found["database"] == found["scope"] == found["roles"] == found["stories"] == "red"


async def test_lost_stories_are_red(own: Deskmind, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await checks.stories(own)).state == "green"
    monkeypatch.setattr(own.stories, "dropped", 3)
    found = await checks.stories(own)
    assert (found.state, "3 stories were lost" in found.finding) == ("red", True)
