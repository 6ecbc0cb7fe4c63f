"""Outcomes as figures, and beside those of an earlier time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deskmind.evaluation.agents.running import Outcome

__all__ = ["compared", "summary"]

_COMPARED = ("passed", "state", "proposals", "steps", "usd")


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The figures of all cases, and each case."""
    passed = sum(one.passed for one in outcomes)
    judged = [verdict for one in outcomes for verdict in one.judged]
    return {
        "cases": len(outcomes),
        "passed": passed,
        "share": round(passed / len(outcomes), 4) if outcomes else 0.0,
        "approvals": sum(one.proposals for one in outcomes),
        "refused_calls": sum(len(one.refused) for one in outcomes),
        "steps": sum(one.steps for one in outcomes),
        "usd": str(sum(one.usd for one in outcomes)),
        "judged": sum(not one.skipped for one in judged),
        "judges_skipped": sum(one.skipped for one in judged),
        "judges_usd": str(sum(one.usd for one in judged)),
        "outcomes": [one.as_dict() for one in outcomes],
    }


def compared(now: Mapping[str, Any], before: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The cases whose result, approvals, steps or cost differ from an earlier summary: ``case``, ``what``, ``before``, ``now``."""
    then = {one["name"]: one for one in before.get("outcomes", ())}
    rows: list[dict[str, Any]] = []
    for one in now["outcomes"]:
        old = then.pop(one["name"], None)
        if old is None:
            rows.append(_row(one["name"], "case", "absent", "new"))
            continue
        differing = (what for what in _COMPARED if old.get(what) != one[what])
        rows.extend(_row(one["name"], what, old.get(what), one[what]) for what in differing)
    return [*rows, *(_row(name, "case", "there", "gone") for name in then)]


def _row(case: str, what: str, before: Any, now: Any) -> dict[str, Any]:
    return {"case": case, "what": what, "before": before, "now": now}
