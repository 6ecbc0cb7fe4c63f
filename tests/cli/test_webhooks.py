"""``deskmind webhooks``, from an address to what became of events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.webhooks.conftest import Receiver
from typer.testing import CliRunner, Result

from deskmind.cli.root import app as command


class Commands:
    """Commands about the webhooks of one tenant."""

    def __init__(self, tenant: str) -> None:
        self._tenant = tenant

    def plain(self, *words: str) -> Result:
        """As a person runs it."""
        return CliRunner().invoke(command, ["webhooks", *words, "--tenant", self._tenant])

    def __call__(self, *words: str, code: int = 0) -> Any:
        """What it prints as JSON."""
        done = self.plain(*words, "--json")
        assert done.exit_code == code, done.output
        return json.loads(done.stdout)


async def test_webhooks_from_the_command_line(
    monkeypatch: pytest.MonkeyPatch, desk_home: Path, new_tenant: Callable[[], Awaitable[str]]
) -> None:
    monkeypatch.setenv("DESKMIND_HOME", str(desk_home))
    monkeypatch.setenv("DESKMIND_KNOWLEDGE_EMBEDDER", "none")
    monkeypatch.setenv("DESKMIND_WEBHOOKS_INTERNAL_HOSTS", '["127.0.0.1"]')
    webhooks = Commands(await new_tenant())
    async with Receiver() as receiver:
        await asyncio.to_thread(_the_whole_path, webhooks, receiver)


def _the_whole_path(webhooks: Commands, receiver: Receiver) -> None:
    made = webhooks("add", receiver.url, "--type", "document.*", "--description", "On call")
    webhook = made["webhook_id"]
    receiver.answers = [500]
    failed = webhooks("test", webhook, code=1)
    assert (failed["state"], failed["status"]) == ("pending", 500)
    assert receiver.event(made["secret"]).type == "webhook.test"
    rotated = webhooks("rotate", webhook, "--overlap-hours", "0")
    assert webhooks("replay", failed["delivery_id"])["state"] == "pending"
    assert webhooks("replay", "--since", "2026-01-01", "--webhook", webhook) == {"replayed": 0}
    assert webhooks("test", webhook)["state"] == "delivered"  # and what waited before it
    assert receiver.event(rotated["secret"], -1).id != receiver.event(rotated["secret"], -2).id
    assert len(webhooks("deliveries", webhook, "--state", "delivered")) == 2
    assert webhooks("change", webhook, "--type", "*")["types"] == ["*"]
    assert webhooks("disable", webhook)["active"] is False
    assert webhooks.plain("show", webhook).stdout.startswith(f"{webhook}: person\n")
    assert webhooks("enable", webhook)["active"] is True
    listed = webhooks.plain("list").stdout
    assert webhook in listed
    assert "whsec_" not in listed
    assert webhooks("delete", webhook)["deleted"] is True


def test_what_cannot_be_asked_is_said() -> None:
    webhooks = Commands("acme")
    one = "7f1f3f9e-0f0b-4d6a-9a53-5f6f7c9f5f10"
    assert webhooks.plain("replay").exit_code == 2
    assert webhooks.plain("replay", one, "--since", "2026-01-01").exit_code == 2
    assert webhooks.plain("deliveries", one, "--state", "lost").exit_code == 2
    types = CliRunner().invoke(command, ["webhooks", "types", "--json"])
    assert "run.failed" in {one["type"] for one in json.loads(types.stdout)}
