"""What it takes to erase a person over many documents: words looked for, documents made anew, mentions in other tables.

``seconds`` are by the clock, the database's work included; ``process_us_each`` is this process's processor time a document.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from deskmind import Deskmind
from deskmind.desk import Desk
from deskmind.knowledge.ingest import StagedFile

_TEXT = (
    "# Note {number}\n\n## Symptoms\n\nThe printer on floor {floor} reports error {number} when its tray is opened by {who}.\n\n"
    "## Resolution\n\nRestart the spooler, wait for two minutes and print the test page. Tell the service desk if it persists.\n"
)
_SHARE = 100
"""One of so many documents mentions the person."""


async def run(*, quick: bool) -> list[dict[str, Any]]:
    """The rows."""
    documents = 400 if quick else 10_000
    with tempfile.TemporaryDirectory() as home:
        async with Deskmind.open(home=home, knowledge={"embedder": "hashing"}) as app:
            await app.tenants.create("bench")
            desk = await app.desk(tenant="bench")
            await desk.principals.add_user("zilpha.quorn", display_name="Zilpha de Quornbeck")
            await desk.knowledge.add_files(_files(documents, every=_SHARE))
            mentions = len(range(0, documents, _SHARE))
            rows = [
                await _measured(f"dry run over {documents} documents", documents, lambda: _plan(desk)),
                await _measured(
                    f"erased from {documents} documents, {mentions} of them with a mention",
                    documents,
                    lambda: _erase(desk, mentions),
                ),
            ]
            erased = await app.erased(desk.scope)
            text = _TEXT.format(number=1, floor=2, who="somebody") * 10

            async def looked_through() -> None:
                for _ in range(200):
                    assert erased.masked(text) is text

            rows.append(
                await _measured(f"{len(text)} characters compared with the marks", 200, looked_through)
            )
            return rows


def _files(count: int, *, every: int) -> Sequence[StagedFile]:
    people = ("Zilpha de Quornbeck", "a colleague")
    return [
        StagedFile(
            f"note-{number}.md",
            f"note-{number}.md",
            f"note-{number}.md",
            _TEXT.format(number=number, floor=number % 9, who=people[number % every != 0]).encode(),
        )
        for number in range(count)
    ]


async def _plan(desk: Desk) -> None:
    await desk.privacy.plan("zilpha.quorn")


async def _erase(desk: Desk, mentions: int) -> None:
    erasure = await desk.privacy.erase("zilpha.quorn")
    assert erasure.counts["knowledge"]["masked"] == mentions


async def _measured(case: str, units: int, act: Callable[[], Awaitable[object]]) -> dict[str, Any]:
    wall, process = time.perf_counter(), time.process_time()
    await act()
    process, wall = time.process_time() - process, time.perf_counter() - wall
    return {
        "case": case,
        "seconds": round(wall, 2),
        "process_us_each": round(process / units * 1e6, 1),
    }
