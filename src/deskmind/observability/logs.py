"""Structured logs: one JSON line an event in services, readable on a terminal, never content or secrets."""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import sys
from collections.abc import Generator, MutableMapping
from contextlib import contextmanager
from typing import Any, Literal, TextIO, cast

import structlog
from opentelemetry import trace

from deskmind.errors import DeskmindError
from deskmind.observability.correlation import correlation_id

__all__ = ["bind", "configure_logging", "logger", "pseudonym"]

_SECRET_NAME = re.compile(r"pass|secret|token|authorization|api_?key|cookie|credential", re.IGNORECASE)
_SECRET_VALUE = re.compile(r"(://[^:/@\s]*:)[^@\s]+(@)|\bdk_[a-z2-7]{20,}_[a-z2-7]{20,}_[0-9a-f]+")
_handler: list[logging.Handler] = []


def configure_logging(
    *,
    format: Literal["auto", "json", "console"] = "auto",  # noqa: A002
    level: str = "info",
    stream: TextIO | None = None,
) -> None:
    """Send our, the standard library's and uvicorn's logs to one stream in one form. May be called again."""
    output = stream or sys.stderr
    readable = format == "console" or (format == "auto" and output.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _identify,
        _describe_error,
        _mask,
    ]
    renderer: Any = structlog.dev.ConsoleRenderer(colors=output.isatty()) if readable else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(output)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    for old in _handler:
        root.removeHandler(old)
    _handler[:] = [handler]
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        other = logging.getLogger(name)
        other.handlers.clear()
        other.propagate = name != "uvicorn.access"
    for name in ("procrastinate", "alembic", "psycopg.pool", "httpx"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger of that name; silent until ``configure_logging`` or the host application configures logging."""
    return cast(
        structlog.stdlib.BoundLogger,
        structlog.wrap_logger(
            logging.getLogger(name),
            wrapper_class=structlog.stdlib.BoundLogger,
            processors=[
                structlog.stdlib.filter_by_level,
                structlog.contextvars.merge_contextvars,
                structlog.stdlib.add_logger_name,
                structlog.stdlib.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                _identify,
                _describe_error,
                _mask,
                structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
            ],
        ),
    )


@contextmanager
def bind(**context: str) -> Generator[None]:
    """Put fields on every line logged inside."""
    with structlog.contextvars.bound_contextvars(**context):
        yield


def pseudonym(value: str, key: bytes = b"deskmind") -> str:
    """A stable stand-in for a person's name, 12 hexadecimal digits; empty for an empty value."""
    return hmac.digest(key, value.encode(), hashlib.sha256).hex()[:12] if value else ""


def _identify(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if current := correlation_id():
        event.setdefault("correlation_id", current)
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = f"{context.trace_id:032x}"
        event["span_id"] = f"{context.span_id:016x}"
    return event


def _describe_error(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    info: Any = event.pop("exc_info", None)
    if not info:
        return event
    error: Any = info if isinstance(info, BaseException) else info[1] if isinstance(info, tuple) else sys.exc_info()[1]
    if error is None:
        return event
    event["error_type"] = type(error).__name__
    if isinstance(error, DeskmindError):
        event["error_code"] = error.code
    frame: Any = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    if frame is not None:
        event["error_at"] = f"{frame.tb_frame.f_globals.get('__name__', '?')}:{frame.tb_lineno}"
    return event


def _mask(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if _SECRET_NAME.search(name):
            event[name] = "***"
        elif isinstance(value, str) and _SECRET_VALUE.search(value):
            event[name] = _SECRET_VALUE.sub(lambda m: f"{m[1]}***{m[2]}" if m[1] else "***", value)
    return event
