"""What a service answered, in the place of the SDK's own object with the same fields."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from deskmind.client import Body

__all__ = ["Shown", "shown"]


class Shown:
    """An object of an answer: its fields, and ``as_dict`` as the SDK's own has it."""

    def __init__(self, body: Body, **more: Any) -> None:
        """Of an answer.

        Args:
            body: what was answered.
            more: fields that the SDK's object has and the answer tells in another way; they are not in ``as_dict``.
        """
        self._body = body
        self._more = more

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._more[name] if name in self._more else shown(getattr(self._body, name))

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        told = self._body.as_dict()
        return {name: _plain(getattr(self._body, name, value), value) for name, value in told.items()}


def shown(value: Any) -> Any:
    """A value of an answer, its objects ``Shown``."""
    if isinstance(value, Body):
        return Shown(value)
    if isinstance(value, tuple):
        return tuple(map(shown, cast("tuple[Any, ...]", value)))
    if isinstance(value, Mapping):
        return {key: shown(item) for key, item in cast("Mapping[str, Any]", value).items()}
    return value


def _plain(value: Any, told: Any) -> Any:
    """As it was told, but times as the SDK writes them."""
    if isinstance(value, Body):
        return Shown(value).as_dict()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        items = cast("tuple[Any, ...]", value)
        return [_plain(item, one) for item, one in zip(items, told, strict=True)]
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {key: _plain(item, told[key]) for key, item in fields.items()}
    return told
