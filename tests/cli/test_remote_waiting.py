"""What a command waits for is waited for on a service too: to its end, however long it is, and told as here."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.remote import Both, Serving, both_sides
from tests.sync.conftest import connect
from typer.testing import Result

from deskmind.agents import ToolContext, tool
from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.sandbox.models import DEFAULT_KEY, Fault, ModelSandbox, Reply
from deskmind.sandbox.servicenow import ServiceNowSandbox

_TENANT = "remote-waiting"
_REQUEST_SECONDS = 3.0
_SLOW = Reply("Hello.", fault=Fault("slow_headers", seconds=1.5 * _REQUEST_SECONDS))
"""Of a model that takes longer than the service gives a request."""
_GREET = ("agent", "run", "Say hello.", "-i", "Greet.", "-m", "fast")


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
        api={"private_connections": True, "request_seconds": _REQUEST_SECONDS},
    ) as started:
        yield started


def _deployment(models: ModelSandbox) -> dict[str, Any]:
    echo = {"model": "echo", "base_url": f"{models.base_url}/v1", "api_key": DEFAULT_KEY}
    return {"deployments": [echo], "retries": 0}


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


async def test_a_run_takes_longer_than_a_request_may(
    both: Both, models: ModelSandbox, tmp_path: Path
) -> None:
    models.script([_SLOW])
    ran = await both.done(*_GREET)
    assert (ran["state"], ran["output"], ran["problem"]) == ("done", "Hello.", "")
    (tmp_path / "greeter.yaml").write_text(
        "name: greeter\ndescription: x\ninstructions: Greet.\nmodel: fast\n"
    )
    await both.done("agents", "define", tmp_path / "greeter.yaml", "--publish")
    models.script([_SLOW])
    ran = await both.done("agents", "run", "greeter", "Say hello.")
    assert (ran["state"], ran["output"]) == ("done", "Hello.")


async def test_so_does_a_run_that_is_gone_on_with(both: Both, owner: Desk, models: ModelSandbox) -> None:
    models.script([Fault("server_error")])
    assert (await both(*_GREET, here=True, user="boss")).exit_code == 69
    (failed, *_) = await owner.agents.list(state="failed")
    models.script([_SLOW])
    ran = await both.done("agent", "resume", failed.run_id)
    assert (ran["run_id"], ran["state"], ran["output"]) == (str(failed.run_id), "done", "Hello.")
    again = await both("agent", "resume", failed.run_id)
    assert (again.exit_code, "it has ended" in again.stderr) == (73, True), again.output


async def test_a_run_that_waits_for_a_person_is_at_rest(both: Both) -> None:
    words = ("agent", "run", "use ask_person please", "-i", "Ask.", "-m", "fast", "--tool", "ask_person")
    ran = await both.done(*words)
    assert ran["state"] == "waiting"
    again = await both.done("agent", "resume", ran["run_id"])
    assert (again["run_id"], again["state"]) == (ran["run_id"], "waiting")
    assert ran["run_id"] in {one["run_id"] for one in await both.done("approvals", "list", "-n", "1")}


async def test_a_run_that_fails_ends_as_it_does_here(both: Both, models: ModelSandbox) -> None:
    models.script([Fault("context_length")])
    here = await both(*_GREET, here=True, user="boss")
    models.script([Fault("context_length")])
    afar = await both(*_GREET)
    assert (afar.exit_code, here.exit_code) == (65, 65), (afar.output, here.output)
    assert "context-too-long" in _error(afar)
    models.script([Fault("context_length")])
    told = await both(*_GREET, "--json")
    problem = json.loads(told.stderr.splitlines()[-1])
    assert problem["type"] == "urn:deskmind:problem:context-too-long"
    assert (await both.done("agent", "show", problem["run"]))["run"]["state"] == "failed"


async def test_who_stops_waiting_is_told_that_the_run_goes_on(
    both: Both, service: Deskmind, owner: Desk
) -> None:
    called, released = asyncio.Event(), asyncio.Event()

    @tool()
    async def ponder(context: ToolContext) -> str:
        """Ponder."""
        del context
        called.set()
        await released.wait()
        return "pondered"

    service.register_tool(ponder)
    words = ("agent", "run", "ponder please", "-i", "Ponder.", "-m", "fast", "--tool", "ponder")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deskmind.cli", "--server", both.server, "--key-file", str(both.key_file)),
        *words,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "DESKMIND_HOME": str(both.home)},
    )
    async with asyncio.timeout(60):
        await called.wait()
        (run, *_) = await owner.agents.list(state="running")
        while not await _looked_at(owner, f"runs/{run.run_id}"):
            await asyncio.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, told = await process.communicate()
    assert process.returncode == 130
    assert f"The run goes on. `deskmind agent show {run.run_id}`" in told.decode()
    released.set()
    async with asyncio.timeout(60):
        while (found := (await owner.agents.show(run.run_id)).run).state == "running":
            await asyncio.sleep(0.05)
    assert (found.state, found.tool_calls) == ("done", 1)


async def _looked_at(owner: Desk, resource: str) -> bool:
    """Whether the command waits by now: it has asked how far the run is."""
    return any(one.resource == resource and one.action == "agents.read" for one in await owner.audit())
