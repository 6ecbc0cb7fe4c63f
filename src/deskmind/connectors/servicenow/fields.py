"""ServiceNow's values, in whichever form ``sysparm_display_value`` gives them, and its times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

from deskmind.connectors.core.mapping import Fields
from deskmind.connectors.model import Reference

__all__ = ["Row", "display", "moment", "time_text", "value"]

_FORM = "%Y-%m-%d %H:%M:%S"
_LENGTHS = (19, 10)


class Row:
    """One row of a table.

    Its values are texts, ``{link, value}`` for references, or ``{value, display_value}`` for all, as it was asked for.
    """

    def __init__(self, row: Mapping[str, Any], known: Iterable[str] = ()) -> None:
        plain = {name: one for name, one in row.items() if not _is_empty(one)}
        self._fields = Fields(plain, known=known)
        self.row = row

    def text(self, name: str) -> str:
        """The stored value; empty for none."""
        return value(self._fields.get(name))

    def shown(self, name: str) -> str:
        """What people see, else the stored value."""
        field = self._fields.get(name)
        return display(field) or value(field)

    def flag(self, name: str, default: bool = False) -> bool:
        """Whether it is true."""
        stored = self.text(name)
        return default if not stored else stored.lower() in {"true", "1"}

    def time(self, name: str) -> datetime | None:
        """The time, in UTC."""
        return moment(self.text(name))

    def reference(self, name: str) -> Reference | None:
        """The record referred to."""
        field = self._fields.get(name)
        stored = value(field)
        return Reference(stored, display(field)) if stored else None

    def listed(self, name: str) -> tuple[str, ...]:
        """The ids of a list field."""
        return tuple(one.strip() for one in self.text(name).split(",") if one.strip())

    def unmapped(self) -> tuple[str, ...]:
        """Fields that hold something and were not read."""
        return self._fields.unmapped()


def value(field: Any) -> str:
    """The stored value of a field."""
    if isinstance(field, Mapping):
        inner = cast("Mapping[str, Any]", field)
        if inner.get("value") is not None:
            return str(inner["value"])
        return str(inner.get("link") or "").rstrip("/").rsplit("/", 1)[-1]
    return "" if field is None else str(field)


def display(field: Any) -> str:
    """What people see of a field; empty where only the stored value came."""
    if isinstance(field, Mapping):
        return str(cast("Mapping[str, Any]", field).get("display_value") or "")
    return ""


def moment(text: str) -> datetime | None:
    """A stored time, which is in UTC; None for no time."""
    if not text:
        return None
    if len(text) not in _LENGTHS:
        raise ValueError("not a time")
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def time_text(at: datetime) -> str:
    """A time as queries take it."""
    return at.astimezone(UTC).strftime(_FORM)


def _is_empty(field: Any) -> bool:
    if type(field) is dict:
        inner = cast("dict[str, Any]", field)
        stored = inner.get("value")
        if stored or inner.get("display_value"):
            return False
        if stored is not None:
            return True
    return not value(field) and not display(field)
