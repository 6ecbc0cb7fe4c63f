"""From what a caller logged to what is written: one dictionary in a fixed order, safe to store."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import MutableMapping
from datetime import UTC, datetime
from functools import lru_cache
from types import TracebackType
from typing import Any, cast

from opentelemetry.trace import INVALID_SPAN, SpanContext

from deskmind.errors import DeskmindError
from deskmind.observability.actor import acting
from deskmind.observability.correlation import correlation_id
from deskmind.observability.current import current_span
from deskmind.observability.masking import acting_fields, loggable, loggable_field, may_be_secret, pseudonym

_PEOPLE = frozenset({"user", "principal"})
_PLAIN = re.compile(r"[a-z_.]{1,60}")
_MOST_FRAMES = 8
_LEVELS = {"warn": "warning", "exception": "error"}
_INTERNAL = frozenset({"stack_info", "exc_info", "positional_args"})
_MOST_KNOWN = 2_000
_plain_events: set[object] = set()
_plain_names: dict[str, bool] = {}
"""What lines and their fields are called: the same few with every request."""


def complete(
    source: str, level: str, event: MutableMapping[str, Any], at: float | None = None
) -> dict[str, Any]:
    """The whole line.

    Args:
        source: name of the logger.
        level: ``info``, ``error``, …
        event: what the caller gave, ``event`` and ``exc_info`` among it.
        at: seconds since the epoch; now when None.
    """
    name = event.pop("event", "")
    line: dict[str, Any] = {
        "timestamp": _written(time.time_ns() if at is None else round(at * 1e9)),
        "level": _LEVELS.get(level, level),
        "event": _named(name),
        "logger": source,
    }
    _identify(line)
    error = _raised(event.pop("exc_info")) if "exc_info" in event else None
    for name, value in event.items():
        if _plain_names[name] if name in _plain_names else _is_plain(name):
            line[name] = loggable(value)
        elif name in _PEOPLE and isinstance(value, str):
            line[name] = pseudonym(value)
        elif name not in _INTERNAL:
            line[name if name.isidentifier() else loggable(name)] = loggable_field(name, value)
    if error is not None:
        line.update(describe(error))
    return line


def _named(name: Any) -> Any:
    if type(name) is str:
        if name in _plain_events:
            return name
        if _PLAIN.fullmatch(name):
            if len(_plain_events) < _MOST_KNOWN:
                _plain_events.add(name)
            return name
    return loggable(name)


def _is_plain(name: str) -> bool:
    """Whether a field is called so that any value may stand under it as it is."""
    plain = name.isidentifier() and name not in _PEOPLE and name not in _INTERNAL and not may_be_secret(name)
    if len(_plain_names) < _MOST_KNOWN:
        _plain_names[name] = plain
    return plain


def describe(error: BaseException) -> dict[str, Any]:
    """An exception as fields: type, code, place, frames and the types of its causes, never its text."""
    fields: dict[str, Any] = {"error_type": type(error).__name__}
    if isinstance(error, DeskmindError):
        fields["error_code"] = error.code
    if frames := _frames(error.__traceback__):
        fields["error_at"] = frames[-1]
        fields["error_frames"] = frames
    if causes := _causes(error):
        fields["error_causes"] = causes
    return fields


def _identify(line: dict[str, Any]) -> None:
    if current := correlation_id():
        line["correlation_id"] = current
    if actor := acting():
        line.update(acting_fields(*actor))
    above = current_span()
    if above is INVALID_SPAN:
        return
    identity = getattr(above, "identity", None) or _identity(above.get_span_context())
    if identity is not None:
        line["trace_id"], line["span_id"] = identity


def _identity(context: SpanContext) -> tuple[str, str] | None:
    return (f"{context.trace_id:032x}", f"{context.span_id:016x}") if context.is_valid else None


def _written(nanoseconds: int) -> str:
    """A moment after RFC 3339, from nanoseconds since the epoch."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{_second(seconds)}.{rest // 1_000:06d}Z"


@lru_cache(maxsize=4)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:-6]


def _raised(info: Any) -> BaseException | None:
    if isinstance(info, BaseException):
        return info
    if isinstance(info, tuple):
        return info[1]  # pyright: ignore[reportUnknownVariableType]
    return sys.exc_info()[1] if info else None


def _frames(traceback: TracebackType | None) -> list[str]:
    frames: list[str] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        module = traceback.tb_frame.f_globals.get("__name__", "?")
        frames.append(f"{module}:{code.co_name}:{traceback.tb_lineno}")
        traceback = traceback.tb_next
    return frames[-_MOST_FRAMES:]


def _causes(error: BaseException) -> list[str]:
    causes: list[str] = []
    seen = {id(error)}
    following = _cause(error)
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        causes.append(type(following).__name__)
        following = _cause(following)
    if isinstance(error, BaseExceptionGroup):
        members = cast("BaseExceptionGroup[BaseException]", error).exceptions
        causes += [type(member).__name__ for member in members]
    return causes[:_MOST_FRAMES]


def _cause(error: BaseException) -> BaseException | None:
    return error.__cause__ or (None if error.__suppress_context__ else error.__context__)
