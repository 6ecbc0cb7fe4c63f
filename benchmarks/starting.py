"""Import time, help, cold and warm start, memory of an idle server."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from deskmind import Deskmind

_PYTHON = sys.executable


def _seconds(command: list[str], rounds: int) -> float:
    """The median of some runs of a command."""
    found: list[float] = []
    for _ in range(rounds):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        found.append(time.perf_counter() - started)
    return statistics.median(found)


async def run(*, quick: bool) -> list[dict[str, Any]]:
    """The rows."""
    rounds = 3 if quick else 7
    bare = _seconds([_PYTHON, "-c", "pass"], rounds)
    rows: list[dict[str, Any]] = [
        {
            "case": "import deskmind",
            "seconds": round(_seconds([_PYTHON, "-c", "import deskmind"], rounds) - bare, 4),
        },
        {
            "case": "deskmind --help",
            "seconds": round(_seconds([_PYTHON, "-m", "deskmind.cli", "--help"], rounds), 3),
        },
    ]
    with tempfile.TemporaryDirectory() as home:
        for case in ("cold start", "warm start"):
            started = time.perf_counter()
            async with Deskmind.open(home=home, knowledge={"embedder": "none"}):
                rows.append({"case": case, "seconds": round(time.perf_counter() - started, 3)})
        async with Deskmind.open(home=home) as app:
            await app.engine()
            rows.append({"case": "idle application with the model", "resident_mb": _resident(os.getpid())})
    return rows


def _resident(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text("utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return round(int(line.split()[1]) / 1024, 1)
    return 0.0
