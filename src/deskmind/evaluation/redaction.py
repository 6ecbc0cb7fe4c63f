"""How much personal data a redactor finds in labelled texts, and how much it invents."""

from __future__ import annotations

import json
import statistics
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from deskmind.errors import InvalidRequestError
from deskmind.governance.redaction import Redactor

__all__ = [
    "SCORER",
    "LabelledText",
    "coarse_spans",
    "evaluate_redaction",
    "load_labelled",
    "only_types",
    "score_redaction",
]

SCORER = (
    "spans that overlap and have the same coarse type count as found; F2 = 5PR / (4P + R); one sum over the types"
    " that the labels have"
)

_FOLDS = 5
_COARSE = {
    "PERSON": "person",
    "STREET_ADDRESS": "location",
    "GPE": "location",
    "LOCATION": "location",
    "ZIP_CODE": "location",
    "CREDIT_CARD": "card",
    "PHONE_NUMBER": "phone",
    "EMAIL_ADDRESS": "email",
    "DOMAIN_NAME": "url",
    "URL": "url",
    "IBAN_CODE": "iban",
    "US_SSN": "ssn",
    "IP_ADDRESS": "ip",
    "US_DRIVER_LICENSE": "id",
    "NATIONAL_ID": "id",
    "EMPLOYEE_ID": "id",
    "ASSET_NUMBER": "id",
    "USERNAME": "username",
    "HOST_NAME": "host",
    "MAC_ADDRESS": "mac",
    "SECRET": "secret",
    "PASSWORD": "password",
    "DATE_OF_BIRTH": "birth",
}

Span = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A text whose personal data is known.

    Attributes:
        text: the text.
        spans: start, end, type.
        template: texts made from one template share it; they stay in one fold.
    """

    text: str
    spans: tuple[Span, ...]
    template: str


def load_labelled(file: Path) -> list[LabelledText]:
    """Labelled texts: a JSON list, or JSON lines.

    Each has ``text`` (or ``full_text``) and ``spans`` of ``start``, ``end``, ``type`` (or ``start_position``, ``end_position``,
    ``entity_type``); ``template`` or ``template_id`` may be there.

    Raises:
        InvalidRequestError: the file cannot be read as that.
    """
    try:
        content = file.read_text(encoding="utf-8")
        items: list[Mapping[str, Any]] = (
            json.loads(content)
            if content.lstrip().startswith("[")
            else [json.loads(line) for line in content.splitlines() if line.strip()]
        )
        return [_labelled(number, item) for number, item in enumerate(items)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidRequestError(
            f"{file} holds no labelled texts.",
            why=f"{type(error).__name__}: {error}.",
            remedy='Give a JSON list or JSON lines of {"text": …, "spans": [{"start", "end", "type"}]}.',
        ) from error


def only_types(texts: Iterable[LabelledText], types: Iterable[str]) -> list[LabelledText]:
    """The texts with the labels of some coarse types only, so that others are neither asked for nor counted."""
    wanted = frozenset(types)
    return [
        LabelledText(
            item.text, tuple(span for span in item.spans if _COARSE.get(span[2]) in wanted), item.template
        )
        for item in texts
    ]


def evaluate_redaction(redactor: Redactor, texts: Sequence[LabelledText]) -> dict[str, Any]:
    """The scores of a redactor on labelled texts.

    Returns:
        ``f2``, ``precision``, ``recall``; ``by_type`` with the same for each coarse type; ``folds``: F2 on five parts that share
        no template; ``ms_per_500_chars``; ``scorer`` in words; ``texts``.
    """
    redactor.find("A first text, so that what is loaded once is not measured.")
    started = time.process_time()
    found = [_found(redactor, item.text) for item in texts]
    seconds = time.process_time() - started
    characters = sum(len(item.text) for item in texts)
    known = {kind for item in texts for _, _, kind in coarse_spans(item.spans)}
    pairs = [
        (item, [span for span in spans if span[2] in known]) for item, spans in zip(texts, found, strict=True)
    ]
    return {
        **score_redaction(pairs),
        "folds": _folds(pairs),
        "ms_per_500_chars": round(seconds * 1000 / max(characters, 1) * 500, 3),
        "texts": len(texts),
        "scorer": SCORER,
    }


def score_redaction(pairs: Iterable[tuple[LabelledText, Sequence[Span]]]) -> dict[str, Any]:
    """F2, precision and recall of found spans against labels."""
    hits, missed, invented = Counter[str](), Counter[str](), Counter[str]()
    for item, spans in pairs:
        labels = coarse_spans(item.spans)
        for label in labels:
            (hits if _covered(label, spans) else missed)[label[2]] += 1
        invented.update(span[2] for span in spans if not _covered(span, labels))
    types = sorted(set(hits) | set(missed) | set(invented))
    return {
        **_measures(hits.total(), missed.total(), invented.total()),
        "by_type": {kind: _measures(hits[kind], missed[kind], invented[kind]) for kind in types},
    }


def _labelled(number: int, item: Mapping[str, Any]) -> LabelledText:
    text = cast("str", item["text"] if "text" in item else item["full_text"])
    spans = tuple(
        (int(span["start"]), int(span["end"]), str(span["type"]))
        if "start" in span
        else (int(span["start_position"]), int(span["end_position"]), str(span["entity_type"]))
        for span in item["spans"]
    )
    template = item.get("template", item.get("template_id", number))
    return LabelledText(text, spans, str(template))


def _found(redactor: Redactor, text: str) -> list[Span]:
    return coarse_spans((found.start, found.end, str(found.type)) for found in redactor.find(text))


def coarse_spans(spans: Iterable[Span]) -> list[Span]:
    """Spans with coarse types; those of types that are not scored are left out."""
    return [(start, end, _COARSE[kind]) for start, end, kind in spans if kind in _COARSE]


def _covered(span: Span, others: Sequence[Span]) -> bool:
    start, end, kind = span
    return any(kind == other and start < until and begin < end for begin, until, other in others)


def _folds(pairs: Sequence[tuple[LabelledText, Sequence[Span]]]) -> dict[str, float]:
    """F2 on parts that share no template: how it varies with what the texts are like."""
    templates = {name: number for number, name in enumerate(sorted({item.template for item, _ in pairs}))}
    scores = [
        score_redaction([pair for pair in pairs if templates[pair[0].template] % _FOLDS == fold])["f2"]
        for fold in range(min(_FOLDS, len(templates)))
    ]
    return {"mean": round(statistics.mean(scores), 4), "least": min(scores)} if scores else {}


def _measures(hits: int, missed: int, invented: int) -> dict[str, Any]:
    return {
        "f2": round(5 * hits / max(5 * hits + 4 * missed + invented, 1), 4),
        "precision": round(hits / max(hits + invented, 1), 4),
        "recall": round(hits / max(hits + missed, 1), 4),
        "found": hits,
        "missed": missed,
        "invented": invented,
    }
