"""Commands against a service: the same output and exit codes as on the service's own machine."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.remote import Both, Serving, both_sides
from typer.testing import CliRunner

from deskmind.agents.workflows import Flow, workflow
from deskmind.app import Deskmind
from deskmind.cli.remote.application import RemoteDesk
from deskmind.cli.root import app as command
from deskmind.client import AsyncClient
from deskmind.desk import Desk

_TENANT = "remote-commands"
_QUESTION = "How long does a VPN token take?"


@pytest.fixture(scope="module")
async def owner(app: Deskmind) -> Desk:
    await app.tenants.create(_TENANT)
    desk = await app.desk(tenant=_TENANT)
    await desk.principals.add_user("boss", role="operator")
    return desk


@pytest.fixture(scope="module")
async def both(
    app: Deskmind,
    owner: Desk,
    desk_home: Path,
    serving: Serving,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Both]:
    file = tmp_path_factory.mktemp("key") / "key"
    async with both_sides(app, owner, serving, desk_home, file) as sides:
        yield sides


@pytest.fixture(scope="module")
async def folder(both: Both, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("documents")
    (made / "vpn.md").write_text("# VPN token\n\n## Delivery\n\nA new VPN token arrives within 20 minutes.\n")
    (made / "broken.pdf").write_bytes(b"%PDF-1.7 broken")
    return made


async def test_documents_are_taken_in_and_found(both: Both, folder: Path) -> None:
    here, afar = await both("ingest", folder, "--json", here=True), await both("ingest", folder, "--json")
    first, again = json.loads(here.stdout), json.loads(afar.stdout)
    assert (here.exit_code, afar.exit_code) == (65, 65)
    assert (first["stored"], first["failed"]) == (1, 1)
    assert (again["unchanged"], again["failed"]) == (1, 1)
    assert again["failures"] == first["failures"]
    words = (await both("ingest", folder)).stdout
    assert words == "0 documents (0 chunks) stored, 1 unchanged, 1 failed.\n"
    hit = json.loads((await both("search", "VPN", "-n", "1", "--json")).stdout)[0]
    shown = await both("documents", "show", hit["document_id"])
    assert "20 minutes" in shown.stdout
    assert (await both("documents", "delete", hit["document_id"])).exit_code == 0
    assert (await both("documents", "show", hit["document_id"])).exit_code == 66


_ALIKE = (
    *("search VPN", "documents list", "prompts show answer --versions", "usage report", "budget list"),
    *("requests list --operation knowledge.ingest", "access review", "privacy map", "sync status"),
    *("memory list", "user list", "group list"),
    *(
        "audit search --action knowledge:ingest",
        "webhooks list",
        "documents show 0190a3c2-8f4e-7c3d-9a41-2b6f0e9d1c55",
    ),
)


@pytest.mark.parametrize("words", _ALIKE)
async def test_the_output_is_that_of_the_services_own_machine(both: Both, folder: Path, words: str) -> None:
    await both("ingest", folder)
    for _ in range(20):  # what is written after a response may come between the two
        here, afar = await both(*words.split(), "--json", here=True), await both(*words.split(), "--json")
        if afar.stdout == here.stdout:
            break
    assert afar.exit_code == here.exit_code, (afar.output, afar.exception)
    assert afar.stdout == here.stdout


async def test_an_answer_is_worded_and_explained_alike(both: Both, folder: Path) -> None:
    await both("ingest", folder)
    here = await both("ask", _QUESTION, "--json", here=True, user="boss")
    afar = await both("ask", _QUESTION, "--json")
    said, told = json.loads(here.stdout), json.loads(afar.stdout)
    request = told.pop("request_id")
    del said["request_id"]
    assert told == said
    assert "20 minutes" in (await both("ask", _QUESTION)).stdout
    explained = await both("explain", request)
    assert explained.stdout == (await both("explain", request, here=True)).stdout
    assert (await both("feedback", "give", request, "up")).stdout == "Rated up.\n"


async def test_the_workflows_that_all_have_are_listed_alike(both: Both) -> None:
    """The service's application may have been given more of them by tests before."""
    here = await both("workflows", "list", "--json", here=True)
    afar = await both("workflows", "list", "--json")
    assert len(json.loads(here.stdout)) >= 5
    assert [one for one in json.loads(afar.stdout) if one in json.loads(here.stdout)] == json.loads(
        here.stdout
    )


async def test_a_workflow_runs_on_the_service_until_it_is_done(both: Both, app: Deskmind) -> None:
    app.register_workflow(shout)
    ran = await both("workflows", "run", "remote-shout", "-i", "word=hi", "--json")
    found = json.loads(ran.stdout)
    assert (ran.exit_code, found["state"], found["output"]) == (0, "done", "HI")
    followed = await both("runs", "follow", found["run_id"])
    assert followed.stdout == (await both("runs", "follow", found["run_id"], here=True)).stdout
    assert found["run_id"] in (await both("runs", "list")).stdout


@workflow("remote-shout")
async def shout(flow: Flow, word: str) -> str:
    """Shouts."""
    return await flow.step("shout", lambda: _shouted(word))


async def _shouted(word: str) -> str:
    return word.upper()


@pytest.mark.parametrize(
    "words",
    [
        "serve",
        "worker",
        "migrate up",
        "migrate status",
        "migrate down base",
        "keyring list",
        "status",
        "readiness",
        "log level debug",
        "audit seal",
    ],
)
async def test_what_is_work_on_the_installation_is_refused(both: Both, words: str) -> None:
    afar = await both(*words.split())
    assert afar.exit_code == 65, (afar.output, afar.exception)
    assert (
        f"`deskmind {words.removesuffix(' debug').removesuffix(' base')}` cannot be done on a server."
        in afar.stderr
    )
    assert "DESKMIND_SERVER" in afar.stderr


@pytest.mark.parametrize("whose", ["--tenant", "--user"])
async def test_nobody_else_is_named_than_the_keys_owner(both: Both, whose: str) -> None:
    afar = await both("ask", _QUESTION, whose, "other")
    assert (afar.exit_code, "A server knows by the key" in afar.stderr) == (65, True)


async def test_server_and_key_come_from_the_environment(both: Both) -> None:
    afar = {"DESKMIND_SERVER": both.server}
    file = {**afar, "DESKMIND_API_KEY_FILE": str(both.key_file)}
    key = {**afar, "DESKMIND_API_KEY": both.key_file.read_text().strip()}
    for given in (file, key):
        listed = await asyncio.to_thread(
            CliRunner().invoke, command, ["access", "roles", "--json"], env=given
        )
        assert listed.exit_code == 0, listed.output
    missing = await asyncio.to_thread(CliRunner().invoke, command, ["access", "roles"], env=afar)
    assert (missing.exit_code, "There is no API key" in missing.stderr) == (77, True)
    words = ["--server", both.server, "--key", "-", "access", "roles"]
    assert (
        await asyncio.to_thread(CliRunner().invoke, command, words, input=key["DESKMIND_API_KEY"])
    ).exit_code == 0


async def test_a_key_that_others_may_read_is_not_used(both: Both, tmp_path: Path) -> None:
    loose = tmp_path / "key"
    loose.write_text(both.key_file.read_text())
    loose.chmod(0o644)
    words = ["--server", both.server, "--key-file", str(loose), "access", "roles"]
    refused = await asyncio.to_thread(CliRunner().invoke, command, words)
    assert (refused.exit_code, "chmod 600" in refused.stderr) == (78, True)


@pytest.mark.parametrize(
    "text", ['server = "http://127.0.0.1:9"', '[api]\nkey_file = "token"', '[api]\nkey = "k"']
)
def test_a_file_that_nobody_named_sends_no_key_anywhere(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deskmind.toml").write_text(text)
    given = {"DESKMIND_API_KEY": "a-key-of-mine", "DESKMIND_SERVER": "http://127.0.0.1:9"}
    refused = CliRunner().invoke(command, ["access", "roles"], env=given)
    assert (refused.exit_code, "Name the file with --config" in refused.stderr) == (78, True)
    named = CliRunner().invoke(command, ["--config", "deskmind.toml", "access", "roles"], env=given)
    assert named.exit_code != 78 or "--config" not in named.stderr


async def test_the_key_of_one_server_is_not_sent_to_another(both: Both) -> None:
    given = {"DESKMIND_SERVER": "http://127.0.0.1:9", "DESKMIND_API_KEY": both.key_file.read_text().strip()}
    words = ["--server", both.server, "access", "roles"]
    refused = await asyncio.to_thread(CliRunner().invoke, command, words, env=given)
    assert (refused.exit_code, "not sent to another" in refused.stderr) == (77, True)
    words[2:2] = ["--key-file", str(both.key_file)]
    told = await asyncio.to_thread(CliRunner().invoke, command, words, env=given)
    assert told.exit_code == 0, told.output


async def test_a_server_that_is_not_there_is_said(both: Both) -> None:
    words = ["--server", "http://127.0.0.1:9", "--key", "k", "access", "roles", "--json"]
    silent = await asyncio.to_thread(CliRunner().invoke, command, words)
    assert silent.exit_code == 69
    assert json.loads(silent.stderr)["type"] == "urn:deskmind:problem:server-unreachable"


def test_remote_parts_have_the_methods_and_names_of_the_desks_own() -> None:
    """A command hands the same words to either."""
    remote = RemoteDesk(AsyncClient("http://localhost:1"))
    for name, part in vars(remote).items():
        if name.startswith("_"):
            continue
        own = _kind_of(name)
        for method, function in inspect.getmembers(type(part), inspect.isfunction):
            if method.startswith("_"):
                continue
            known = inspect.signature(getattr(own, method)).parameters
            taken = inspect.signature(function).parameters
            unknown = [
                one for one, kind in taken.items() if kind.kind is not kind.VAR_KEYWORD and one not in known
            ]
            assert not unknown, (name, method, unknown)


def _kind_of(name: str) -> type:
    source = inspect.getsource(Desk.__init__)
    found = re.search(rf"self\.{name} = (\w+)\(", source)
    assert found is not None, name
    return vars(sys.modules[Desk.__module__])[found[1]]


_AGENT = """
name: far-helper
description: Helps.
instructions: You help.
model: fast
"""
_CASES = """
- name: answers
  prompt: Where is my printer?
  script:
    - text: On floor 2.
  expect:
    output: On floor 2.
"""


async def test_what_changes_something_is_done_there(both: Both, app: Deskmind, tmp_path: Path) -> None:
    async def done(*words: str | Path) -> Any:
        result = await both(*words, "--json")
        assert result.exit_code == 0, (words, result.output, result.exception)
        return json.loads(result.stdout)

    made = await done("memory", "add", "My printer is HP-22.", "--subject", "my printer")
    right = await done("memory", "correct", made["memory_id"], "My printer is HP-40.")
    assert (await done("memory", "pin", right["memory_id"]))["pinned"] is True
    assert (await done("memory", "forget", right["memory_id"]))["forgotten"] == 2

    (tmp_path / "helper.yaml").write_text(_AGENT)
    (tmp_path / "cases.yaml").write_text(_CASES)
    assert (await done("agents", "define", tmp_path / "helper.yaml", "--publish"))["labels"] == ["production"]
    assert (await done("agents", "test", "far-helper", "--cases", tmp_path / "cases.yaml"))["passed"] is True
    assert (await done("agents", "list"))[0]["name"] == "far-helper"

    (tmp_path / "answer.yaml").write_text((await both("prompts", "export", "answer")).stdout)
    assert (await done("prompts", "save", tmp_path / "answer.yaml", "-m", "as it was"))["version"] == 1
    assert (await done("prompts", "label", "answer", "production", "1"))["version"] == 1
    assert (await done("experiments", "start", "far", "answer", "-v", "a=0", "-v", "b=1"))["running"] is True
    assert (await done("experiments", "weigh", "far", "b=3"))["variants"][1]["weight"] == 3
    assert (await done("experiments", "show", "far"))["metrics"] == []
    assert (await done("experiments", "stop", "far"))["running"] is False

    assert (await done("user", "add", "ada", "--groups", "hr"))["groups"] == ["hr"]
    assert (await done("user", "groups", "ada", "--groups", "it"))["groups"] == ["it"]
    key = await done("key", "create", "--user", "ada", "--name", "far")
    assert key["key"].startswith("dk_")
    assert key["key_id"] in {one["key_id"] for one in await done("key", "list")}
    assert (await both("key", "revoke", key["key_id"])).exit_code == 0

    hold = await done("privacy", "hold", "add", "--reason", "case 7", "--subject", "boss")
    await done("privacy", "hold", "release", hold["hold_id"])
    assert (await done("access", "grant", "auditor", "--user", "boss", "--until", "8h"))["role"] == "auditor"
    assert (await both("access", "revoke", "auditor", "--user", "boss")).exit_code == 0
    assert (await both("access", "define", "reader", "--permits", "documents:read")).exit_code == 0
    assert (await both("access", "undefine", "reader")).exit_code == 0
    assert (await both("budget", "set", "far", "--usd", "25.50", "--per", "user")).exit_code == 0
    assert (await done("budget", "list"))[0]["usd"] == "25.5"
    assert (await both("budget", "delete", "far")).exit_code == 0
    app.register_workflow(shout)
    words = ("workflows", "schedule", "add", "early", "remote-shout", "-i", "word=x", "--cron", "0 6 * * *")
    assert (await done(*words))["event"] == "time"
    assert (await done("workflows", "schedule", "remove", "early"))["removed"] is True
