"""The results in ``docs/load.md``: a table made from ``docs/load/*.json``, and the plots beside it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.load.profiles import KINDS, PROFILES

__all__ = ["document", "results"]

_DOCS = Path(__file__).parents[2] / "docs"
_BEGIN, _END = '<!-- results: make load ARGS="PROFILE --document" -->', "<!-- end of results -->"


def document(name: str, folder: Path) -> None:
    """Put a run's results into the documentation."""
    (_DOCS / "load").mkdir(exist_ok=True)
    shutil.copy(folder / f"{name}.json", _DOCS / "load" / f"{name}.json")
    shutil.copy(folder / f"{name}.svg", _DOCS / "images" / f"load-{name}.svg")
    page = _DOCS / "load.md"
    before, _, rest = page.read_text("utf-8").partition(_BEGIN)
    after = rest.partition(_END)[2]
    page.write_text(f"{before}{_BEGIN}\n\n{results()}\n{_END}{after}", "utf-8")


def results() -> str:
    """The section's text."""
    found = [
        json.loads(path.read_text("utf-8"))
        for name in PROFILES
        if (path := _DOCS / "load" / f"{name}.json").exists()
    ]
    head = [
        "| profile | seconds | requests | failed | processor a request | memory at most | growth | processes | load average, 15 min |"
    ]
    head.append("|---|---|---|---|---|---|---|---|---|")
    rows = [_row(figures) for figures in found]
    return "\n".join([*head, *rows, "", *(line for figures in found for line in _phases(figures))])


def _row(figures: Mapping[str, Any]) -> str:
    memory = figures["memory_mb"]
    growth = "–" if memory["growth"] is None else f"{memory['growth']:.1%}"
    return (
        f"| {figures['profile']} | {figures['seconds']:.0f} | {figures['requests']:,} | {figures['errors']} | {figures['cpu_ms_per_request']} ms"
        f" | {memory['peak']:.0f} MB | {growth} | {figures['workers']} | {figures['load_average_15_minutes']} |"
    )


def _phases(figures: Mapping[str, Any]) -> list[str]:
    name = figures["profile"]
    lines = [
        f"### {name}",
        "",
        f"| phase | offered /s | answered /s | {' | '.join(KINDS)} |",
        f"|---|---|---|{'---|' * len(KINDS)}",
    ]
    for phase, of in figures["phases"].items():
        times = [
            f"{kind['p50_ms']:.0f}, {kind['p95_ms']:.0f}" if (kind := of["kinds"].get(one)) else "–"
            for one in KINDS
        ]
        lines.append(
            f"| {phase} | {of['offered_per_second']} | {of['answered_per_second']} | {' | '.join(times)} |"
        )
    verdict = [f"- broken: {one}" for one in figures["breaches"]] or ["Every limit held."]
    return [*lines, "", *verdict, "", f"![{name}](images/load-{name}.svg)", ""]
