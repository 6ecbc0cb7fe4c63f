"""``deskmind connect`` and ``deskmind sync`` as an operator types them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deskmind.app import Deskmind
from deskmind.cli.root import app as command
from deskmind.desk import Desk
from deskmind.sandbox.servicenow import ServiceNowSandbox
from deskmind.sandbox.servicenow.users import PASSWORD
from deskmind.sandbox.web import Fault

Call = Callable[..., Any]


@pytest.fixture
async def box() -> AsyncIterator[ServiceNowSandbox]:
    async with ServiceNowSandbox(size="tiny") as started:
        yield started


@pytest.fixture
def call(app: Deskmind, operator: Desk, desk_home: Path) -> Call:
    """Runs a command for a tenant of its own, in a thread, since each has an event loop of its own; JSON where asked for."""
    environment = {
        "DESKMIND_HOME": str(desk_home),
        "DESKMIND_KNOWLEDGE_EMBEDDER": "hashing",
        "DESKMIND_CONNECT_USERNAME": "",
    }

    async def run(*words: str, code: int = 0, json_: bool = True, **more: str) -> Any:
        given = [*words, "--tenant", operator.scope.tenant, *(["--json"] if json_ else [])]
        done = await asyncio.to_thread(CliRunner().invoke, command, given, env={**environment, **more})
        assert done.exit_code == code, done.output
        return json.loads(done.stdout) if json_ and code == 0 else done.output

    return run


def credentials(path: Path, **values: str) -> str:
    path.write_text(json.dumps(values), encoding="utf-8")
    return str(path)


async def connected(call: Call, box: ServiceNowSandbox, tmp_path: Path, *more: str, code: int = 0) -> Any:
    file = credentials(tmp_path / "now.json", **box.credentials)
    given = ("--url", box.url, "--vendor", "servicenow", "--credentials-file", file)
    return await call("connect", "add", "now", *given, *more, code=code)


async def test_connected_tested_read_and_shown(call: Call, box: ServiceNowSandbox, tmp_path: Path) -> None:
    made = await connected(call, box, tmp_path, "--every", "30")
    assert (made["name"], made["vendor"], made["every_seconds"]) == ("now", "servicenow", 1800)
    assert PASSWORD not in json.dumps(made)
    (listed,) = await call("connect", "list")
    assert listed == made
    tested = await call("connect", "test", "now")
    assert tested["health"]["ok"] is True
    assert {one["granted"] for one in tested["rights"]} <= {True, None}
    assert "never read whole" in await call("sync", "status", json_=False)
    plan = await call("sync", "run", "now", "--dry-run")
    assert plan["now"]["kinds"]["ticket"]["added"] == 40
    (before,) = await call("sync", "status", "now")
    assert before["kinds"] == []
    (after,) = await call("sync", "run", "now")
    assert after["complete"] is True
    assert {one["kind"]: one["records"] for one in after["kinds"]}["ticket"] == 40
    told = await call("sync", "status", json_=False)
    assert "now (servicenow): complete," in told
    assert PASSWORD not in told


async def test_a_run_that_fails_says_why_and_is_exit_code_1(
    call: Call, box: ServiceNowSandbox, tmp_path: Path
) -> None:
    await connected(call, box, tmp_path, "--kind", "group")
    box.faults.add(Fault("expired_token"))
    told = await call("sync", "run", "now", code=1, json_=False)
    assert "last run: group: source-authentication" in told
    assert "refuses the credentials" in told
    tested = await call("connect", "test", "now", code=1, json_=False)
    assert "refuses the credentials" in tested
    box.faults.clear()
    (status,) = await call("sync", "run", "now")
    assert status["complete"] is True


async def test_missing_rights_are_named(call: Call, box: ServiceNowSandbox, tmp_path: Path) -> None:
    somebody = next(one for one in box.company.people if one.active and one.role == "requester")
    login = box.instance.store.value(
        "sys_user", box.instance.store.key("sys_user", somebody.key), "user_name"
    )
    file = credentials(tmp_path / "weak.json", username=login, password=PASSWORD)
    given = ("--url", box.url, "--vendor", "servicenow", "--credentials-file", file)
    await call("connect", "add", "weak", *given)
    told = await call("connect", "test", "weak", code=1, json_=False)
    assert "missing" in told


async def test_reset_reads_everything_and_sweep_finds_what_is_gone(
    call: Call, box: ServiceNowSandbox, tmp_path: Path
) -> None:
    await connected(call, box, tmp_path, "--kind", "group")
    (first,) = await call("sync", "run", "now")
    store = box.instance.store
    store.remove("sys_user_group", store.read("sys_user_group", next(store.rows("sys_user_group")), "sys_id"))
    (kept,) = await call("sync", "run", "now")
    assert kept["kinds"][0]["records"] == first["kinds"][0]["records"], "nothing says that it is gone"
    (swept,) = await call("sync", "run", "now", "--sweep")
    assert swept["kinds"][0]["records"] == first["kinds"][0]["records"] - 1
    assert await call("sync", "reset", "now") == {"reset": "now"}
    box.log.clear()
    await call("sync", "run", "now")
    everything = len(box.log)
    box.log.clear()
    await call("sync", "run", "now", "--full")
    assert len(box.log) == everything


async def test_work_may_be_left_to_workers(
    app: Deskmind, call: Call, box: ServiceNowSandbox, tmp_path: Path
) -> None:
    await connected(call, box, tmp_path, "--kind", "group")
    (left,) = await call("sync", "run", "now", "--no-wait")
    assert (left["complete"], left["started_at"]) == (False, None)
    await app.jobs.drain()
    (done,) = await call("sync", "status", "now")
    assert done["complete"] is True


async def test_what_is_wrong_is_said(call: Call, box: ServiceNowSandbox, tmp_path: Path) -> None:
    assert "There is no connection 'nowhere'" in await call("sync", "run", "nowhere", code=66, json_=False)
    assert await call("connect", "list") == []
    assert "Nothing is connected" in await call("sync", "status", json_=False)
    await connected(call, box, tmp_path)
    assert "There is a connection 'now'" in await connected(call, box, tmp_path, code=73)
    assert "no kind of record" in await connected(call, box, tmp_path, "--kind", "wishes", code=65)
    changed = await connected(call, box, tmp_path, "--replace", "--every", "0")
    assert changed["every_seconds"] == 0
    other = await call("connect", "add", "other", "--url", box.url, code=65, json_=False)
    assert "does not tell the vendor" in other
    assert await call("connect", "remove", "now", "--yes") == {"removed": "now"}
    assert await call("connect", "list") == []
