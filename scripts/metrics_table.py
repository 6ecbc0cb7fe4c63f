"""Write the catalogue of metrics into docs/observability.md, between its two marks."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from deskmind.observability.instruments import CATALOGUE, Instrument, Label
from deskmind.observability.metering.exposition import exposed_name

PAGE = Path(__file__).parents[1] / "docs" / "observability.md"
BEGIN, END = "<!-- metrics: written by scripts/metrics_table.py -->\n", "<!-- /metrics -->\n"
_TYPES = {"up_down_counter": "gauge"}
_SAMPLES = {"counter": "_total"}


def table() -> str:
    """The catalogue, and what bounds the labels."""
    lines = [
        "| metric | for Prometheus | type | over processes | what it says | labels |",
        "|---|---|---|---|---|---|",
    ]
    lines += [_row(item) for item in CATALOGUE]
    lines += ["", "| label | values | what bounds them | on |", "|---|---|---|---|"]
    lines += sorted(_label_rows())
    return "\n".join(lines) + "\n"


def written(page: str) -> str:
    """The page with the table of now."""
    head, _, rest = page.partition(BEGIN)
    return head + BEGIN + table() + END + rest.partition(END)[2]


def _row(item: Instrument) -> str:
    name = exposed_name(item.name, item.unit, item.kind) + _SAMPLES.get(item.kind, "")
    labels = ", ".join(f"`{label.name}`" for label in item.labels)
    across = "greatest" if item.across == "max" else "sum"
    kind = _TYPES.get(item.kind, item.kind)
    return f"| `{item.name}` | `{name}` | {kind} | {across} | {item.description} | {labels} |"


def _label_rows() -> Iterator[str]:
    on: dict[Label, list[str]] = {}
    for item in CATALOGUE:
        for label in item.labels:
            on.setdefault(label, []).append(f"`{item.name}`")
    for label, metrics in on.items():
        values = ", ".join(f"`{value}`" for value in label.values)
        yield f"| `{label.name}` | {values} | {label.bound} | {', '.join(metrics)} |"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write(f"{len(CATALOGUE)} metrics\n")
