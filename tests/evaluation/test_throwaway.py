"""Evaluations leave no tenant behind."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest

from deskmind.app import Deskmind
from deskmind.errors import InvalidRequestError
from deskmind.evaluation import evaluate_retrieval
from deskmind.evaluation.corpus import CorpusDocument
from deskmind.evaluation.throwaway import sweep_leftovers, throw_away_desk

_PRINTER = CorpusDocument("a", "a.md", b"# Printer\n\nPaper lies in room 14.\n")


async def _leftovers(app: Deskmind) -> list[str]:
    return [tenant.slug for tenant in await app.tenants.all() if tenant.slug.startswith("eval-")]


async def test_an_evaluation_erases_its_tenant(app: Deskmind, tmp_path: Path) -> None:
    corpus, questions = tmp_path / "corpus.json", tmp_path / "questions.jsonl"
    corpus.write_text(json.dumps([{"item": "a", "article": "# Printer\n\nPaper lies in room 14."}]))
    questions.write_text(json.dumps({"question": "Where is the paper?", "item": "a", "value": "room 14"}))
    scores = await evaluate_retrieval(app, corpus, questions)
    assert scores["top1"] == 1
    assert await _leftovers(app) == []


async def test_an_interrupted_one_too(app: Deskmind) -> None:
    asking = asyncio.Event()

    async def evaluation() -> None:
        async with throw_away_desk(app, [_PRINTER]):
            asking.set()
            await asyncio.Event().wait()

    running = asyncio.create_task(evaluation())
    await asking.wait()
    assert len(await _leftovers(app)) == 1
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await _leftovers(app) == []


async def test_one_whose_corpus_cannot_be_read_too(app: Deskmind) -> None:
    with pytest.raises(InvalidRequestError, match="cannot be read"):
        async with throw_away_desk(app, [CorpusDocument("b", "b.pdf", b"no pdf")]):
            pass
    assert await _leftovers(app) == []


async def test_what_a_killed_one_left_is_swept_and_nothing_else(app: Deskmind) -> None:
    for slug, name in (
        ("eval-0123456789ab", "throw-away evaluation"),  # left by a killed one
        ("eval-team", "throw-away evaluation"),
        ("eval-abcdefabcdef", "Evaluations Ltd"),
    ):
        await app.tenants.create(slug, name=name)
    assert await sweep_leftovers(app) == []  # it may be running
    assert await sweep_leftovers(app, older_than=timedelta()) == ["eval-0123456789ab"]
    assert await _leftovers(app) == ["eval-abcdefabcdef", "eval-team"]
    for slug in await _leftovers(app):
        await app.tenants.delete(slug)
