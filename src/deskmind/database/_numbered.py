"""Statements with named values, as the server takes them: by number."""

from __future__ import annotations

import re

__all__ = ["numbered"]

_NAMED = re.compile(r"%\((\w+)\)s")


def numbered(text: str) -> tuple[str, tuple[str, ...]]:
    """A statement with ``$1``, ``$2``, … for ``%(name)s``, and the names in this order; its casts say what each is.

    >>> numbered("SELECT %(one)s::int + %(two)s::int * %(one)s::int")
    ('SELECT $1::int + $2::int * $1::int', ('one', 'two'))
    """
    names = tuple(dict.fromkeys(_NAMED.findall(text)))
    return _NAMED.sub(lambda found: f"${names.index(found[1]) + 1}", text), names
