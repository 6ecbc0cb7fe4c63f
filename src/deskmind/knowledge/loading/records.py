"""CSV and JSON lines: each record is a document."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any, cast

from deskmind.errors import DocumentTooLargeError, UnreadableDocumentError
from deskmind.knowledge.loading.limits import LoadLimits
from deskmind.knowledge.loading.text import DocumentBuilder, decode, tidy
from deskmind.knowledge.models import LoadedDocument

__all__ = ["load_csv", "load_jsonl"]

_TITLES = ("title", "subject", "short_description", "summary", "name", "question")
_TEXTS = (
    "text",
    "description",
    "body",
    "content",
    "answer",
    "article",
    "details",
    "resolution",
    "close_notes",
)
_SHORT = 200

csv.field_size_limit(min(sys.maxsize, 2**31 - 1))


def load_csv(data: bytes, name: str, limits: LoadLimits) -> list[LoadedDocument]:
    """One document a row; the first row names the fields.

    Raises:
        UnreadableDocumentError: it is not CSV with a header, or no row holds text.
        DocumentTooLargeError: it has too many rows.
    """
    text = tidy(decode(name, data))
    try:
        dialect: Any = csv.Sniffer().sniff(text[:8192], delimiters=",;\t|")
    except csv.Error:
        dialect = csv.excel
    try:
        rows: list[dict[str, Any]] = list(
            _bounded(csv.DictReader(io.StringIO(text), dialect=dialect), name, limits)
        )
    except csv.Error as error:
        raise UnreadableDocumentError(
            f"{name} is not readable CSV.", why=f"{error}.", remedy="Save it anew as comma-separated UTF-8."
        ) from error
    return _documents(rows, name, "text/csv", limits)


def load_jsonl(data: bytes, name: str, limits: LoadLimits) -> list[LoadedDocument]:
    """One document a line.

    Raises:
        UnreadableDocumentError: a line is not a JSON object; says which.
        DocumentTooLargeError: it has too many lines.
    """
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(decode(name, data).splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            raise UnreadableDocumentError(
                f"{name}, line {number}, is not a JSON object.", remedy="Put one JSON object on each line."
            )
        rows.append(cast("dict[str, Any]", row))
    return _documents(list(_bounded(rows, name, limits)), name, "application/jsonl", limits)


def _bounded(rows: Iterable[dict[str, Any]], name: str, limits: LoadLimits) -> Iterable[dict[str, Any]]:
    for number, row in enumerate(rows, 1):
        if number > limits.max_records:
            raise DocumentTooLargeError(
                f"{name} has more than {limits.max_records:,} records.", remedy="Split the file."
            )
        yield row


def _documents(
    rows: list[dict[str, Any]], name: str, media_type: str, limits: LoadLimits
) -> list[LoadedDocument]:
    found: list[LoadedDocument] = []
    for row in rows:
        fields = {str(key).strip(): _value(value) for key, value in row.items()}
        fields = {key: value for key, value in fields.items() if value.strip()}
        if fields:
            found.append(_document(fields, name, media_type, limits))
    if not found:
        raise UnreadableDocumentError(
            f"{name} holds no records with text.", remedy="Check that the first row names the fields."
        )
    return found


def _document(fields: Mapping[str, str], name: str, media_type: str, limits: LoadLimits) -> LoadedDocument:
    by_name = {key.lower(): key for key in fields}
    title = next((fields[by_name[key]] for key in _TITLES if key in by_name), None)
    texts = [by_name[key] for key in _TEXTS if key in by_name]
    builder = DocumentBuilder(name, media_type, limits)
    for key in texts:
        builder.block("paragraph", fields[key])
    rest = {key: value for key, value in fields.items() if key not in texts and value != title}
    if not texts:
        builder.block("paragraph", "\n".join(f"{key}: {value}" for key, value in (rest or fields).items()))
    return builder.build(title, {key: value for key, value in rest.items() if len(value) <= _SHORT})


def _value(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
