"""What is kept of a person, for them: JSON for machines, Markdown or HTML to read."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

__all__ = ["Export"]

_STYLE = "body{font:15px/1.5 sans-serif;margin:2em auto;max-width:60em}table{border-collapse:collapse}td,th{border:1px solid #bbb;padding:.2em .5em;text-align:left;vertical-align:top}"


@dataclass(frozen=True, slots=True)
class Export:
    """What is kept of one person.

    Attributes:
        subject: as asked for.
        stores: rows by store; each row by field.
        made_at: when it was read.
    """

    subject: str
    stores: Mapping[str, Sequence[Mapping[str, Any]]]
    made_at: datetime

    @classmethod
    def now(cls, subject: str, stores: Mapping[str, Sequence[Mapping[str, Any]]]) -> Export:
        """An export read now."""
        return cls(subject, stores, datetime.now(UTC))

    def as_dict(self) -> dict[str, Any]:
        """For JSON, values as text where JSON has no type for them."""
        document = {
            "format": "deskmind.privacy.export/1",
            "subject": self.subject,
            "made_at": self.made_at.isoformat(),
            "stores": {store: list(rows) for store, rows in self.stores.items()},
        }
        return json.loads(json.dumps(document, default=str))

    def as_json(self) -> str:
        """The document."""
        return json.dumps(self.as_dict(), ensure_ascii=False, indent=2)

    def as_markdown(self) -> str:
        """Headings and lists."""
        lines = [f"# What is kept of {self.subject}", "", f"Read {self.made_at:%Y-%m-%d %H:%M} UTC.", ""]
        for store, rows in self.stores.items():
            lines += [f"## {store}", ""]
            lines += [f"- {_sentence(row)}" for row in rows] or ["Nothing."]
            lines.append("")
        return "\n".join(lines)

    def as_html(self) -> str:
        """One page without scripts."""
        title = html.escape(f"What is kept of {self.subject}")
        parts = [
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>',
            f"<h1>{title}</h1><p>Read {self.made_at:%Y-%m-%d %H:%M} UTC.</p>",
        ]
        for store, rows in self.stores.items():
            parts.append(f"<h2>{html.escape(store)}</h2>")
            parts += [_table(row) for row in rows] or ["<p>Nothing.</p>"]
        return "".join([*parts, "</html>"])


def _sentence(row: Mapping[str, Any]) -> str:
    told = (
        f"{name}: {' '.join(str(value).split())}"
        for name, value in row.items()
        if value not in (None, "", [])
    )
    return "; ".join(told)


def _table(row: Mapping[str, Any]) -> str:
    cells = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(str(value))}</td></tr>"
        for name, value in row.items()
        if value not in (None, "", [])
    )
    return f"<table>{cells}</table><br>"
