"""The release's record: believed when the right key signed it and the files are those it is of, and not otherwise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deskmind import __version__
from deskmind.app import Deskmind
from deskmind.cli.root import app as commands
from deskmind.governance.evidence import EvidenceKey, ReleaseRecord, package_digest, release
from deskmind.readiness import deployment
from deskmind.settings import ReleaseSettings

KEY = EvidenceKey(bytes(range(32)), "deskmind.release")
GOOD = release.TestedRun(2000, 0, 12, 600.0)
FACTS: dict[str, Any] = {
    "version": __version__,
    "commit": "0" * 40,
    "tests": GOOD,
    "coverage": 95.5,
    "documentation": GOOD,
}


def installed(app: Deskmind, folder: Path, record: ReleaseRecord | str, key: EvidenceKey = KEY) -> Deskmind:
    file = folder / "release.json"
    file.write_text(record if isinstance(record, str) else record.text)
    settings = ReleaseSettings(record=file, key=str(key.public))
    return Deskmind(app.settings.model_copy(update={"release": settings}))


async def all_states(app: Deskmind) -> dict[str, str]:
    checks = (deployment.release, deployment.tests, deployment.coverage, deployment.documentation)
    return {found.name: found.state for found in [await check(app) for check in checks]}


async def test_without_a_record_nothing_is_claimed(app: Deskmind) -> None:
    assert {*(await all_states(app)).values()} == {"not assessed"}
    assert (await deployment.backups(app)).state == "not assessed"


async def test_a_record_of_these_files_is_believed(app: Deskmind, tmp_path: Path) -> None:
    own = installed(app, tmp_path, release.make_record(KEY, **FACTS))
    assert {*(await all_states(own)).values()} == {"green"}
    assert (await deployment.tests(own)).evidence["passed"] == 2000


@pytest.mark.parametrize(
    ("check", "facts"),
    [
        ("tests", {"tests": release.TestedRun(1999, 1, 0, 1.0)}),
        ("coverage", {"coverage": 80.0}),
        ("documentation", {"documentation": release.TestedRun(20, 1, 0, 1.0)}),
        ("release", {"version": "0.0.1"}),
    ],
)
async def test_what_the_record_says_against_a_release_is_red(
    app: Deskmind, tmp_path: Path, check: str, facts: dict[str, Any]
) -> None:
    own = installed(app, tmp_path, release.make_record(KEY, **{**FACTS, **facts}))
    assert (await all_states(own))[check] == "red"


async def test_a_record_that_was_changed_or_is_another_keys_is_red_and_nothing_is_taken_from_it(
    app: Deskmind, tmp_path: Path
) -> None:
    record = release.make_record(KEY, **FACTS)
    better = record.text.replace("2000", "9999")
    other = EvidenceKey(bytes(32), "deskmind.release")
    for own in (
        installed(app, tmp_path, better),
        installed(app, tmp_path, record, other),
        installed(app, tmp_path, "{}"),
    ):
        found = await all_states(own)
        assert found.pop("release") == "red"
        assert {*found.values()} == {"not assessed"}


async def test_files_that_were_changed_since_are_red(
    app: Deskmind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "a.py").write_text("one = 1\n")
    before = package_digest(package)
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "a.pyc").write_bytes(b"x")
    (package / "release.json").write_text("{}")
    assert package_digest(package) == before
    (package / "a.py").write_text("one = 2\n")
    assert package_digest(package) != before
    own = installed(app, tmp_path, release.make_record(KEY, **FACTS))
    monkeypatch.setattr(release, "package_digest", lambda: "another")
    assert (await deployment.release(own)).state == "red"


def test_a_release_is_recorded_and_verified_by_commands(tmp_path: Path) -> None:
    junit, coverage, secret, out = (tmp_path / name for name in ("j.xml", "c.json", "key", "release.json"))
    junit.write_text(
        '<testsuites><testsuite><testcase classname="tests.a" time="1.5"/>'
        '<testcase classname="tests.a"><skipped/></testcase></testsuite></testsuites>'
    )
    apart = tmp_path / "apart.xml"
    apart.write_text('<testsuite><testcase classname="tests.project.test_documentation"/></testsuite>')
    coverage.write_text('{"totals": {"percent_covered": 95.123}}')

    def run(*arguments: str, code: int = 0) -> str:
        done = CliRunner().invoke(commands, ["release", *map(str, arguments)])
        assert done.exit_code == code, done.output
        return done.stdout

    public = run("key", str(secret)).strip()
    assert secret.stat().st_mode & 0o077 == 0
    run("key", str(secret), code=65)
    given = ["--key-file", str(secret), "--commit", "abc", "--coverage", str(coverage), "-o", str(out)]
    run("record", "--junit", str(junit), "--junit", str(apart), *given)
    statement = json.loads(out.read_text())["statement"]
    assert statement["tests"] == {"passed": 2, "failed": 0, "skipped": 1, "seconds": 1.5}
    assert (statement["documentation"]["passed"], statement["coverage"]) == (1, 95.12)
    assert json.loads(run("verify", str(out), "--key", public, "--json"))["signed"] is True
    run("verify", str(out), "--key", str(KEY.public), code=1)
    junit.write_text('<!DOCTYPE x [<!ENTITY a "b">]><testsuite/>')
    run("record", "--junit", str(junit), *given, code=65)
