"""Reading corpora and question files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from deskmind.errors import InvalidRequestError
from deskmind.knowledge.loading import LoadLimits, walk

__all__ = ["CorpusDocument", "EvaluationQuestion", "read_corpus", "read_questions"]


@dataclass(frozen=True, slots=True)
class CorpusDocument:
    """A document to take in, known to the questions by ``key``."""

    key: str
    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class EvaluationQuestion:
    """A question, the document that answers it, and texts one of which the answer should contain."""

    question: str
    key: str
    values: tuple[str, ...]


def read_corpus(path: Path) -> list[CorpusDocument]:
    """A folder of files (keys are paths relative to it), or a JSON list of ``{item, article}``.

    Raises:
        InvalidRequestError: it is neither.
    """
    if path.is_dir():
        return [
            CorpusDocument(str(found.path.relative_to(path)), found.path.name, found.path.read_bytes())
            for found in walk([path], limits=LoadLimits())
        ]
    items = cast("list[dict[str, Any]]", _json(path))
    if not _is_list_of_articles(items):
        raise _wrong(path, "a JSON list of objects with 'item' and 'article', or a folder of files")
    return [
        CorpusDocument(
            str(item["item"]), f"{item['item']}{_suffix(str(item['article']))}", str(item["article"]).encode()
        )
        for item in items
    ]


def read_questions(path: Path) -> list[EvaluationQuestion]:
    """JSON lines with ``question`` and ``item`` or ``document``; ``value`` and ``alternative_answers`` if known.

    Raises:
        InvalidRequestError: a line is not such an object.
    """
    questions: list[EvaluationQuestion] = []
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise _wrong(path, f"a readable file ({error.strerror})") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            item: dict[str, Any] = json.loads(line)
            key = str(item["item"] if "item" in item else item["document"])
            values = tuple(
                str(value) for value in (item.get("value"), *item.get("alternative_answers", ())) if value
            )
            questions.append(EvaluationQuestion(str(item["question"]), key, values))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise _wrong(
                path, f"JSON lines with 'question' and 'item' or 'document' (line {number})"
            ) from None
    if not questions:
        raise _wrong(path, "a file with at least one question")
    return questions


def _is_list_of_articles(items: object) -> bool:
    return isinstance(items, list) and all(
        isinstance(item, dict) and {"item", "article"} <= item.keys() for item in cast("list[object]", items)
    )


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise _wrong(path, f"readable JSON ({error})") from error


def _suffix(text: str) -> str:
    return ".html" if text.lstrip().startswith("<") else ".md"


def _wrong(path: Path, expected: str) -> InvalidRequestError:
    return InvalidRequestError(f"{path} is not {expected}.", remedy="See docs/evaluation.md for the formats.")
