"""The audit commands: what an operator keeps, and what an auditor checks without them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from deskmind.cli.root import app
from deskmind.governance.audit.verify import main

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def run(running_home: Path) -> Run:
    """Run a command in this process, on a home with one tenant."""
    settings = {"DESKMIND_KNOWLEDGE_EMBEDDER": "hashing", "DESKMIND_HOME": str(running_home)}

    def call(*words: str | Path, code: int = 0, tenant: str = "acme") -> Result:
        env = {**settings, "DESKMIND_DEFAULTS_TENANT": tenant}
        result = CliRunner().invoke(app, [str(word) for word in words], env=env)
        assert result.exit_code == code, (words, result.output, result.stderr, result.exception)
        return result

    call("tenant", "create", "acme")
    call("user", "add", "ann")
    return call


def as_json(result: Result) -> Any:
    return json.loads(result.stdout)


@pytest.fixture
def unsealed(run: Run) -> Iterator[Run]:
    """For a tenant whose events nobody has sealed."""
    unsealed = partial(run, tenant="unsealed")
    unsealed("tenant", "create", "unsealed")
    unsealed("user", "add", "ann")
    yield unsealed
    unsealed("tenant", "delete", "unsealed", "--yes")


def test_from_the_act_to_the_offline_verifier(
    unsealed: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = unsealed
    assert "Nothing was sealed yet" in run("audit", "checkpoint", code=66).stderr
    assert as_json(run("audit", "seal", "--json"))["events"] >= 2
    key = run("audit", "keys").stdout.split()[-1]
    kept, bundle, proof = (tmp_path / name for name in ("kept.txt", "bundle.jsonl", "proof.json"))
    run("audit", "checkpoint", "-o", kept)
    assert run("audit", "checkpoint").stdout == kept.read_text("utf-8")
    assert as_json(run("audit", "checkpoint", "--json"))["origin"].startswith("deskmind.audit/")
    assert "Everything holds." in run("audit", "verify", "--key", key, "--checkpoint", kept).stdout
    assert "give --key" in run("audit", "verify").stdout
    assert as_json(run("audit", "verify", "--json"))["holds"] is True
    run("audit", "export", bundle)
    assert main([str(bundle), "--key", key, "--checkpoint", str(kept)]) == 0
    (event,) = as_json(run("audit", "search", "--action", "principals.", "--json"))
    assert event["resource"] == "ann"
    proof.write_text(run("audit", "prove", event["event_id"]).stdout, "utf-8")
    assert main([str(proof), "--key", key]) == 0
    assert main([str(proof), "--key", "deskmind.audit+00000000+AAAA"]) == 2
    assert "ann" not in proof.read_text("utf-8"), "a proof can be given away"
    proof.write_text(proof.read_text("utf-8").replace("done", "none"), "utf-8")
    capsys.readouterr()
    assert main([str(proof), "--key", key]) == 1
    assert "not shown to be in a signed log" in capsys.readouterr().out


def test_a_new_key_is_shown_and_the_old_one_still_verifies(run: Run) -> None:
    run("audit", "seal")
    old = run("audit", "keys").stdout.split()
    new = run("audit", "rotate-key").stdout.strip()
    assert run("audit", "keys").stdout.split() == [*old, new]
    run("audit", "seal")
    run("user", "add", "ben")
    run("audit", "seal")
    assert "key:" in run("audit", "verify", "--key", old[-1], code=1).stdout
    both = [word for key in (*old, new) for word in ("--key", key)]
    assert as_json(run("audit", "verify", *both, "--json"))["holds"] is True
    newest = as_json(run("audit", "tail", "--installation", "--json"))[0]
    assert (newest["action"], newest["resource"]) == ("audit.seal", new)


def test_events_are_listed_for_people_and_programs(run: Run) -> None:
    assert "principals.write" in run("audit", "tail").stdout
    assert as_json(run("audit", "search", "--resource", "nothing", "--json")) == []
    assert as_json(run("audit", "search", "--since", "1d", "--outcome", "done", "-n", "1", "--json"))
    assert "tenants.write" in run("audit", "tail", "--installation").stdout


def test_what_is_no_key_and_no_event_is_said(run: Run, tmp_path: Path) -> None:
    (tmp_path / "note").write_text("nothing", "utf-8")
    assert "cannot be read" in run("audit", "verify", "--key", "nothing", code=65).stderr
    assert "cannot be read" in run("audit", "verify", "--checkpoint", tmp_path / "note", code=65).stderr
    assert "No witness is configured" in run("audit", "verify", "--witness", code=78).stderr
    missing = run("audit", "prove", "00000000-0000-0000-0000-000000000000", code=66)
    assert "no sealed event" in missing.stderr


def test_a_person_is_forgotten_and_the_log_holds(run: Run, tmp_path: Path) -> None:
    run("user", "add", "wilhelmina")
    run("audit", "seal")
    assert "Continue?" in run("audit", "forget", "wilhelmina", code=1).stdout
    assert (
        as_json(run("audit", "search", "--resource", "wilhelmina", "--json"))[0]["action"]
        == "principals.write"
    )
    assert as_json(run("audit", "forget", "wilhelmina", "--yes", "--json")) == {"destroyed": True}
    assert "no such person" in run("audit", "forget", "wilhelmina", "--yes").stdout
    run("audit", "seal")
    readable = tmp_path / "events.jsonl"
    run("audit", "export", readable, "--readable")
    assert "erased subject" in readable.read_text("utf-8")
    assert "wilhelmina" not in readable.read_text("utf-8")
    assert run("audit", "rewrap", "--json").stdout.strip()
    assert as_json(run("audit", "verify", "--json"))["holds"] is True


def test_a_key_that_names_are_wrapped_under_is_not_retired(run: Run) -> None:
    def named() -> bool:
        return bool(as_json(run("audit", "search", "--resource", "theodora", "--json")))

    def version() -> int:
        keys = as_json(run("keyring", "list", "--json"))
        return max(key["version"] for key in keys if key["purpose"] == "audit-subjects")

    run("user", "add", "theodora")
    before = version()
    run("keyring", "rotate", "audit-subjects")
    refused = run("keyring", "retire", "audit-subjects", before, code=73)
    assert "deskmind audit rewrap --tenant" in refused.stderr
    assert named()
    current = run("keyring", "retire", "audit-subjects", version(), code=78)
    assert "Rotate it first" in current.stderr
    run("audit", "rewrap")
    run("keyring", "retire", "audit-subjects", before)
    assert named()
