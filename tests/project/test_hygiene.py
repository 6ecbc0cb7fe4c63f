"""The hygiene check finds what must not be committed, and only that."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GIT = shutil.which("git")
CLEAN = "nothing found that should not be here\n"

# Put together here, so that the check does not find them in this file.
FORBIDDEN = {
    "a package index's address": "see https://py" + "pi.org/simple/idna",
    "a path of one machine": 'DATA = "/ho' + 'me/ana/data"',
    "a private key": "-----BEGIN " + "PRIVATE KEY-----\n" + "M" * 64,
    "an access token": "token = gh" + "p_" + "a1" * 18,
    "an API key of ours": "dk_" + "a" * 26 + "_" + "b" * 26 + "_" + "0" * 48,
    "an unresolved merge": "<" * 7 + " HEAD",
}
HARMLESS = [
    "read https://docs.python.org/3/ and /etc/hosts, ~/.config/x, ./drafts/notes, src/home/page.py",
    "-----BEGIN " + "PRIVATE KEY-----\n…",
    "<<< not a merge >>>",
]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository that holds the check and nothing else."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "check_hygiene.py", tmp_path / "scripts")
    if GIT:
        subprocess.run([GIT, "init", "--quiet", tmp_path], check=True)
    return tmp_path


def check(checkout: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, checkout / "scripts" / "check_hygiene.py"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


@pytest.mark.parametrize("what", FORBIDDEN)
def test_what_must_not_be_committed_is_named_with_its_file_and_line(what: str, checkout: Path):
    (checkout / "notes.md").write_text(f"first\n{FORBIDDEN[what]}\n", "utf-8")
    assert check(checkout) == (1, f"notes.md: {what} (line 2)\n")


@pytest.mark.parametrize("target", ["/tmp", "/etc/hosts", "nowhere", ".."])
def test_a_link_leads_to_a_file_of_the_repository(target: str, checkout: Path):
    (checkout / "notes.md").write_text("first\n", "utf-8")
    (checkout / "same.md").symlink_to("notes.md")
    assert check(checkout) == (0, CLEAN)
    (checkout / "other").symlink_to(target)
    assert check(checkout) == (1, "other: a link out of the repository\n")


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_text_passes(text: str, checkout: Path):
    (checkout / "notes.md").write_text(text, "utf-8")
    assert check(checkout) == (0, CLEAN)


def test_a_large_file_is_found_though_it_is_not_text(checkout: Path):
    (checkout / "model.bin").write_bytes(b"\xff" * 500_001)
    assert check(checkout) == (1, "model.bin: larger than 500,000 bytes\n")


@pytest.mark.parametrize(
    "line", ["--index-url https://mirror.example/simple", "-f wheels", "x @ file:///x.whl"]
)
def test_a_lock_may_hold_no_address(line: str, checkout: Path):
    (checkout / "requirements.lock").write_text(f"{line}\n", "utf-8")
    code, output = check(checkout)
    assert code == 1
    assert output.startswith("requirements.lock: an address")


@pytest.mark.skipif(GIT is None, reason="git is not installed")
def test_ignored_files_are_not_looked_at(checkout: Path):
    (checkout / ".gitignore").write_text("local.txt\n", "utf-8")
    (checkout / "local.txt").write_text(FORBIDDEN["an access token"], "utf-8")
    assert check(checkout) == (0, CLEAN)


def test_a_checkout_without_a_repository_is_looked_at_all_the_same(checkout: Path):
    shutil.rmtree(checkout / ".git", ignore_errors=True)
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / "left.txt").write_text(FORBIDDEN["an access token"], "utf-8")
    assert check(checkout) == (0, CLEAN)
    (checkout / "found.txt").write_text(FORBIDDEN["an access token"], "utf-8")
    assert check(checkout) == (1, "found.txt: an access token (line 1)\n")
