"""What the server answered, as read-only objects with typed fields."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from types import NoneType, UnionType
from typing import Any, ClassVar, Union, cast, get_args, get_origin, get_type_hints
from uuid import UUID

from deskmind.errors import ServerReplyError

__all__ = ["Body"]

_Reading = Callable[[Any], Any]


class Body:
    """An object of an answer. Its fields are read when they are asked for; what a newer server adds is in ``as_dict``.

    The classes are made from the OpenAPI document: each names its fields and their types, and nothing else.
    """

    _defaults: ClassVar[Mapping[str, Any]] = {}
    _renamed: ClassVar[Mapping[str, str]] = {}

    def __init__(self, told: Mapping[str, Any], tag: str = "") -> None:
        """Of an object of JSON.

        Args:
            told: the object.
            tag: the resource's, as it was read.
        """
        if not isinstance(told, dict):
            raise _unusable(type(self), "the whole")
        self.__dict__.update(_told=told, _tag=tag)

    @property
    def etag(self) -> str:
        """The tag of the resource that was read, to be given as ``if_match``; empty for what is part of another, or was not read."""
        return self.__dict__["_tag"]

    def as_dict(self) -> dict[str, Any]:
        """As it came: strings, numbers, lists and dictionaries. It is not to be changed."""
        return self.__dict__["_told"]

    def __getattr__(self, name: str) -> Any:
        # called only where the value is not there yet
        reading = None if name.startswith("_") else _readings(type(self)).get(name)
        if reading is None:
            raise AttributeError(f"'{type(self).__name__}' has no field '{name}'")
        value = self.__dict__[name] = self._read(name, reading)
        return value

    def _read(self, name: str, reading: _Reading) -> Any:
        told, key = self.as_dict(), self._renamed.get(name, name)
        if key not in told:
            if name in self._defaults:
                return self._defaults[name]
            raise _unusable(type(self), name)
        try:
            return reading(told[key])
        except (ValueError, TypeError, AttributeError, InvalidOperation) as error:
            raise _unusable(type(self), name) from error

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("What the server answered cannot be changed.")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.as_dict() == cast("Body", other).as_dict()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self.as_dict())})"

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *_readings(type(self))]


def _unusable(kind: type[Body], field: str) -> ServerReplyError:
    return ServerReplyError(
        "The server's answer cannot be used.",
        why=f"{kind.__name__} is not of the form that this client knows: {field}.",
        remedy="Compare the releases of client and server: `client.operations.health()` tells the server's.",
    )


@functools.cache
def _readings(kind: type[Body]) -> dict[str, _Reading]:
    hints = get_type_hints(kind)
    return {name: _reading(hint) for name, hint in hints.items() if not name.startswith("_")}


def _reading(hint: Any) -> _Reading:
    """How a value of JSON becomes one of a type."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is tuple:
        return _each(_reading(arguments[0]))
    if origin is dict:
        return _valued(_reading(arguments[1]))
    if origin in {Union, UnionType}:
        return _nullable([one for one in arguments if one is not NoneType])
    return _PLAIN.get(hint, hint if isinstance(hint, type) and issubclass(hint, Body) else _as_it_is)


def _each(reading: _Reading) -> _Reading:
    return lambda told: tuple(map(reading, told))


def _valued(reading: _Reading) -> _Reading:
    return lambda told: {key: reading(value) for key, value in told.items()}


def _nullable(kinds: list[Any]) -> _Reading:
    if len(kinds) > 1:
        return _as_it_is
    reading = _reading(kinds[0])
    return lambda told: None if told is None else reading(told)


def _as_it_is(told: Any) -> Any:
    return told


_PLAIN: dict[Any, _Reading] = {UUID: UUID, datetime: datetime.fromisoformat, Decimal: Decimal, float: float}
