"""``deskmind webhooks``, from an address to what became of events."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tests.webhooks.conftest import Receiver
from typer.testing import CliRunner

from deskmind.cli.root import app


def _run(*words: str, code: int = 0) -> Any:
    done = CliRunner().invoke(app, [*words, "--json"])
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


async def test_webhooks_from_the_command_line(monkeypatch: pytest.MonkeyPatch, running_home: Path) -> None:
    monkeypatch.setenv("DESKMIND_HOME", str(running_home))
    monkeypatch.setenv("DESKMIND_KNOWLEDGE_EMBEDDER", "hashing")
    monkeypatch.setenv("DESKMIND_WEBHOOKS_INTERNAL_HOSTS", '["127.0.0.1"]')
    async with Receiver() as receiver:
        await asyncio.to_thread(_the_whole_path, receiver)


def _the_whole_path(receiver: Receiver) -> None:
    _run("tenant", "create", "acme")
    assert "run.failed" in {one["type"] for one in _run("webhooks", "types")}
    made = _run("webhooks", "add", receiver.url, "--type", "document.*", "--description", "On call")
    webhook = made["webhook_id"]
    assert _run("webhooks", "test", webhook)["state"] == "delivered"
    assert receiver.event(made["secret"]).type == "webhook.test"
    receiver.answers = [500]
    failed = _run("webhooks", "test", webhook, code=1)
    assert (failed["state"], failed["status"]) == ("pending", 500)
    rotated = _run("webhooks", "rotate", webhook, "--overlap-hours", "0")
    assert _run("webhooks", "replay", failed["delivery_id"])["state"] == "pending"
    assert _run("webhooks", "replay", "--since", "2026-01-01", "--webhook", webhook) == {"replayed": 0}
    assert _run("webhooks", "test", webhook)["state"] == "delivered"  # and what waited before it
    assert receiver.event(rotated["secret"], -1).id != receiver.event(rotated["secret"], -2).id
    assert len(_run("webhooks", "deliveries", webhook, "--state", "delivered")) == 3
    assert _run("webhooks", "change", webhook, "--type", "*")["types"] == ["*"]
    assert _run("webhooks", "disable", webhook)["active"] is False
    plain = CliRunner().invoke(app, ["webhooks", "list"])
    assert webhook in plain.stdout
    assert made["secret"] not in plain.stdout
    shown = CliRunner().invoke(app, ["webhooks", "show", webhook])
    assert shown.stdout.startswith(f"{webhook}: person\n")
    assert _run("webhooks", "enable", webhook)["active"] is True
    assert CliRunner().invoke(app, ["webhooks", "replay"]).exit_code == 2
    assert CliRunner().invoke(app, ["webhooks", "deliveries", webhook, "--state", "lost"]).exit_code == 2
    assert _run("webhooks", "delete", webhook)["deleted"] is True
