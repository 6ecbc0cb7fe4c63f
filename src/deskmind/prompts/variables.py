"""What a template may be given: declared, typed, bounded values."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from deskmind.errors import PromptError, PromptVariableError

__all__ = ["Variable", "VariableType", "checked_values"]

VariableType = Literal["string", "integer", "number", "boolean", "list", "object"]

_TYPES: tuple[str, ...] = get_args(VariableType)
_MAX_DEPTH = 20
_INTEGERS = 2**63


@dataclass(frozen=True, slots=True)
class Variable:
    """The declaration of one variable.

    Attributes:
        type: ``string``, ``integer``, ``number``, ``boolean``, ``list`` or ``object``. Lists and objects hold
            plain data: text, numbers, truth values, null, lists, and objects with text keys.
        required: must be given; an optional one that is not given is its ``default``.
        default: for an optional variable; None when left out.
        description: for people.
        max_chars: most characters in the value: of its texts, keys and numbers; each item of a list is one more.

    Raises:
        PromptError: the declaration contradicts itself.
    """

    type: VariableType = "string"
    required: bool = True
    default: Any = None
    description: str = ""
    max_chars: int = 100_000

    def __post_init__(self) -> None:
        if self.type not in _TYPES:
            raise PromptError(
                f"A variable cannot be of type '{self.type}'.", remedy=f"Use one of {', '.join(_TYPES)}."
            )
        if self.max_chars < 1 or isinstance(self.max_chars, bool):
            raise PromptError("A variable's max_chars is at least 1.")
        if self.required and self.default is not None:
            raise PromptError(
                "A required variable has no default.", remedy="Leave the default out, or say required: false."
            )
        if self.default is not None:
            object.__setattr__(self, "default", self.check("default", self.default))

    def check(self, name: str, value: Any) -> Any:
        """The value as plain data of its own, so that nothing but data reaches a template.

        Raises:
            PromptVariableError: wrong type, or too much text.
        """
        if not _fits(self.type, value):
            raise PromptVariableError(
                f"The variable '{name}' is {_kind(value)}, not {_ARTICLES[self.type]}.", variable=name
            )
        plain = _plain(value, name, 0)
        chars = sum(len(text) for text in _texts(plain))
        if chars > self.max_chars:
            raise PromptVariableError(
                f"The variable '{name}' is too long.",
                why=f"It has {chars:,} characters; {self.max_chars:,} are allowed.",
                remedy="Shorten it, or raise max_chars in the prompt.",
                variable=name,
            )
        return plain

    def as_dict(self) -> dict[str, Any]:
        """For files and JSON; only what differs from the defaults, and the type."""
        fields: dict[str, Any] = {"type": self.type}
        if not self.required:
            fields["required"] = False
        if self.default is not None:
            fields["default"] = self.default
        if self.description:
            fields["description"] = self.description
        if self.max_chars != 100_000:
            fields["max_chars"] = self.max_chars
        return fields


def checked_values(declared: Mapping[str, Variable], given: Mapping[str, Any]) -> dict[str, Any]:
    """Every declared variable with its value: given, or the default.

    Raises:
        PromptVariableError: one is missing, unknown, of the wrong type or too long.
    """
    unknown = sorted(set(given) - set(declared))
    if unknown:
        raise PromptVariableError(
            f"The prompt has no variable {_quoted(unknown)}.",
            why=f"It declares {_quoted(sorted(declared))}." if declared else "It declares none.",
            variable=unknown[0],
        )
    missing = [name for name, variable in declared.items() if variable.required and given.get(name) is None]
    if missing:
        raise PromptVariableError(
            f"The prompt needs {_quoted(missing)}.",
            why="A required variable was not given.",
            remedy="Give a value for it.",
            variable=missing[0],
        )
    return {
        name: variable.default if given.get(name) is None else variable.check(name, given[name])
        for name, variable in declared.items()
    }


_ARTICLES = {
    "string": "text",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "list": "a list",
    "object": "an object",
}


def _fits(kind: VariableType, value: Any) -> bool:
    if kind == "boolean":
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    if kind == "number":
        return isinstance(value, (int, float)) and math.isfinite(value)
    types: dict[str, type | tuple[type, ...]] = {
        "string": str,
        "integer": int,
        "list": (list, tuple),
        "object": Mapping,
    }
    return isinstance(value, types[kind])


def _kind(value: Any) -> str:
    for kind in ("boolean", "integer", "string", "list", "object", "number"):
        if _fits(kind, value):
            return _ARTICLES[kind]
    return f"a {type(value).__name__}"


def _plain(value: Any, name: str, depth: int) -> Any:
    """A deep copy made of the built-in types themselves: no subclass brings methods of its own along."""
    if depth > _MAX_DEPTH:
        raise PromptVariableError(
            f"The variable '{name}' is nested more than {_MAX_DEPTH} deep.", variable=name
        )
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _whole_characters(name, "".join(value))
    if isinstance(value, int) and abs(value) < _INTEGERS:
        return int.__index__(value)
    if isinstance(value, float) and math.isfinite(value):
        return float.__float__(value)
    if isinstance(value, (list, tuple)):
        return [_plain(item, name, depth + 1) for item in cast("list[Any]", value)]
    if isinstance(value, Mapping):
        entries = cast("Mapping[Any, Any]", value)
        if all(isinstance(key, str) for key in entries):
            return {
                _whole_characters(name, "".join(key)): _plain(item, name, depth + 1)
                for key, item in entries.items()
            }
    raise PromptVariableError(
        f"The variable '{name}' holds a {type(cast('object', value)).__name__} that a prompt cannot take.",
        why="It is given plain data: text, numbers (integers of 64 bits), truth values, null, lists, objects with text keys.",
        remedy="Convert the value first.",
        variable=name,
    )


def _whole_characters(name: str, text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise PromptVariableError(
            f"The variable '{name}' has half of a surrogate pair, which no model can be sent.",
            remedy="Remove it.",
            variable=name,
        ) from error
    return text


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in cast("list[Any]", value):
            yield " "
            yield from _texts(item)
    elif isinstance(value, dict):
        for key, item in cast("dict[str, Any]", value).items():
            yield key
            yield from _texts(item)
    else:
        yield str(value)


def _quoted(names: list[str]) -> str:
    return ", ".join(f"'{name[:80]}'" for name in names[:10])
