"""The commands of the checkout: the Makefile explains itself, and `.ci/run` reports every failure."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROMISED = {
    "setup", "phoenix", "peers", "clients", "agentdojo", "agent-peers", "conformance", "demo", "test", "chaos", "interop", "lint", "format", "types", "imports", "docs",
    "fragments", "fuzz", "hygiene",
    "wheel-check", "release-check", "bench", "eval", "soak", "load", "dashboards", "lock", "changelog", "clean", "help",
}  # fmt: skip
STEPS = [
    "tests",
    "chaos",
    "interop",
    "documentation",
    "lint",
    "types",
    "import contract",
    "hygiene",
    "wheel",
    "release record",
    "MCP conformance",
    "load",
    "limits under load",
    "fuzz",
]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", *arguments],
        cwd=folder,
        env=inherited,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_lists_every_target_with_what_it_does():
    listed = dict(re.findall(r"^  ([\w-]+) +(\S.*)$", make("help").stdout, re.M))
    assert set(listed) == PROMISED
    assert make().stdout == make("help").stdout, "help is what make does unasked"


def test_every_target_is_phony_so_that_a_file_of_its_name_does_not_stop_it():
    (phony,) = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.M)
    assert set(phony.split()) == PROMISED


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A checkout before its environment exists."""
    for name in ("Makefile", "pyproject.toml", "requirements.lock", "requirements-dev.lock"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


@pytest.mark.parametrize("python", ["", "false"])
def test_without_a_recent_python_setup_says_what_is_needed(python: str, bare: Path):
    done = make("demo", f"PYTHON={python}", folder=bare)
    assert done.returncode != 0
    assert "Python 3.11 or newer is needed" in done.stdout
    assert not (bare / ".venv").exists()


def test_the_demonstration_needs_no_development_packages(bare: Path):
    planned = make("--dry-run", "demo", "PYTHON=python3", folder=bare).stdout
    assert "requirements.lock" in planned
    assert "requirements-dev.lock" not in planned
    assert "deskmind demo" in planned


def test_arguments_reach_the_demonstration(bare: Path):
    assert (
        "deskmind demo --exit"
        in make("--dry-run", "demo", "ARGS=--exit", "PYTHON=python3", folder=bare).stdout
    )


def test_a_release_must_be_named(bare: Path):
    (bare / ".venv").mkdir()
    for stamp in (".created", ".runtime", ".development"):
        (bare / ".venv" / stamp).touch()
    done = make("changelog", folder=bare)
    assert done.returncode != 0
    assert "VERSION=" in done.stdout


@pytest.fixture
def rehearsal(tmp_path: Path) -> Path:
    """`.ci/run` beside a stand-in for make that fails where it is told to, and notes how it was called."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci")
    programs = tmp_path / "programs"
    programs.mkdir()
    stand_in = programs / "make"
    stand_in.write_text(
        '#!/bin/sh\necho "$1 CI=$CI" >>calls\ncase " $FAILING " in *" $1 "*) exit 2;; esac\n', "utf-8"
    )
    stand_in.chmod(0o755)
    for program in ("pgbouncer", "prometheus"):
        shutil.copy(stand_in, programs / program)
    return tmp_path


def run_ci(rehearsal: Path, failing: str, system: str | None = None) -> subprocess.CompletedProcess[str]:
    path = f"{rehearsal / 'programs'}{os.pathsep}{system or os.environ['PATH']}"
    return subprocess.run(
        ["bash", rehearsal / ".ci" / "run"],
        env={"PATH": path, "FAILING": failing},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_ci_calls_each_step_and_succeeds_when_all_do(rehearsal: Path):
    done = run_ci(rehearsal, failing="")
    assert done.returncode == 0
    assert re.findall(r"^<== (.*): ok", done.stdout, re.M) == STEPS
    called = (rehearsal / "calls").read_text("utf-8").split("\n")
    assert called[:4] == ["phoenix CI=true", "clients CI=true", "agentdojo CI=true", "test CI=true"]
    assert len(called) - 1 == len(STEPS) + 4
    assert {line.split()[0] for line in called if line} <= PROMISED | {".conformance/.installed"}


def test_ci_installs_nothing_where_the_systems_programs_are_there(rehearsal: Path):
    assert "note:" not in run_ci(rehearsal, failing="").stdout
    assert not (rehearsal / "installed").exists()


def test_ci_installs_what_is_missing_and_says_when_it_cannot(rehearsal: Path):
    (rehearsal / "programs" / "prometheus").unlink()
    apt = rehearsal / "programs" / "apt-get"
    apt.write_text('#!/bin/sh\necho "$@" >>installed\nexit 1\n', "utf-8")
    apt.chmod(0o755)
    system = rehearsal / "system"
    system.mkdir()
    for tool in ("bash", "sh", "cat", "dirname", "env", "id", "timeout"):
        (system / tool).symlink_to(shutil.which(tool) or "")
    sudo = rehearsal / "programs" / "sudo"
    sudo.write_text('#!/bin/sh\nshift\nexec "$@"\n', "utf-8")
    sudo.chmod(0o755)
    done = run_ci(rehearsal, failing="", system=str(system))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "note: prometheus is missing" in done.stdout
    assert "install --no-install-recommends prometheus" in (rehearsal / "installed").read_text("utf-8")


def test_ci_goes_on_after_a_failure_and_names_all_that_failed(rehearsal: Path):
    done = run_ci(rehearsal, failing="lint wheel-check")
    assert done.returncode == 1
    assert re.findall(r"^<== (.*): FAILED", done.stdout, re.M) == ["lint", "wheel"]
    assert len(re.findall(r"^==> ", done.stdout, re.M)) == len(STEPS)
    assert re.search(r"^failed after \d+ s: lint wheel$", done.stdout, re.M)
