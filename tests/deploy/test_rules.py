"""Recording rules and alerts: valid, tested both ways, each with a runbook."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from deploy.alert_cases import CASES
from deploy.alerts import ALERTS
from deploy.objectives import OBJECTIVES

pytestmark = pytest.mark.interop

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "prometheus"
TESTS = sorted((RULES / "tests").glob("*.test.yaml"))


def _promtool(program: str, *words: str) -> str:
    frugal = {**os.environ, "GOGC": "400"}  # it would spend a fifth of its time on collecting garbage
    done = subprocess.run(
        [program, *words], cwd=RULES, env=frugal, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_rules_and_the_configuration_are_valid(promtool: str) -> None:
    assert "SUCCESS" in _promtool(promtool, "check", "rules", "recording.rules.yaml", "alerts.rules.yaml")
    _promtool(promtool, "check", "config", "prometheus.yml")


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_alerts_fire_when_they_should_and_not_otherwise(path: Path, promtool: str) -> None:
    assert "SUCCESS" in _promtool(promtool, "test", "rules", str(path.relative_to(RULES)))


def test_each_alert_is_tested_both_ways() -> None:
    assert {case.alert for case in CASES} == {alert.name for alert in ALERTS}
    for alert in ALERTS:
        assert {case.fires for case in CASES if case.alert == alert.name} == {True, False}, alert.name
    listed = sum(len(yaml.safe_load(path.read_text("utf-8"))["tests"]) for path in TESTS)
    assert listed == len(CASES)


def test_each_alert_says_how_bad_it_is_and_what_to_do() -> None:
    headings = re.findall(r"^##+ (.+)$", (ROOT / "docs" / "runbooks.md").read_text("utf-8"), re.M)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    (group,) = yaml.safe_load((RULES / "alerts.rules.yaml").read_text("utf-8"))["groups"]
    assert len(group["rules"]) == len(ALERTS)
    for rule in group["rules"]:
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert len(rule["annotations"]["summary"]) > 20
        page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        assert page == "docs/runbooks.md"
        assert anchor in anchors, rule["alert"]
    assert {alert.anchor for alert in ALERTS} <= anchors


def test_each_objective_has_a_page_and_a_ticket() -> None:
    names = {alert.name: alert.severity for alert in ALERTS}
    for objective in OBJECTIVES:
        assert names[f"{objective.alert}FastBurn"] == "page"
        assert names[f"{objective.alert}SlowBurn"] == "ticket"
        assert 0.9 <= objective.objective < 1
