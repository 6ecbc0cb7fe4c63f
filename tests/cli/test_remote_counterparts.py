"""What is done on a service by its operators: the same as on its own machine, in words, JSON and exit codes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.remote import Both, Serving, both_sides
from tests.webhooks.conftest import Receiver
from typer.testing import CliRunner

from deskmind.agents.memory import Draft
from deskmind.agents.workflows import Flow, workflow
from deskmind.app import Deskmind
from deskmind.cli.root import app as command
from deskmind.desk import Desk
from deskmind.governance.audit import verify_bundle
from deskmind.governance.evidence import EvidenceKey
from deskmind.sandbox.models import DEFAULT_KEY, Fault, ModelSandbox
from deskmind.sandbox.servicenow import ServiceNowSandbox

_TENANT = "remote-counterparts"
_STRANGE = EvidenceKey(b"s" * 32).public


@workflow("remote-whisper")
async def whisper(flow: Flow, word: str) -> str:
    """Whispers."""
    return await flow.step("whisper", lambda: _whispered(word))


async def _whispered(word: str) -> str:
    return word.lower()


@pytest.fixture(scope="module")
async def models() -> AsyncIterator[ModelSandbox]:
    async with ModelSandbox() as running:
        yield running


@pytest.fixture(scope="module")
async def service(app: Deskmind, models: ModelSandbox) -> AsyncIterator[Deskmind]:
    """An application with a model, which may reach the sandboxes on this machine."""
    await app.tenants.create(_TENANT)
    async with Deskmind.open(
        home=app.settings.home,
        knowledge={"embedder": "hashing"},
        models={"fast": _deployment(models)},
        webhooks={"internal_hosts": ("127.0.0.1",)},
        api={"private_connections": True},
    ) as started:
        started.register_workflow(whisper)
        yield started


def _deployment(models: ModelSandbox) -> dict[str, Any]:
    return {"model": "echo", "base_url": f"{models.base_url}/v1", "api_key": DEFAULT_KEY}


@pytest.fixture(scope="module")
async def owner(service: Deskmind) -> Desk:
    desk = await service.desk(tenant=_TENANT)
    await desk.principals.add_user("boss", role="operator")
    return desk


@pytest.fixture(scope="module")
async def both(
    service: Deskmind,
    owner: Desk,
    models: ModelSandbox,
    serving: Serving,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Both]:
    file = tmp_path_factory.mktemp("key") / "key"
    env = {"DESKMIND_MODELS": json.dumps({"fast": _deployment(models)})}
    async with both_sides(service, owner, serving, service.settings.home, file, env) as sides:
        yield sides


async def test_models_are_listed_and_tried(both: Both, models: ModelSandbox) -> None:
    (listed,) = await both.alike("models", "list")
    assert (listed["model"], listed["deployments"][0]["available"]) == ("fast", True)
    (tried,) = await both.done("models", "test")
    assert (tried["state"], tried["finding"]) == ("ok", "echo answers")
    models.script([Fault("rate_limit")])
    (tried,) = await both.done("models", "test", "fast", code=1)
    assert tried["state"] == "rate-limited"
    assert (await both("models", "test", "slow")).exit_code == 66


async def test_redaction_is_that_of_the_services_tenant(both: Both, tmp_path: Path) -> None:
    added = ("redaction", "patterns", "add", "badge", "BDG-[0-9]{4}", "--type", "ASSET_NUMBER")
    assert (await both.done(*added))["type"] == "ASSET_NUMBER"
    assert (await both("redaction", "patterns", "add", "slow", "(a+)+$")).exit_code == 65
    await both.done("redaction", "actions", "set", "credit_card", "mask")
    names = tmp_path / "names.txt"
    names.write_text("Zoltan Quibble\nBerenice Oakentree\n")
    assert (await both.done("redaction", "directory", "add", "--file", names))["known"] == 2
    for words in ("patterns list", "actions list", "directory list"):
        await both.alike("redaction", *words.split())
    text = "Zoltan Quibble lost badge BDG-0042; mail zoltan@example.com."
    afar, here = (
        await both("redact", "--text", text, "--explain"),
        await both("redact", "--text", text, here=True),
    )
    assert afar.stdout.startswith(here.stdout)
    assert "ASSET_NUMBER" in afar.stdout
    assert "BDG-0042" not in afar.stdout
    assert "Quibble" not in afar.stdout
    lines = tmp_path / "lines"
    lines.write_text("".join(json.dumps({"id": number, "text": text}) + "\n" for number in range(130)))
    afar, here = await both("redact", lines, "--json"), await both("redact", lines, "--json", here=True)
    assert afar.stdout == here.stdout
    assert afar.stdout.count("\n") == 130
    refused = await both("redact", "--text", text, "--ner")
    assert (refused.exit_code, "cannot be done on a server" in refused.stderr) == (65, True)
    assert (await both.done("redaction", "directory", "remove", "Zoltan Quibble"))["removed"] == 1
    assert (await both("redaction", "patterns", "remove", "badge")).exit_code == 0
    assert (await both("redaction", "patterns", "remove", "badge")).exit_code == 66


async def test_the_audit_log_is_proved_and_carried_away(
    both: Both, service: Deskmind, tmp_path: Path
) -> None:
    await both.done("user", "list")
    await service.sealing.seal()
    keys = await service.sealing.public_keys()
    stated = await both.done("audit", "checkpoint")
    assert stated["size"] > 0
    kept = tmp_path / "checkpoint"
    assert (await both("audit", "checkpoint", "-o", kept)).exit_code == 0
    told = await both.done("audit", "verify", "--key", str(keys[-1]), "--checkpoint", kept)
    assert (told["holds"], told["kept"], told["origin"]) == (True, 1, stated["origin"])
    assert "Everything holds." in (await both("audit", "verify")).stdout
    event = (await both.done("audit", "search", "--action", "principals"))[-1]
    assert json.loads((await both("audit", "prove", event["event_id"])).stdout)
    bundle, readable = tmp_path / "bundle", tmp_path / "readable"
    assert (await both("audit", "export", bundle)).exit_code == 0
    assert verify_bundle(bundle.read_bytes().splitlines(keepends=True), keys).holds
    assert (await both("audit", "export", readable, "--readable")).exit_code == 0
    first = json.loads(readable.read_text().splitlines()[0])
    assert first.keys() == {*event}
    assert (await both.done("audit", "forget", "nobody-of-that-name", "--yes")) == {"destroyed": False}
    assert len(await both.done("audit", "tail", "-n", "5000")) > 10
    assert (await both("audit", "tail", "--installation")).exit_code == 65


async def test_what_is_kept_of_a_person_is_exported_and_erased(both: Both, tmp_path: Path) -> None:
    await both.done("user", "add", "leaver", "--groups", "hr")
    found = tmp_path / "leaver.md"
    said = await both("privacy", "export", "--subject", "leaver", "-o", found)
    assert said.exit_code == 0, said.output
    assert "# What is kept of leaver" in found.read_text()
    assert json.loads((await both("privacy", "export", "--subject", "leaver")).stdout)["stores"]
    assert await both.alike("privacy", "erase", "--subject", "leaver", "--dry-run")
    (erased,) = await both.done("privacy", "erase", "--subject", "leaver")
    assert erased["state"] == "done"
    assert (await both.alike("privacy", "receipts"))[0]["erasure_id"] == erased["erasure_id"]
    assert (await both("privacy", "receipts", "-o", tmp_path)).exit_code == 0
    receipt = tmp_path / f"{erased['erasure_id']}.json"
    assert (await both.alike("privacy", "verify-receipt", receipt))["erasure"] == erased["erasure_id"]
    receipt.write_text(receipt.read_text().replace('"erasure"', '"erasures"', 1))
    refused = await both("privacy", "verify-receipt", receipt)
    assert (refused.exit_code, "error:" in refused.stderr) == (65, True)
    assert (await both.done("privacy", "readmit", "--subject", "leaver"))["marks"] > 0
    assert {"store", "days", "removed", "ran_at"} == (await both.done("privacy", "retain"))[0].keys()


async def test_a_bundle_of_evidence_comes_and_is_checked(both: Both, tmp_path: Path) -> None:
    file = tmp_path / "soc2.zip"
    made = await both.done("evidence", "make", "soc2", "--since", "1d", "-o", file)
    assert (made["about"], made["file"]) == ("soc2", str(file))
    assert any("installation" in what for what in made["not_assessed"])
    assert (await both.done("evidence", "verify", file))["key"] == made["key"]
    assert (await both("evidence", "verify", file, "--key", str(_STRANGE))).exit_code == 1


async def test_webhooks_are_made_changed_and_tried(both: Both) -> None:
    async with Receiver() as receiver:
        made = await both.done("webhooks", "add", receiver.url, "--type", "document.*")
        assert made["secret"].startswith("whsec_")
        webhook = made["webhook_id"]
        tried = await both.done("webhooks", "test", webhook)
        assert (tried["state"], tried["status"]) == ("delivered", 200)
        assert receiver.event(made["secret"]).type == "webhook.test"
        assert (await both.done("webhooks", "change", webhook, "--type", "*"))["types"] == ["*"]
        rotated = await both("webhooks", "rotate", webhook, "--overlap-hours", "0")
        assert "Secret, shown this once: whsec_" in rotated.stdout
        assert await both.done("webhooks", "replay", "--since", "2026-01-01") == {"replayed": 0}
        assert len(await both.alike("webhooks", "deliveries", webhook)) == 1
        await both.done("webhooks", "delete", webhook)


async def test_a_system_is_connected_read_and_changed(both: Both, tmp_path: Path) -> None:
    async with ServiceNowSandbox(size="tiny") as box:
        given = tmp_path / "credentials.json"
        given.write_text(json.dumps(box.credentials))
        words = ("--url", box.url, "--vendor", "servicenow", "--credentials-file", given, "--every", "0")
        made = await both.done("connect", "add", "now", *words)
        assert (made["name"], made["networks"]) == ("now", "any")
        assert (await both.alike("connect", "list"))[0] == made
        tried = await both.done("connect", "test", "now")
        assert (tried["health"]["ok"], len(tried["rights"]) > 3) == (True, True)
        hook = await both.done("connect", "webhook", "now")
        assert hook == await both.done("connect", "webhook", "now", here=True)
        coming = await both.alike("sync", "run", "now", "--dry-run")
        assert coming["now"]["kinds"]["ticket"]["added"] > 0
        (read,) = await both.done("sync", "run", "now", "--sweep")
        assert read["complete"] is True
        assert await both.done("sync", "reset", "now") == {"reset": "now"}
        await _writes(both, tmp_path)
        assert (await both("connect", "remove", "now", "--yes")).exit_code == 0
        assert (await both("sync", "status", "now")).exit_code == 66


async def _writes(both: Both, folder: Path) -> None:
    file = folder / "trace.bin"
    file.write_bytes(b"\0" * 100_000)
    ticket = await both.done("writes", "propose", "now", "create", "--set", "title=Printer on fire")
    ticket = await both.done("writes", "send", ticket["write_id"])
    assert ticket["state"] == "applied"
    attached = await both.done("writes", "propose", "now", "attach", ticket["written_id"], "--file", file)
    assert "trace.bin" in str(attached["changes"]), attached
    (folder / "other.bin").write_bytes(b"\1" * 100_000)
    assert (
        await both("writes", "send", attached["write_id"], "--file", folder / "other.bin")
    ).exit_code == 65
    sent = await both.done("writes", "send", attached["write_id"], "--file", file)
    assert sent["state"] == "applied"
    listed = await both.alike("writes", "list", "--state", "applied", "--state", "rejected")
    assert {one["write_id"] for one in listed} == {ticket["write_id"], attached["write_id"]}
    assert await both.done("writes", "reconcile") == []


_AGENT = """
name: far-greeter
description: Greets.
instructions: Greet whoever asks.
model: fast
"""


async def test_agents_are_run_stopped_and_shown(both: Both, models: ModelSandbox, tmp_path: Path) -> None:
    described = ("--instructions", "Greet whoever asks.", "--model", "fast")
    models.script(["Hello."])
    ran = await both("agent", "run", "Say hello.", *described)
    assert (ran.exit_code, ran.stdout) == (0, "Hello.\n"), ran.output
    (run,) = await both.alike("agent", "list", "--state", "done")
    assert run["agent"] == "command-line"
    assert (await both("agent", "resume", run["run_id"])).exit_code == 73
    assert (await both("agent", "run", "Hi.", *described, "--tool", "no_such_tool")).exit_code == 65
    assert await both.done("agent", "stop", "--reason", "looked into") == {"tool": "*", "stopped": True}
    assert await both.done("agent", "allow") == {"tool": "*", "stopped": False}
    (tmp_path / "greeter.yaml").write_text(_AGENT)
    await both.done("agents", "define", tmp_path / "greeter.yaml")
    (tmp_path / "greeter.yaml").write_text(_AGENT.replace("Greets.", "Greets politely."))
    await both.done("agents", "define", tmp_path / "greeter.yaml", "--publish")
    shown = await both.alike("agents", "show", "far-greeter", "--version", "1")
    assert shown["versions"] == [2, 1]
    assert (await both("agents", "show", "far-greeter")).stdout.startswith("name: far-greeter")
    models.script(["Queued hello."])
    queued = await both.done("agent", "run", "Say hello.", *described, "--queue")
    assert queued["state"] == "queued"


async def test_lists_longer_than_a_page_come_whole(both: Both, owner: Desk) -> None:
    for number in range(203):
        await owner.memories.add(Draft(f"Room {number} is on floor {number}.", "episodic"), audience="tenant")
    assert len(await both.alike("memory", "list", "-n", "1000")) == 203
    assert len(await both.alike("memory", "list", "-n", "202")) == 202


async def test_schedules_are_switched_and_runs_undone(both: Both) -> None:
    words = ("workflows", "schedule", "add", "dawn", "remote-whisper", "-i", "word=X", "--cron", "0 6 * * *")
    await both.done(*words)
    assert await both.done("workflows", "schedule", "disable", "dawn") == {"name": "dawn", "enabled": False}
    assert (await both.done("workflows", "schedule", "list"))[0]["enabled"] is False
    assert await both.done("workflows", "schedule", "enable", "dawn") == {"name": "dawn", "enabled": True}
    ran = await both.done("workflows", "run", "remote-whisper", "-i", "word=HUSH")
    assert ran["output"] == "hush"
    assert (await both.done("runs", "replay", ran["run_id"], "--version", "1"))["complete"] is True
    assert (await both("runs", "replay", ran["run_id"], "--version", "7")).exit_code == 66
    assert (await both("runs", "cancel", ran["run_id"], "--undo")).exit_code == 73


async def test_an_operator_is_added_from_afar(both: Both) -> None:
    made = await both.done("user", "add", "second", "--operator")
    assert made["role"] == "operator"


_ELSEWHERE = ("--server", "http://deskmind.example.org", "--key", "dk_x")


def test_a_key_does_not_go_over_plain_http_to_another_machine() -> None:
    refused = CliRunner().invoke(command, [*_ELSEWHERE, "access", "roles"])
    assert (refused.exit_code, "not sent over plain HTTP" in refused.stderr) == (65, True)
    assert "https://" in refused.stderr
    top = CliRunner().invoke(command, [*_ELSEWHERE, "top", "--once"])
    assert (top.exit_code, "not sent over plain HTTP" in top.stderr) == (65, True)


@pytest.mark.parametrize("how", ["option", "variable"])
async def test_unless_it_is_said(both: Both, how: str) -> None:
    """To an address that is this machine's, but does not say so."""
    server = both.server.replace("127.0.0.1", "0.0.0.0")
    words = ["--server", server, "--key-file", str(both.key_file), "access", "roles", "--json"]
    env = {"DESKMIND_API_INSECURE": "true"} if how == "variable" else {}
    plain = await asyncio.to_thread(CliRunner().invoke, command, words)
    assert plain.exit_code == 65
    said = await asyncio.to_thread(
        CliRunner().invoke, command, ["--insecure", *words] if how == "option" else words, env=env
    )
    assert said.exit_code == 0, said.output
