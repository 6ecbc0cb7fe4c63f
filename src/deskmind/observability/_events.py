"""From what a caller logged to what is written: one dictionary in a fixed order, safe to store."""

from __future__ import annotations

import re
import sys
from collections.abc import MutableMapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, cast

from opentelemetry import trace

from deskmind.errors import DeskmindError
from deskmind.observability.actor import acting
from deskmind.observability.correlation import correlation_id
from deskmind.observability.masking import loggable, loggable_field, pseudonym

_PEOPLE = frozenset({"user", "principal"})
_PLAIN = re.compile(r"[a-z_.]{1,60}")
_MOST_FRAMES = 8
_INTERNAL = frozenset({"stack_info", "exc_info", "positional_args"})


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
    moment = datetime.now(UTC) if at is None else datetime.fromtimestamp(at, UTC)
    line: dict[str, Any] = {
        "timestamp": moment.isoformat(timespec="microseconds")[:-6] + "Z",
        "level": "warning" if level == "warn" else "error" if level == "exception" else level,
        "event": name if isinstance(name, str) and _PLAIN.fullmatch(name) else loggable(name),
        "logger": source,
    }
    _identify(line)
    error = _raised(event.pop("exc_info", None))
    for name, value in event.items():
        if name not in _INTERNAL:
            line[name if name.isidentifier() else loggable(name)] = _field(name, value)
    if error is not None:
        line.update(describe(error))
    return line


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


def _field(name: str, value: object) -> object:
    if name in _PEOPLE and isinstance(value, str):
        return pseudonym(value)
    return loggable_field(name, value)


def _identify(line: dict[str, Any]) -> None:
    if current := correlation_id():
        line["correlation_id"] = current
    if actor := acting():
        tenant, user = actor
        if tenant:
            line["tenant"] = loggable(tenant)
        if user:
            line["user"] = pseudonym(user)
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        line["trace_id"] = f"{context.trace_id:032x}"
        line["span_id"] = f"{context.span_id:016x}"


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
