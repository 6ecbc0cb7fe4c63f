"""Asking and searching the demonstration's knowledge."""

from __future__ import annotations

import statistics
import tempfile
import time
from typing import Any

from deskmind import Deskmind
from deskmind.demo import load_company, prepare
from deskmind.evaluation.measures import percentile

_QUESTIONS = (
    "How do I reset my password?",
    "The VPN drops after my laptop was asleep",
    "Who approves an emergency change?",
    "How long are backups kept?",
    "What is the salary range for grade 4?",
)


async def run(*, quick: bool) -> list[dict[str, Any]]:
    """The rows."""
    rounds = 5 if quick else 40
    with tempfile.TemporaryDirectory() as home:
        async with Deskmind.open(home=home) as app:
            company = load_company()
            await prepare(app, company)
            desk = await app.desk(tenant=company.tenant, user=company.askers[0])
            rows: list[dict[str, Any]] = []
            for case, act in (("search", desk.knowledge.search), ("ask", desk.ask)):
                milliseconds: list[float] = []
                for _ in range(rounds):
                    for question in _QUESTIONS:
                        started = time.perf_counter()
                        await act(question)
                        milliseconds.append((time.perf_counter() - started) * 1000)
                rows.append(
                    {
                        "case": f"{case}, 78 documents",
                        "p50_ms": round(statistics.median(milliseconds), 1),
                        "p95_ms": round(percentile(milliseconds, 95), 1),
                    }
                )
    return rows
