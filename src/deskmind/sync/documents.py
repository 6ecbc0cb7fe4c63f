"""What of a record is knowledge: a document for who sees the ticket, one for who sees its internal comments, one an article."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from deskmind.connectors.access import Access
from deskmind.connectors.model import Article, Kind, Ticket
from deskmind.sync.records import Kept

__all__ = ["KNOWLEDGE", "SyncedDocument", "document_ids", "documents_of"]

KNOWLEDGE = frozenset({Kind.TICKET, Kind.ARTICLE})
"""The kinds whose records are knowledge."""


@dataclass(frozen=True, slots=True)
class SyncedDocument:
    """A text, its name in the source, and who may see it."""

    external_id: str
    title: str
    text: str
    access: Access
    facts: dict[str, str]


def document_ids(kind: Kind | str, record_id: str) -> list[str]:
    """The names of all documents that a record may have."""
    return [f"{kind}/{record_id}", f"{kind}/{record_id}/internal"]


def documents_of(kept: Kept) -> list[SyncedDocument]:
    """The documents of a record; none where it is deleted or not published."""
    source, record = kept.source, kept.record
    public, internal = document_ids(kept.kind, kept.id)
    title = f"{kept.key}: {record.get('title') or '(no title)'}"
    match source:
        case Ticket():
            found = [SyncedDocument(public, title, _ticket(title, record), source.access, _facts(kept))]
            if said := list(_comments(record, internal=True)):
                text = f"{_head(title)}\n\n## Internal comments\n\n" + "\n\n".join(said)
                both = source.access.both(source.internal_access)
                found.append(SyncedDocument(internal, title, text, both, _facts(kept)))
            return found
        case Article() if source.state == "published" and source.text.strip():
            text = f"{_head(title)}\n\n{record['text']}\n"
            return [SyncedDocument(public, title, text, source.access, _facts(kept))]
        case _:
            return []


def _ticket(title: str, record: dict[str, Any]) -> str:
    parts = [str(record["description"])]
    if record["resolution_notes"] or record["resolution_code"]:
        notes = [record["resolution_code"], record["resolution_notes"]]
        parts += ["## Resolution", "\n\n".join(str(one) for one in notes if one)]
    if said := list(_comments(record, internal=False)):
        parts += ["## Comments", *said]
    told = [part for part in parts if part] or [title]  # a heading alone is no text
    return "\n\n".join([_head(title, _state(record)), *told]) + "\n"


def _head(title: str, state: Mapping[str, str] = MappingProxyType({})) -> str:
    """What is filtered by, and the title; a change of it is a change of the document."""
    facts = [
        f"{name}: {json.dumps(value, ensure_ascii=False)}"
        for name, value in {"title": title, **state}.items()
    ]
    return "\n".join(["---", *facts, "---", "", f"# {title}"])


def _comments(record: dict[str, Any], *, internal: bool) -> Iterator[str]:
    for one in record["comments"]:
        if one["internal"] is internal and one["text"]:
            author = _name(one["author"])
            when = str(one["created_at"] or "")[:10]
            said = ", ".join(part for part in (author, when) if part)
            yield f"{said}:\n\n{one['text']}" if said else str(one["text"])


def _state(record: dict[str, Any]) -> dict[str, str]:
    named: dict[str, Any] = {
        "type": record["type"],
        "status": record["status"],
        "priority": record["priority"],
        "category": " / ".join(record["category"]),
        "service": _name(record["service"]),
        "assignment_group": _name(record["assignment_group"]),
        "configuration_items": ", ".join(filter(None, map(_name, record["configuration_items"]))),
    }
    return {label: str(value) for label, value in named.items() if value}


def _name(reference: dict[str, Any] | None) -> str:
    return str(reference["name"]) if reference else ""


def _facts(kept: Kept) -> dict[str, str]:
    return {"kind": str(kept.kind), "key": kept.key}
