"""How often a remembered answer serves another wording, and how often it serves the wrong question.

The questions come in random order; each is looked up, and remembered when nothing is found. Who is asked twice in other
words is a hit; a hit on another item's answer is false. Near misses are made by rule from every question (another
number, version or product, a negation) and looked up against the original: none may hit.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from deskmind import Deskmind
from deskmind.cache import Cache, JsonCodec
from deskmind.evaluation.corpus import read_corpus, read_questions
from deskmind.evaluation.throwaway import throw_away_desk
from deskmind.knowledge.answering.remembered import AnswerMemory, RememberedAnswer
from deskmind.knowledge.models import Answer, Citation, Passage

DATA = Path(__file__).parents[2] / "shared" / "data" / "kb"


async def evaluate(corpus: Path, questions: Path, *, orders: int) -> dict[str, Any]:
    """Hit rate, share of false hits, near misses that hit; over some random orders."""
    asked = read_questions(questions)
    with tempfile.TemporaryDirectory() as home:
        os.chmod(home, 0o755)  # noqa: PTH101
        async with Deskmind.open(home=home) as app, throw_away_desk(app, read_corpus(corpus)) as desk:
            embedder = (await app.engine()).embedder
            assert embedder is not None

            async def look(text: str) -> tuple[Any, list[Passage]]:
                return await embedder.embed_query(text), await desk.knowledge.search(text, limit=12)

            found = {item.question: await look(item.question) for item in asked}
            near = [(item.question, text) for item in asked for text in near_misses(item.question)]
            nearly = {text: await look(text) for _, text in near}
    hits = false = 0
    for seed in range(orders):
        order = list(asked)
        random.Random(seed).shuffle(order)
        async with Cache() as cache:
            memory = _memory(cache)
            for item in order:
                vector, passages = found[item.question]
                hit = await memory.find(item.question, vector, passages, _all_visible)
                if hit is None:
                    await memory.keep(
                        _answer(item.question, item.key, passages), vector, passages, passages, 0.0
                    )
                    continue
                hits += 1
                false += hit.text != item.key
    missed = 0
    for original, text in near:
        async with Cache() as cache:
            memory = _memory(cache)
            vector, passages = found[original]
            await memory.keep(_answer(original, "x", passages), vector, passages, passages, 0.0)
            near_vector, near_passages = nearly[text]
            missed += await memory.find(text, near_vector, near_passages, _all_visible) is not None
    return {
        "questions": len(asked),
        "orders": orders,
        "hit_rate": round(hits / (len(asked) * orders), 4),
        "false_hits": round(false / max(hits, 1), 4),
        "near_misses": len(near),
        "near_misses_hit": missed,
    }


def near_misses(question: str) -> list[str]:
    """The question about another version, product or number, and its negation."""
    made = [
        question.replace("?", " in version 2?", 1),
        question.replace("?", " for Windows 11?", 1),
        re.sub(r"\b(is|does|do|can|are|was|has)\b", r"\1 not", question, count=1),
        re.sub(
            r"\b(company|department|office|employees?|software|team|CEO)\b", "Thunderbird", question, count=1
        ),
        re.sub(r"\d+", lambda found: str(int(found.group()) + 1), question, count=1),
    ]
    return [text for text in dict.fromkeys(made) if text != question]


async def _all_visible(chunks: Sequence[str]) -> bool:
    return True


def _memory(cache: Cache) -> AnswerMemory:
    scoped = cache.scoped(uuid4(), "answers", codec=JsonCodec(list[RememberedAnswer]), ttl=3600)
    return AnswerMemory(scoped, model="m", instructions="i")


def _answer(question: str, key: str, passages: Sequence[Passage]) -> Answer:
    best = passages[0]
    citation = Citation(1, best.document_id, best.title, best.uri, "", 0, 1, "")
    return Answer(question, True, key, (), (citation,), 1.0, "generated")


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, default=DATA / "workarena-articles.json")
    parser.add_argument("--questions", type=Path, default=DATA / "workarena-questions-dev.jsonl")
    parser.add_argument("--orders", type=int, default=5)
    given = parser.parse_args()
    print(json.dumps(asyncio.run(evaluate(given.corpus, given.questions, orders=given.orders)), indent=2))


if __name__ == "__main__":
    main()
