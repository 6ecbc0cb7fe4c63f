"""The report: blockers decide, the page needs nothing else, results are kept, every check has a test that breaks it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deskmind.app import Deskmind
from deskmind.governance.audit.service import AuditFilter
from deskmind.readiness import ACTION, Check, Report, assess, page, run
from deskmind.readiness.registry import CHECKS

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def app(own_app: Deskmind) -> Deskmind:
    """With few tenants: an assessment goes through all there are."""
    return own_app


def report(*checks: Check) -> Report:
    return Report(checks, AT)


def test_one_blocker_is_enough_and_what_is_not_assessed_is_none() -> None:
    fine = [Check(f"check {number}", "green", "Fine.") for number in range(99)]
    assert report(*fine, Check("backups", "not assessed", "Unknown.")).ready
    blocked = report(*fine, Check("disk", "red", "Full."))
    assert not blocked.ready
    assert blocked.as_dict()["blockers"] == ["disk"]
    assert "score" not in blocked.as_dict()


def test_the_page_stands_alone_and_believes_no_finding() -> None:
    text = page(report(Check("<b>", "red", "<script>alert(1)</script>", "Do & undo.", {"x": "<i>"}, at=AT)))
    assert "<script" not in text
    assert "<b>" not in text
    assert "&lt;i&gt;" in text
    assert "Not ready" in text
    assert "@media print" in text
    assert not re.search(r"(src|href)=|url\(|@import|https?://", text)
    assert "No blocker" in page(report(Check("a", "green", "Fine.")))


async def test_each_run_is_in_the_installations_audit_log(app: Deskmind) -> None:
    found = await run(app)
    assert found.recorded
    (event, *_) = await app.audit_log.search(AuditFilter(action=ACTION), limit=1)
    assert event.details["red"] == [check.name for check in found.blockers]
    assert event.details["green"] == found.count("green")
    assert event.outcome == ("done" if found.ready else "failed")


async def test_names_and_functions_agree(app: Deskmind) -> None:
    named = [(section, name) for section, checks in CHECKS.items() for name in checks]
    assert [(check.section, check.name) for check in (await assess(app)).checks] == named


def test_every_check_has_a_test_that_breaks_it() -> None:
    """Some test of this folder that expects red names it, or its function. Backups can be nothing but not assessed."""
    breaking = "\n".join(test for path in _TESTS for test in each_test(path.read_text()) if "red" in test)
    untested = [
        name
        for checks in CHECKS.values()
        for name, function in checks.items()
        if not re.search(rf'\b{function.__name__}\b|"{name}"', breaking) and name != "backups"
    ]
    assert untested == []


_TESTS = [
    *Path(__file__).parent.glob("test_*.py"),
    Path(__file__).parents[1] / "governance" / "audit" / "test_witness.py",
    Path(__file__).parents[1] / "sync" / "test_health.py",
    Path(__file__).parents[1] / "writes" / "test_looking.py",
]


def each_test(source: str) -> list[str]:
    """The text of each test, with what it is parametrized by."""
    return re.split(r"\n\n\n", source)
