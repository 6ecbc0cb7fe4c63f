"""``python -m evals.redaction``: what is found in the held-out tickets, with and without the model, and what peers find.

``--development`` takes the texts that rules are made with; ``--file FILE`` labelled texts of one's own. Peers run in ``.peers``
(``make peers``) and are left out where that is not there.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from evals.redaction.texts import DEVELOPMENT, HELD_OUT, labelled_texts

from deskmind.evaluation.redaction import (
    LabelledText,
    coarse_spans,
    evaluate_redaction,
    load_labelled,
    only_types,
    score_redaction,
)
from deskmind.governance.redaction import NerDetector, Redactor

TYPES = ("person", "location", "phone", "email", "card", "iban", "ssn", "ip", "url", "id")
_HERE = Path(__file__).parent
_PYTHON = _HERE.parents[1] / ".peers" / "bin" / "python"


def main() -> None:
    """Print a Markdown table: F2 in all and by type, precision, recall, milliseconds of processor time for 500 characters."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--development", action="store_true")
    arguments.add_argument("--file", type=Path)
    given = arguments.parse_args()
    texts = (
        load_labelled(given.file)
        if given.file
        else labelled_texts(DEVELOPMENT if given.development else HELD_OUT)
    )
    texts = only_types(texts, TYPES)
    print(f"{len(texts)} texts, {sum(len(item.spans) for item in texts)} spans\n")
    print(f"| | F2 | precision | recall | {' | '.join(TYPES)} | ms for 500 characters |")
    print("|---" * (len(TYPES) + 5) + "|")
    for name, scores, milliseconds in _rows(texts):
        of_types = [scores["by_type"].get(kind, {}).get("f2", "–") for kind in TYPES]
        cells = [scores["f2"], scores["precision"], scores["recall"], *of_types]
        print(f"| {name} | {' | '.join(map(_cell, cells))} | {milliseconds:.2f} |")


def _rows(texts: Sequence[LabelledText]) -> Iterator[tuple[str, dict[str, Any], float]]:
    for name, redactor in (
        ("Deskmind", Redactor()),
        ("Deskmind with the model", Redactor().with_detector(NerDetector())),
    ):
        redactor.find("A first text.")
        started = time.process_time()
        scores = evaluate_redaction(redactor, texts)
        yield name, scores, _for_500(time.process_time() - started, texts)
    for name, peer in (
        ("Presidio, defaults", "presidio"),
        ("spaCy small and expressions", "spacy"),
        ("expressions", "forms"),
    ):
        if _PYTHON.exists():
            spans, seconds = _of_peer(peer, texts)
            yield (
                name,
                score_redaction(zip(texts, _known(texts, spans), strict=True)),
                _for_500(seconds, texts),
            )


def _of_peer(peer: str, texts: Sequence[LabelledText]) -> tuple[list[list[Any]], float]:
    # Presidio wants addresses to end as public ones do, and ``.example`` is none: one as long stands in
    lines = "\n".join(json.dumps(item.text.replace(".example", ".company")) for item in texts)
    done = subprocess.run(
        [_PYTHON, _HERE / "peers.py", peer], input=lines, capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()], json.loads(done.stderr.splitlines()[-1])[
        "seconds"
    ]


def _known(texts: Sequence[LabelledText], spans: Sequence[list[Any]]) -> Iterator[list[tuple[int, int, str]]]:
    """What it found of the types that the labels have: others are not held against it."""
    wanted = {kind for item in texts for _, _, kind in coarse_spans(item.spans)}
    for found in spans:
        yield [
            span
            for span in coarse_spans((start, end, kind) for start, end, kind in found)
            if span[2] in wanted
        ]


def _for_500(seconds: float, texts: Sequence[LabelledText]) -> float:
    return seconds * 1_000 / sum(len(item.text) for item in texts) * 500


def _cell(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
