"""Prometheus's files: recording rules, alerts, and their unit tests."""

from __future__ import annotations

from typing import Any

import yaml

from deploy.alert_cases import CASES, Case
from deploy.alerts import ALERTS, Alert
from deploy.objectives import OBJECTIVES

__all__ = ["RUNBOOKS", "WINDOWS", "alerting", "files", "recording"]

RUNBOOKS = "docs/runbooks.md"
WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
_TESTS = {
    "alerts": ["../alerts.rules.yaml"],
    "burns": ["../recording.rules.yaml", "../alerts.rules.yaml"],
    "days": ["../recording.rules.yaml", "../alerts.rules.yaml"],
}
_HEAD = "# Made by `make dashboards` from deploy/{source}; edit that.\n"


def files() -> dict[str, str]:
    """Each file of deploy/prometheus that is generated, with its content."""
    return {
        "recording.rules.yaml": _written(recording(), "objectives.yaml"),
        "alerts.rules.yaml": _written(alerting(), "alerts.py"),
        **{f"tests/{name}.test.yaml": _written(unit_tests(name), "alert_cases.py") for name in _TESTS},
    }


def recording() -> dict[str, Any]:
    """How fast each objective's error budget is used, over each window; 1 uses it up in its 30 days."""
    rules = [
        {
            "record": f"deskmind:slo_burn:rate{window}",
            "expr": f"({objective.ratio(window)}) / {objective.budget}",
            "labels": {"slo": objective.slo},
        }
        for objective in OBJECTIVES
        for window in WINDOWS
    ]
    return {"groups": [{"name": "deskmind-objectives", "rules": rules}]}


def alerting() -> dict[str, Any]:
    """The alerts."""
    return {"groups": [{"name": "deskmind-alerts", "rules": [_rule(alert) for alert in ALERTS]}]}


def unit_tests(file: str) -> dict[str, Any]:
    """For ``promtool test rules``: each alert fires on one history and does not on another."""
    cases = [case for case in CASES if case.file == file]
    return {
        "rule_files": _TESTS[file],
        "evaluation_interval": cases[0].every,
        "group_eval_order": ["deskmind-objectives", "deskmind-alerts"][-len(_TESTS[file]) :],
        "tests": [_test(case) for case in cases],
    }


def _rule(alert: Alert) -> dict[str, Any]:
    return {
        "alert": alert.name,
        "expr": alert.expression,
        "for": alert.lasting,
        "labels": {"severity": alert.severity, "service": "deskmind"},
        "annotations": {"summary": alert.summary, "runbook_url": f"{RUNBOOKS}#{alert.anchor}"},
    }


def _test(case: Case) -> dict[str, Any]:
    firing = f'count(ALERTS{{alertname="{case.alert}",alertstate="firing"}})'
    samples = [{"labels": "{}", "value": 1}] if case.fires else []
    return {
        "name": f"{case.alert}: {case.story}",
        "interval": case.every,
        "input_series": [{"series": name, "values": values} for name, values in case.history.items()],
        "promql_expr_test": [{"expr": firing, "eval_time": case.at, "exp_samples": samples}],
    }


def _written(content: dict[str, Any], source: str) -> str:
    return _HEAD.format(source=source) + yaml.safe_dump(
        content, sort_keys=False, width=120, allow_unicode=True
    )
