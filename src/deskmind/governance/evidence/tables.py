"""Rows as parts: JSON for programs, CSV for people who examine."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any, cast

from deskmind.governance.audit import AuditEvent
from deskmind.governance.evidence.bundle import Part, json_bytes

__all__ = ["event_row", "json_part", "sheet"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def json_part(file: str, value: Any, shows: str, source: str) -> Part:
    """A value as a part."""
    return Part(file, json_bytes(value), shows, source)


def sheet(file: str, rows: Sequence[Mapping[str, Any]], shows: str, source: str) -> list[Part]:
    """Rows as ``FILE.json`` and ``FILE.csv``; cells that a spreadsheet would calculate are made text."""
    return [
        json_part(f"{file}.json", list(rows), shows, source),
        Part(f"{file}.csv", _csv(rows), f"{shows} The same as a sheet.", source),
    ]


def event_row(event: AuditEvent) -> dict[str, Any]:
    """An audit event as a row."""
    return {
        "event_id": str(event.event_id),
        "occurred_at": event.occurred_at.isoformat(),
        "principal": event.principal,
        "action": event.action,
        "resource": event.resource,
        "outcome": event.outcome,
        "decision": event.decision,
        "address": event.address,
        "correlation_id": event.correlation_id,
        "details": event.details,
    }


def _csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = list(rows[0]) if rows else []
    writer.writerow(columns)
    writer.writerows([_cell(row[column]) for column in columns] for row in rows)
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    if isinstance(value, Mapping):
        found = cast("Mapping[str, Any]", value)
        return _cell("; ".join(f"{name}={item}" for name, item in sorted(found.items())))
    if isinstance(value, (list, tuple)):
        return _cell(", ".join(map(str, cast("list[Any]", value))))
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
