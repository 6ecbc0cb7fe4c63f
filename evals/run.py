"""Quality on the public question sets beside the checkout: ``python evals/run.py`` prints a Markdown table."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from deskmind import Deskmind
from deskmind.evaluation import evaluate_retrieval

_KB = Path(__file__).parents[2] / "shared" / "data" / "kb"
_MEASURES = ("top1", "recall_at_5", "recall_at_10", "mrr", "ndcg_at_10", "answer_contains", "answered")


async def measure(embedder: str, details: Path | None) -> dict[str, Any]:
    """The scores of the WorkArena development questions."""
    with tempfile.TemporaryDirectory() as home:
        async with Deskmind.open(home=home, knowledge={"embedder": embedder}) as app:
            corpus, questions = _KB / "workarena-articles.json", _KB / "workarena-questions-dev.jsonl"
            return await evaluate_retrieval(app, corpus, questions, details=details)


def table(results: dict[str, dict[str, Any]]) -> str:
    """A row a measure, a column an embedder, with 95 % intervals clustered by article."""
    lines = [f"| measure | {' | '.join(results)} |", "|---" * (len(results) + 1) + "|"]
    for name in _MEASURES:
        cells = [
            f"{scores[name]:.3f} ({scores['interval_95'][name][0]:.3f}–{scores['interval_95'][name][1]:.3f})"
            for scores in results.values()
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--details", type=Path, help="one JSON line a question (local embedder)")
    given = parser.parse_args()
    if not _KB.is_dir():
        sys.exit(f"The public question sets are not at {_KB}.")
    results = {
        "local": asyncio.run(measure("local", given.details)),
        "words only": asyncio.run(measure("none", None)),
    }
    print(json.dumps(results, indent=1) if given.json else table(results))


if __name__ == "__main__":
    main()
