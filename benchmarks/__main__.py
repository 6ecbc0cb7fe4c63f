"""Run benchmarks by name, or all: ``python -m benchmarks [NAME …] [--quick]``; ``--help`` lists the names."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import (
    access,
    agents,
    api,
    asking,
    audit,
    cache,
    calling,
    delivering,
    gateway,
    ingesting,
    privacy,
    redacting,
    remembering,
    searching,
    starting,
    stories,
    telemetry,
    tools,
    transactions,
    triaging,
)

_RESULTS = Path(__file__).parent / "results"
_ALL = {
    "start": starting.run,
    "search": searching.run,
    "ask": asking.run,
    "ingest": ingesting.run,
    "cache": cache.run,
    "gateway": gateway.run,
    "api": api.run,
    "telemetry": telemetry.run,
    "transactions": transactions.run,
    "stories": stories.run,
    "mcp": tools.run,
    "redaction": redacting.run,
    "audit": audit.run,
    "access": access.run,
    "privacy": privacy.run,
    "triage": triaging.run,
    "agents": agents.run,
    "memory": remembering.run,
    "client": calling.run,
    "webhooks": delivering.run,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(_ALL)}; all when left out")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that everything runs")
    given = parser.parse_args()
    unknown = set(given.names) - set(_ALL)
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    results: dict[str, Any] = {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "quick": given.quick,
    }
    for name in given.names or _ALL:
        print(f"{name} …", file=sys.stderr)
        started = time.perf_counter()
        results[name] = asyncio.run(_ALL[name](quick=given.quick))
        print(f"{name}: {time.perf_counter() - started:.0f} s", file=sys.stderr)
    _RESULTS.mkdir(exist_ok=True)
    (_RESULTS / "latest.json").write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    table = _table(results)
    (_RESULTS / "latest.md").write_text(table, "utf-8")
    print(table)


def _table(results: dict[str, Any]) -> str:
    lines = [
        f"Measured on {results['machine']}.",
        "",
        "| benchmark | case | measure | value |",
        "|---|---|---|---|",
    ]
    for name, rows in results.items():
        if isinstance(rows, list):
            lines.extend(
                f"| {name} | {row['case']} | {measure} | {value} |"
                for row in rows
                for measure, value in row.items()
                if measure != "case"
            )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
