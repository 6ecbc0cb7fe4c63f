"""The offline verifier: what somebody with every right on the database could do, and a kept checkpoint shows."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.governance.audit.logs import KEY, NEXT_KEY, STRANGER, TENANT, bundle, event, events, sealed

from deskmind.governance.audit import Checkpoint, Report, Tree, leaf_hash, verify_bundle, verify_inclusion
from deskmind.governance.audit.verify import main

LOG = events(12)
KEPT = sealed(LOG, 8)


def _kinds(report: Report) -> set[str]:
    return {finding.kind for finding in report.findings}


def _checked(lines: list[bytes], *kept: Checkpoint) -> Report:
    return verify_bundle(lines, [KEY.public], kept=kept)


def test_an_untouched_log_holds() -> None:
    report = _checked(bundle(LOG, sealed(LOG, 5), sealed(LOG)), KEPT)
    assert report.holds
    assert (report.events, report.covered, report.kept) == (12, 12, 1)
    assert report.origin == f"deskmind.audit/{TENANT}"


def _resealed(content: list[bytes]) -> list[bytes]:
    """A bundle whose own checkpoint fits it: its writer had the signing key too."""
    return bundle(content, sealed(content))


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param([*LOG[:3], event(3, action="documents.read"), *LOG[4:]], id="edited"),
        pytest.param([*LOG[:3], *LOG[4:]], id="deleted"),
        pytest.param([*LOG[:3], event(99), *LOG[3:]], id="inserted"),
        pytest.param([*LOG[:3], LOG[4], LOG[3], *LOG[5:]], id="reordered"),
        pytest.param([*LOG[:7], event(98), event(99)], id="forked"),
    ],
)
def test_a_history_that_was_rewritten_shows_even_under_the_true_key(forged: list[bytes]) -> None:
    assert _checked(_resealed(forged)).holds, (
        "without a kept checkpoint, who has the key can rewrite: we say so"
    )
    report = _checked(_resealed(forged), KEPT)
    assert _kinds(report) == {"root"}
    assert "first 8 events" in report.findings[0].message


def test_a_log_that_was_cut_shows() -> None:
    report = _checked(_resealed(LOG[:6]), KEPT)
    assert _kinds(report) == {"missing"}
    assert report.covered == 6


def test_two_checkpoints_of_one_size_show_a_fork() -> None:
    other = [*LOG[:7], event(99)]
    assert "fork" in _kinds(_checked(bundle(LOG, sealed(LOG)), KEPT, sealed(other)))


def test_a_swapped_key_shows() -> None:
    report = _checked(bundle(LOG, sealed(LOG, key=NEXT_KEY)), KEPT)
    assert _kinds(report) == {"key"}
    assert report.covered == 8
    assert _kinds(_checked(bundle(LOG, sealed(LOG, key=NEXT_KEY)))) == {"key", "unsigned"}


def test_a_rotated_key_is_trusted_when_it_is_given() -> None:
    lines = bundle(LOG, sealed(LOG, 4), sealed(LOG, key=NEXT_KEY))
    assert verify_bundle(lines, [KEY.public, NEXT_KEY.public]).holds


def test_another_tenants_log_does_not_pass() -> None:
    strange = [event(number, tenant=STRANGER) for number in range(4)]
    assert _kinds(_checked(_resealed(strange))) == {"foreign"}
    assert _kinds(_checked(bundle(strange, sealed(strange, tenant=STRANGER)))) == {
        "foreign",
        "origin",
        "unsigned",
    }


def test_events_after_the_newest_checkpoint_do_not_hold() -> None:
    for kept in ([], [KEPT]):
        report = _checked(bundle([*LOG[:8], event(98), event(99)], KEPT), *kept)
        assert (_kinds(report), report.events, report.covered) == ({"unsealed"}, 10, 8)
        assert "last 2 events" in report.findings[0].message


def test_what_is_not_signed_or_not_whole_does_not_hold() -> None:
    assert _kinds(_checked(bundle(LOG))) == {"unsigned"}
    assert _kinds(_checked(bundle(LOG, KEPT, announced=13))) == {"count"}
    assert _kinds(_checked([*bundle(LOG, sealed(LOG)), b"{}\n"])) == {"count", "foreign"}


def test_an_empty_log_holds_under_the_checkpoint_over_nothing() -> None:
    assert _checked(bundle([], sealed([]))).holds


@given(st.data())
def test_no_changed_letter_of_an_event_passes(data: st.DataObject) -> None:
    lines = bundle(LOG, sealed(LOG))
    at = data.draw(st.integers(len(lines) - len(LOG), len(lines) - 1))
    letter = data.draw(st.integers(0, len(lines[at]) - 2))
    changed = bytearray(lines[at])
    changed[letter] ^= data.draw(st.integers(1, 255))
    try:
        report = _checked([*lines[:at], bytes(changed), *lines[at + 1 :]])
    except ValueError:
        return
    assert not report.holds


@pytest.mark.parametrize(
    "lines",
    [
        [], [b"nothing"], [b"[]"], [b'{"bundle":2}'], [b'{"bundle":1,"origin":"x","tenant":"y","events":1}'],
        [bundle([])[0], b'{"what":1}'], [bundle([])[0], b'{"key":"x"}'], [bundle([])[0], b'{"checkpoint":"x"}'],
    ],
)  # fmt: skip
def test_what_is_no_bundle_is_refused(lines: list[bytes]) -> None:
    with pytest.raises(ValueError, match=r"."):
        _checked(lines)


@pytest.fixture
def files(tmp_path: Path) -> Callable[[str, str | bytes], str]:
    def written(name: str, content: str | bytes) -> str:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return written


def test_the_command_needs_no_other_part_of_deskmind(files: Callable[[str, str | bytes], str]) -> None:
    lines = files("bundle.jsonl", b"".join(bundle(LOG, sealed(LOG))))
    kept, keys = files("kept.txt", KEPT.note), files("keys.txt", f"{KEY.public}\n\n{NEXT_KEY.public}\n")
    program = (
        "import sys; from deskmind.governance.audit.verify import main; code = main();"
        "others = {name for name in sys.modules if name.startswith('deskmind') and 'governance' not in name};"
        "assert others == {'deskmind'}, others; assert 'psycopg' not in sys.modules; sys.exit(code)"
    )
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, lines, "--key", keys, "--checkpoint", kept],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "12 events, 12 of them" in ran.stdout
    assert "Everything holds." in ran.stdout
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-m", "deskmind.governance.audit.verify", lines, "--key", str(NEXT_KEY.public)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (1, "")
    assert "key: The checkpoint over 12 events is not signed" in ran.stdout
    assert "No checkpoint kept elsewhere was given" in ran.stdout


def test_the_command_tells_programs_too(
    files: Callable[[str, str | bytes], str], capsys: pytest.CaptureFixture[str]
) -> None:
    lines, kept = files("bundle.jsonl", b"".join(_resealed(LOG[:6]))), files("kept.txt", KEPT.note)
    assert main([lines, "--key", str(KEY.public), "--checkpoint", kept, "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["covered"] == 6
    assert [finding["kind"] for finding in report["findings"]] == ["missing"]


def test_the_command_says_what_it_cannot_read(
    files: Callable[[str, str | bytes], str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([files("empty", b""), "--key", str(KEY.public)]) == 2
    assert main([files("empty", b""), "--key", "no-key"]) == 2
    assert main(["/nowhere/bundle", "--key", str(KEY.public)]) == 2
    assert capsys.readouterr().err.count("cannot be checked") == 3


def test_one_event_is_proved_without_the_others() -> None:
    proof = Tree(map(leaf_hash, LOG)).inclusion_proof(3, KEPT.size)
    assert verify_inclusion(leaf_hash(LOG[3]), 3, KEPT.size, proof, KEPT.root)
    assert not verify_inclusion(leaf_hash(LOG[4]), 3, KEPT.size, proof, KEPT.root)
