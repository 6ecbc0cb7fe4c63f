"""What a command waits for is waited for on a service too: to its end, however long it is, and told as here."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.cli.remote import Both, Serving, both_sides
from tests.sync.conftest import connect
from typer.testing import Result

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.sandbox.models import DEFAULT_KEY, ModelSandbox
from deskmind.sandbox.servicenow import ServiceNowSandbox

_TENANT = "remote-waiting"


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
        api={"private_connections": True},
    ) as started:
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


def _error(ended: Result) -> str:
    """The message with which a command ends, after the log of the service in this process."""
    return ended.stderr.partition("error:")[2]


async def test_a_training_is_waited_for_and_one_that_fails_is_no_success(both: Both, owner: Desk) -> None:
    here, afar = await both("triage", "train", here=True), await both("triage", "train")
    assert (here.exit_code, afar.exit_code) == (65, 65), afar.output
    assert "No ticket was read yet." in _error(afar)
    assert _error(afar) == _error(here)
    async with ServiceNowSandbox(size="tiny") as box:
        await connect(owner, box, kinds=("ticket",))
        await owner.sync.run("now")
        told = await both.done("triage", "train", "--no-embed")
        assert (told["state"], told["tickets"], told["problem"]) == ("done", 40, "")
        assert told["model"]["version"] == told["version"]
        words = await both("triage", "train", "--no-embed")
        assert (words.exit_code, "waits for a worker" in words.stdout) == (0, False), words.output
        assert "version" in words.stdout
