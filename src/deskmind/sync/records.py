"""Records as they are kept: JSON without what cannot be stored, without those who were erased, and a digest of it."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import orjson

from deskmind.connectors.access import Access, Grantee
from deskmind.connectors.model import Kind, Person
from deskmind.connectors.protocol import AnyRecord
from deskmind.governance.privacy import Mentions

__all__ = ["Kept", "kept", "masked_json", "names_of"]

_APART = frozenset({"raw", "vendor", "id", "unread"})
_AS_THEY_ARE = frozenset({type(None), bool, int, float})
_STRICT = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS


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

    @property
    def called(self) -> str:
        """What other records call it by."""
        return self.key if self.kind == Kind.TICKET else str(self.record.get("name", ""))


def kept(kind: Kind, record: AnyRecord, erased: Mentions | None) -> Kept:
    """A record in the form that is stored."""
    plain: dict[str, Any] = _plain(record)
    raw: Any = _as_it_came(record.raw)
    if erased:
        plain, raw = masked_json(plain, erased), masked_json(raw, erased)
    key = str(plain.get("key") or record.id)
    digest = hashlib.sha256(orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)).digest()
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


def _as_it_came(raw: Any) -> Any:
    """A vendor's own record: nearly always storable as it is, which is quick to see."""
    try:
        storable = b"\\u0000" not in orjson.dumps(raw, option=_STRICT)
    except TypeError:  # half a character, or no JSON
        storable = False
    return raw if storable else _plain(raw)


def _plain(value: Any) -> Any:
    kind = cast("type[Any]", type(value))
    if kind is str:
        return _storable(value)
    if kind in _AS_THEY_ARE:
        return value
    if kind is dict:
        return {_storable(str(name)): _plain(one) for name, one in value.items()}
    if kind is list or kind is tuple:
        return [_plain(one) for one in value]
    return _of_a_class(value)


def _of_a_class(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat()
        case Grantee():
            return str(value)
        case Access():
            sets = [sorted(map(str, one)) for one in value.any_of]
            return {"any_of": sets, "deny": sorted(map(str, value.deny)), "unread": list(value.unread)}
        case Mapping():
            return _plain(dict(cast("Mapping[Any, Any]", value)))
        case _ if dataclasses.is_dataclass(value):
            return {name: _plain(getattr(value, name)) for name in _fields_of(type(value))}
        case _:
            return _storable(str(value))


@functools.cache
def _fields_of(kind: type[Any]) -> tuple[str, ...]:
    """The fields of a model's class that are kept with it."""
    names = [field.name for field in dataclasses.fields(kind)]
    apart = _APART if "vendor" in names else {"raw"}
    return tuple(name for name in names if name not in apart)


def _storable(text: str) -> str:
    """PostgreSQL keeps neither NUL nor halves of characters."""
    if "\0" in text:
        text = text.replace("\0", "")
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
