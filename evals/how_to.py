"""How-to answers without a model: do they tell the procedure's steps in order?

``python evals/how_to.py`` takes 160 task pages of the public ServiceNow documentation beside the checkout among 140 other pages,
asks ``How do I <title>?`` of each, and compares the answer with the steps under the page's heading *Procedure*.
"""

from __future__ import annotations

import asyncio
import io
import json
import random
import re
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from deskmind import Deskmind
from deskmind.knowledge.ingest import StagedFile
from deskmind.knowledge.models import Answer

_PAGES = Path(__file__).parents[2] / "shared" / "data" / "kb" / "servicenow-docs-itsm.tar.gz"
_ASKED, _OTHERS, _SEED = 160, 140, 7
_TITLE = re.compile(
    r"^# ((?:Activate|Add|Assign|Close|Configure|Copy|Create|Define|Delete|Edit|Enable|Generate|Import|Install|Manage|Map"
    r"|Move|Publish|Request|Resolve|Run|Schedule|Set|Submit|Update|Use|View)\b.+)$",
    re.MULTILINE,
)
_PROCEDURE = re.compile(r"^## Procedure\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_STEP = re.compile(r"^\d{1,2}\.  +(.+)$", re.MULTILINE)
_ALIKE = 30
"""Characters from which a quoted step is the page's step: the loader takes marks of Markdown away further on."""


@dataclass(frozen=True, slots=True)
class Page:
    """A task page: its name, its title, its steps."""

    name: str
    title: str
    steps: tuple[str, ...]

    @property
    def question(self) -> str:
        """How one asks for it."""
        return f"How do I {self.title[0].lower()}{self.title[1:]}?"


def pages(files: dict[str, bytes]) -> list[Page]:
    """The task pages with two steps or more."""
    found: list[Page] = []
    for name, content in files.items():
        text = content.decode("utf-8")
        title, procedure = _TITLE.search(text), _PROCEDURE.search(text)
        steps = _STEP.findall(procedure[1]) if procedure else []
        if title and len(steps) > 1 and "topic_type: task" in text:
            found.append(Page(name, title[1], tuple(map(_plain, steps))))
    return found


def told(answer: Answer, page: Page) -> list[int | None]:
    """For each part of the answer which step of the page it is; None for none."""
    return [
        next((place for place, step in enumerate(page.steps) if _same(_plain(quote.quote), step)), None)
        if quote.uri == page.name
        else None
        for quote in answer.citations
    ]


async def measure() -> dict[str, float]:
    """The shares over all questions."""
    files = _files()
    draw = random.Random(_SEED)
    asked = draw.sample(pages(files), _ASKED)
    names = {page.name for page in asked}
    others = draw.sample(sorted(set(files) - names), _OTHERS)
    staged = [StagedFile(name, name, Path(name).name, files[name]) for name in [*sorted(names), *others]]
    with tempfile.TemporaryDirectory() as home:
        async with Deskmind.open(home=home, answer={"threshold": 0.0}) as app:
            await app.tenants.create("how-to")
            desk = await app.desk(tenant="how-to")
            await desk.knowledge.add_files(staged)
            found = [told(await desk.ask(page.question), page) for page in asked]
    return {
        "a step of the page": _share([any(place is not None for place in places) for places in found]),
        "its first step": _share([0 in places for places in found]),
        "two steps in order": _share([_in_order(places) for places in found]),
        "parts that are its steps": _share([place is not None for places in found for place in places]),
    }


def _files() -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(_PAGES.read_bytes())) as archive:
        members = [item for item in archive.getmembers() if item.isfile() and item.name.endswith(".md")]
        return {item.name: archive.extractfile(item).read() for item in members}  # type: ignore[union-attr]


def _in_order(places: Sequence[int | None]) -> bool:
    return any(one is not None and other == one + 1 for one, other in pairwise(places))


def _same(quote: str, step: str) -> bool:
    return quote.startswith(step[:_ALIKE]) or step.startswith(quote[:_ALIKE])


def _plain(text: str) -> str:
    text = re.sub(r"^\d+\.\s+", "", text).replace("&gt;", ">").replace("\\", "").lower()
    return re.sub(r"\W+", " ", text).strip()


def _share(values: Sequence[bool]) -> float:
    return round(sum(values) / len(values), 3)


if __name__ == "__main__":
    if not _PAGES.is_file():
        sys.exit(f"The public pages are not at {_PAGES}.")
    print(json.dumps(asyncio.run(measure()), indent=1))
