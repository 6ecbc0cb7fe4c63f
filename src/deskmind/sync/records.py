"""Records as they are kept: JSON without what cannot be stored, without those who were erased, and a digest of it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from deskmind.connectors.access import Access, Grantee
from deskmind.connectors.model import Kind, Person
from deskmind.connectors.protocol import AnyRecord
from deskmind.governance.privacy import Mentions

__all__ = ["Kept", "kept", "masked_json", "names_of"]

_APART = frozenset({"raw", "vendor", "id"})


@dataclass(frozen=True, slots=True)
class Kept:
    """A record ready to be stored.

    Attributes:
        id: the vendor's.
        key: what people call it, else the id.
        record: the model's fields; ids, then texts that mention nobody who was erased.
        raw: the vendor's own.
        digest: SHA-256 of ``record``: another one means that something was changed.
        source: as it was read; its texts may mention those who were erased.
    """

    kind: Kind
    id: str
    key: str
    url: str
    version: str
    changed_at: datetime | None
    record: dict[str, Any]
    raw: Any
    digest: bytes
    source: AnyRecord


def kept(kind: Kind, record: AnyRecord, erased: Mentions | None) -> Kept:
    """A record in the form that is stored."""
    plain: dict[str, Any] = _plain(record)
    raw: Any = _plain(record.raw)
    if erased:
        plain, raw = masked_json(plain, erased), masked_json(raw, erased)
    text = json.dumps(plain, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    key = str(plain.get("key") or record.id)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return Kept(
        kind,
        _storable(record.id),
        key,
        str(plain.get("url", "")),
        _storable(record.version),
        record.updated_at,
        plain,
        raw,
        digest,
        record,
    )


def names_of(person: Person) -> list[str]:
    """What a person is known by."""
    return [
        value for value in (person.id, person.login, person.name, *person.emails, *person.phones) if value
    ]


def masked_json(value: Any, erased: Mentions) -> Any:
    """JSON whose texts mention none of them; the vendor's ids stay, which lead to nobody once the person is removed."""
    match value:
        case str():
            return erased.masked(value)
        case list():
            return [masked_json(one, erased) for one in cast("list[Any]", value)]
        case dict():
            given = cast("dict[str, Any]", value)
            return {name: one if name == "id" else masked_json(one, erased) for name, one in given.items()}
        case _:
            return value


def _plain(value: Any) -> Any:
    match value:
        case str():
            return _storable(str(value))
        case None | bool() | int() | float():
            return value
        case datetime():
            return value.isoformat()
        case Grantee():
            return str(value)
        case Access():
            sets = [sorted(map(str, one)) for one in value.any_of]
            return {"any_of": sets, "deny": sorted(map(str, value.deny)), "unread": list(value.unread)}
        case Mapping():
            given = cast("Mapping[Any, Any]", value)
            return {_storable(str(name)): _plain(one) for name, one in given.items()}
        case list() | tuple():
            return [_plain(one) for one in cast("list[Any]", value)]
        case _ if dataclasses.is_dataclass(value):
            fields = (field.name for field in dataclasses.fields(value))
            apart = _APART if hasattr(value, "vendor") else {"raw"}
            return {name: _plain(getattr(value, name)) for name in fields if name not in apart}
        case _:
            return _storable(str(value))


def _storable(text: str) -> str:
    """PostgreSQL keeps neither NUL nor halves of characters."""
    return (
        text.replace("\0", "").encode("utf-8", "replace").decode()
        if not text.isascii()
        else text.replace("\0", "")
    )
