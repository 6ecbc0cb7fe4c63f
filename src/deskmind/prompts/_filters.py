"""The filters a template may use. None of them can make much out of little."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from jinja2 import Undefined
from jinja2 import filters as standard
from jinja2.exceptions import FilterArgumentError

from deskmind.errors import PromptRenderError
from deskmind.prompts._budget import MAX_OUTPUT_CHARS, handled

__all__ = ["FILTERS"]

_MAX_INDENT = 32


def _join(values: Iterable[Any], separator: str = "") -> str:
    texts = [str(value) for value in values]
    total = sum(map(len, texts)) + len(separator) * max(len(texts) - 1, 0)
    if total > MAX_OUTPUT_CHARS:
        raise PromptRenderError("The prompt joins too much text.")
    return separator.join(texts)


def _tojson(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _indent(text: str, width: int = 4, first: bool = False) -> str:
    if not 0 <= width <= _MAX_INDENT:
        raise FilterArgumentError(f"indent takes a width of 0 to {_MAX_INDENT}")
    margin = " " * width
    opening, *rest = str(text).split("\n")
    lines = [margin + line if line.strip() else line for line in rest]
    return "\n".join([margin + opening if first else opening, *lines])


def _pluck(values: Iterable[Any], name: str) -> list[Any]:
    return [_of(value, name) for value in values]


def _of(value: Any, name: str) -> Any:
    if isinstance(value, Mapping) and name in value:
        return cast("Mapping[str, Any]", value)[name]
    raise FilterArgumentError(f"an item has no '{name}'")


def _items(value: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return list(value.items())


def _round(value: float, digits: int = 0) -> float:
    if not 0 <= digits <= 10:
        raise FilterArgumentError("round takes 0 to 10 digits")
    return round(value, digits)


def _truncate(text: str, length: int = 255, end: str = "…") -> str:
    text = str(text)
    return text if len(text) <= length else text[: max(length - len(end), 0)].rstrip() + end


def _default(value: Any, fallback: Any = "", falsy: bool = False) -> Any:
    missing = value is None or isinstance(value, Undefined)
    return fallback if missing or (falsy and not value) else value


def _escape(text: Any) -> str:
    return html.escape(str(text), quote=False)


def _unique(values: Iterable[Any]) -> list[Any]:
    return list({json.dumps(value, sort_keys=True): value for value in values}.values())


def _sort(values: Iterable[Any], by: str = "", reverse: bool = False) -> list[Any]:
    return sorted(values, key=(lambda value: _of(value, by)) if by else None, reverse=reverse)


def _sum(values: Iterable[float]) -> float:
    return sum(values)


def _charged(act: Callable[..., Any]) -> Callable[..., Any]:
    def charged(value: Any, *args: Any, **named: Any) -> Any:
        if act is not _default and isinstance(value, Undefined):
            str(value)  # says what is undefined
        handled(value)
        return handled(act(value, *args, **named))

    return charged


_PLAIN: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "capitalize": lambda text: str(text).capitalize(),
    "count": len,
    "default": _default,
    "e": _escape,
    "escape": _escape,
    "first": lambda values: next(iter(values), None),
    "float": standard.do_float,
    "indent": _indent,
    "int": lambda value, default=0: standard.do_int(value, default),
    "items": _items,
    "join": _join,
    "last": lambda values: values[-1] if values else None,
    "length": len,
    "list": list,
    "lower": lambda text: str(text).lower(),
    "max": lambda values: max(values, default=None),
    "min": lambda values: min(values, default=None),
    "pluck": _pluck,
    "reverse": lambda values: values[::-1],
    "round": _round,
    "sort": _sort,
    "string": str,
    "sum": _sum,
    "title": lambda text: str(text).title(),
    "tojson": _tojson,
    "trim": lambda text: str(text).strip(),
    "truncate": _truncate,
    "unique": _unique,
    "upper": lambda text: str(text).upper(),
}

FILTERS: dict[str, Callable[..., Any]] = {name: _charged(act) for name, act in _PLAIN.items()}
"""By the name a template uses."""
