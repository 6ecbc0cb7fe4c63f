"""Regular expressions that an installation gives: compiled, and refused where a text could make them slow."""

from __future__ import annotations

import importlib
import re
import time
from collections.abc import Iterator
from typing import Any, cast

from deskmind.errors import ConfigurationError

__all__ = ["checked_expression"]

_LONGEST = 500
_MOST_ROUNDS = 16
_LONGEST_PROBE = 3_000
_MOST_SECONDS = 0.02
_GROWTH = 1.15
_PARSER: Any = importlib.import_module("re._parser")
_REPEATS = frozenset({"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"})


def checked_expression(name: str, expression: str) -> re.Pattern[str]:
    """The compiled expression.

    A repetition within a repetition is refused, and what needs more than 20 ms of processor time for a text of 3,000
    characters that nearly fits. Such texts are made from the expression's own characters, and lengthened step by step.

    Raises:
        ConfigurationError: it cannot be compiled, fits the empty text, or could take long.
    """
    if len(expression) > _LONGEST:
        raise _refused(name, f"It is longer than {_LONGEST} characters.")
    try:
        tree = _PARSER.parse(expression)
        compiled = re.compile(expression)
    except re.error as error:
        raise _refused(name, f"It is no regular expression: {error}.") from None
    if compiled.search("") is not None:
        raise _refused(name, "It fits the empty text.")
    if _nested(tree, repeated=False):
        raise _refused(
            name, "It has a repetition within a repetition, which some texts would make very slow."
        )
    if _slow(compiled, tree):
        raise _refused(name, "It takes long on texts that nearly fit.")
    return compiled


def _refused(name: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"The pattern '{name}' of redaction cannot be used.",
        why=why,
        remedy=f"Correct [redaction.patterns.{name}]: a form with fixed parts, such as 'EMP-[0-9]{{6}}'.",
    )


def _nested(tree: Any, *, repeated: bool) -> bool:
    """Whether something of varying length is repeated within what is repeated more than a few times."""
    for operator, argument in _parts(tree):
        if operator in _REPEATS:
            least, most, body = argument
            if repeated and least != most:
                return True
            if _nested(body, repeated=repeated or int(most) > _MOST_ROUNDS):
                return True
        elif any(_nested(inner, repeated=repeated) for inner in _within(argument)):
            return True
    return False


def _parts(tree: Any) -> Iterator[tuple[str, Any]]:
    for operator, argument in tree:
        yield str(operator), argument


def _within(argument: Any) -> Iterator[Any]:
    """The parts of a part: those of groups, alternatives and looks around."""
    if isinstance(argument, _PARSER.SubPattern):
        yield argument
    elif isinstance(argument, (tuple, list)):
        for item in cast("list[Any]", argument):
            yield from _within(item)


def _slow(compiled: re.Pattern[str], tree: Any) -> bool:
    return any(_slow_on(compiled, piece) for piece in _probes(tree))


def _slow_on(compiled: re.Pattern[str], piece: str) -> bool:
    """Lengthened step by step, so that what grows exponentially is noticed before it takes seconds."""
    length = 16.0
    while length <= _LONGEST_PROBE:
        text = (piece * (int(length) // len(piece) + 1))[: int(length)] + "\x00"
        before = time.thread_time()
        compiled.search(text)
        if time.thread_time() - before > _MOST_SECONDS:
            return True
        length *= _GROWTH
    return False


def _probes(tree: Any) -> Iterator[str]:
    literals = "".join(dict.fromkeys(_literals(tree)))
    pieces = [*"aA0 -", *literals[:12], literals or "a", "a0", "A0-"]
    yield from dict.fromkeys(pieces)


def _literals(tree: Any) -> Iterator[str]:
    """Characters that it names, also those at which ranges begin."""
    for operator, argument in _parts(tree):
        if operator in {"LITERAL", "NOT_LITERAL"}:
            yield chr(argument)
        elif operator == "RANGE":
            yield chr(argument[0])
        elif operator == "IN":
            yield from _literals(argument)
        else:
            for inner in _within(argument):
                yield from _literals(inner)
