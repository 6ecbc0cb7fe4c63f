"""The filters a template may use. None of them can make much out of little."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

from jinja2 import Undefined
from jinja2 import filters as standard
from jinja2.exceptions import FilterArgumentError

from deskmind.errors import PromptRenderError
from deskmind.prompts._budget import MAX_OUTPUT_CHARS, handled, searched

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
    def key(value: Any) -> Any:
        return _of(value, by) if by else value

    return sorted(values, key=key, reverse=reverse)


def _sum(values: Iterable[float]) -> float:
    return sum(values)


def _charged(name: str, act: Callable[..., Any]) -> Callable[..., Any]:
    take = handled if name in _SHALLOW else searched

    def charged(value: Any, *args: Any, **named: Any) -> Any:
        if act is not _default and isinstance(value, Undefined):
            str(value)  # says what is undefined
        take(value)
        return handled(act(value, *args, **named))

    return charged


def _on_text(act: Callable[[str], str]) -> Callable[[Any], str]:
    return lambda value: act(str(value))


def _first(values: Iterable[Any]) -> Any:
    return next(iter(values), None)


def _last(values: Sequence[Any]) -> Any:
    return values[-1] if values else None


def _max(values: Iterable[Any]) -> Any:
    return max(values, default=None)


def _min(values: Iterable[Any]) -> Any:
    return min(values, default=None)


def _reverse(values: Sequence[Any]) -> Sequence[Any]:
    return values[::-1]


def _int(value: Any, default: int = 0) -> int:
    return standard.do_int(value, default)


def _float(value: Any, default: float = 0.0) -> float:
    return standard.do_float(value, default)


_PLAIN: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "capitalize": _on_text(str.capitalize),
    "count": len,
    "default": _default,
    "e": _escape,
    "escape": _escape,
    "first": _first,
    "float": _float,
    "indent": _indent,
    "int": _int,
    "items": _items,
    "join": _join,
    "last": _last,
    "length": len,
    "list": list,
    "lower": _on_text(str.lower),
    "max": _max,
    "min": _min,
    "pluck": _pluck,
    "reverse": _reverse,
    "round": _round,
    "sort": _sort,
    "string": str,
    "sum": _sum,
    "title": _on_text(str.title),
    "tojson": _tojson,
    "trim": _on_text(str.strip),
    "truncate": _truncate,
    "unique": _unique,
    "upper": _on_text(str.upper),
}

_SHALLOW = frozenset({"count", "default", "first", "items", "last", "length", "list", "pluck", "reverse"})
"""They look at a value's items and not into them."""

FILTERS: dict[str, Callable[..., Any]] = {name: _charged(name, act) for name, act in _PLAIN.items()}
"""By the name a template uses."""
