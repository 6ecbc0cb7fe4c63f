"""Structured logs: one JSON line an event in services, readable on a terminal, never content or secrets."""

from __future__ import annotations

import atexit
import json
import logging
import sys
import threading
import time
from collections.abc import Callable, Generator, MutableMapping
from contextlib import contextmanager, nullcontext
from typing import Any, Literal, TextIO, cast

import orjson
import structlog

from deskmind.errors import ConfigurationError
from deskmind.observability._events import complete
from deskmind.observability.instruments import TELEMETRY_DROPPED, counter

__all__ = ["LEVELS", "bind", "configure_logging", "logger", "set_level"]

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
_QUIET = (
    "procrastinate",
    "alembic",
    "psycopg",
    "psycopg.pool",
    "httpx",
    "urllib3",
    "python_multipart",
    "markdown_it",
)
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(9), *range(11, 32), 127, *range(128, 160))}

_GATHER_SECONDS = 0.02
_MOST_GATHERED = 1_000
_LOGS = {"deskmind.signal": "logs"}
_lost = counter(TELEMETRY_DROPPED)

_Renderer = Callable[[dict[str, Any]], str]


def configure_logging(
    *,
    format: Literal["auto", "json", "console"] = "auto",  # noqa: A002
    level: str = "info",
    stream: TextIO | None = None,
    gather: bool = False,
) -> None:
    """Send our, the standard library's and uvicorn's logs to one stream in one form. May be called again.

    uvicorn's access log is left out: its lines hold query texts, and the service writes its own.

    Args:
        format: ``json`` is one line an event; ``console`` for people; ``auto`` is ``console`` on a terminal.
        level: ``debug``, ``info``, ``warning``, ``error`` or ``critical``; what is below it is dropped.
        stream: where to, standard error by default.
        gather: write lines below ``warning`` together, some milliseconds late: for services, where a write for each
            line is a fifth of a request. A process that is killed loses those of its last moments.

    Raises:
        ConfigurationError: there is no such level.
    """
    if level not in LEVELS:
        raise ConfigurationError(f"'{level}' is not a log level.", remedy=f"Known: {', '.join(LEVELS)}.")
    output = stream or cast("TextIO", _StandardError())
    readable = format == "console" or (format == "auto" and output.isatty())
    handler = _Gathering(output) if gather and not readable else _Handler(output)
    handler.setFormatter(_Formatter(_for_people(colors=output.isatty()) if readable else _as_json))
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old, _Handler)]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    structlog.configure(
        processors=_CHAIN,
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        other = logging.getLogger(name)
        other.handlers.clear()
        other.propagate = name != "uvicorn.access"
    set_level(level)


def set_level(level: str) -> None:
    """Drop lines below a level from now on; libraries that quote what they handle stay at ``warning`` and above."""
    logging.getLogger().setLevel(LEVELS[level])
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, LEVELS[level]))


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger of that name: ``logger("deskmind.jobs").info("job.done", task="ingest")``.

    Lines go where ``configure_logging`` or the host application sends the standard library's logs. ``user``
    and ``principal`` appear as pseudonyms.
    """
    return cast(
        structlog.stdlib.BoundLogger,
        structlog.wrap_logger(
            _Route(logging.getLogger(name)), wrapper_class=_ShortWay, processors=_CHAIN
        ).bind(),
    )


@contextmanager
def bind(**context: object) -> Generator[None]:
    """Put fields on every line logged inside, in this task and those it starts."""
    with structlog.contextvars.bound_contextvars(**context):
        yield


def _hand_over(
    source: Any, method: str, event: MutableMapping[str, Any]
) -> tuple[tuple[Any], dict[str, Any]]:
    return (_Line(complete(source.name, method, event)),), {}


_CHAIN: list[Any] = [structlog.stdlib.filter_by_level, structlog.contextvars.merge_contextvars, _hand_over]


_bound: Any = getattr(structlog.contextvars, "_CONTEXT_VARS", ("unknown",))
"""What anybody ever bound to a context: as long as that is nothing, contexts need not be looked through."""


class _ShortWay(structlog.stdlib.BoundLogger):
    """Does for ``info`` what the chain does, without it: services write two such lines a request."""

    def info(self, event: str | None = None, *args: Any, **facts: Any) -> None:
        if args:
            super().info(event, *args, **facts)
        elif self._logger.isEnabledFor(logging.INFO):
            given = {**self._context, **facts, "event": event}
            if _bound and (around := structlog.contextvars.get_contextvars()):
                given = {**given, **around, **given}
            self._logger.info(complete(self._logger.name, "info", given))


class _Line(dict[str, Any]):
    """A finished line on its way through the standard library; a host's own handlers print it as JSON."""

    def __str__(self) -> str:
        return _as_json(self)


class _Route:
    """A logger of the standard library that hands our lines straight to the handler which gathers them, when nobody
    else listens: making and passing on a record costs more than the line."""

    __slots__ = ("_standard", "isEnabledFor", "name")

    def __init__(self, standard: logging.Logger) -> None:
        self._standard = standard
        self.name = standard.name
        self.isEnabledFor = standard.isEnabledFor

    def info(self, line: dict[str, Any]) -> None:
        gathering = self._only_listener()
        if gathering is None:
            self._standard.info(_Line(line))
        else:
            gathering.take(line)

    def _only_listener(self) -> _Gathering | None:
        current: logging.Logger | None = self._standard
        while current is not None and current.propagate and not current.filters:
            if handlers := current.handlers:
                only = handlers[0]
                alone = current.parent is None and len(handlers) == 1 and only.level <= logging.INFO
                return only if alone and isinstance(only, _Gathering) and not only.filters else None
            current = current.parent
        return None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._standard, name)


class _StandardError:
    """What is standard error at the time: it is replaced, and closed, by those who run a command in their process."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()

    def isatty(self) -> bool:
        return sys.stderr.isatty()


class _Handler(logging.StreamHandler[TextIO]):
    """Ours, so that configuring again finds it."""


class _Gathering(_Handler):
    """Writes what gathers in a few milliseconds at once, in a thread; warnings and worse immediately."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._lines: list[str | dict[str, Any]] = []
        self._arrived = threading.Event()
        self._ended = False
        self._writer = threading.Thread(target=self._write, name="log-writer", daemon=True)
        self._writer.start()
        atexit.register(self.flush)

    def take(self, line: dict[str, Any]) -> None:
        """One of our own lines below ``warning``, which nobody changes any more: it becomes JSON with the others."""
        self._lines.append(line)
        if len(self._lines) > _MOST_GATHERED:
            self.flush()
        elif not self._arrived.is_set():
            self._arrived.set()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record) + self.terminator
        except Exception:
            self.handleError(record)
            return
        self._lines.append(text)
        if record.levelno >= logging.WARNING or len(self._lines) > _MOST_GATHERED:
            self.flush()
        elif not self._arrived.is_set():
            self._arrived.set()

    def flush(self) -> None:
        with self.lock or nullcontext():
            lines, self._lines = self._lines, []
            if lines:
                try:
                    self.stream.write("".join([self._text(line) for line in lines]))
                    self.stream.flush()
                except (ValueError, OSError):  # the reader of the lines has gone, or the disk is full
                    _lost.add(len(lines), _LOGS)

    def _text(self, line: str | dict[str, Any]) -> str:
        return line if isinstance(line, str) else _as_json(line) + self.terminator

    def close(self) -> None:
        self._ended = True
        self._arrived.set()
        self.flush()
        atexit.unregister(self.flush)
        super().close()

    def _write(self) -> None:
        while not self._ended:
            self._arrived.wait()
            time.sleep(_GATHER_SECONDS)
            self._arrived.clear()
            self.flush()


class _Formatter(logging.Formatter):
    """Renders our lines as they are, and completes those of others first."""

    def __init__(self, render: _Renderer) -> None:
        super().__init__()
        self._render = render

    def format(self, record: logging.LogRecord) -> str:
        if isinstance(record.msg, _Line):
            return self._render(record.msg)
        event = {
            **structlog.contextvars.get_contextvars(),
            "event": _message(record),
            "exc_info": record.exc_info,
        }
        return self._render(complete(record.name, record.levelname.lower(), event, at=record.created))


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):
        return str(record.msg)


def _as_json(line: dict[str, Any]) -> str:
    """ASCII, whatever the stream takes."""
    try:
        text = orjson.dumps(line).decode()
    except TypeError:  # a number beyond 64 bits, half of a surrogate pair
        return json.dumps(line)
    return text if text.isascii() else json.dumps(line)


def _for_people(*, colors: bool) -> _Renderer:
    renderer = structlog.dev.ConsoleRenderer(colors=colors, sort_keys=False)

    def render(line: dict[str, Any]) -> str:
        shown = {name: _printable(value) for name, value in line.items() if name != "error_frames"}
        return str(renderer(None, line["level"], shown))

    return render


def _printable(value: object) -> object:
    return value.translate(_CONTROL) if isinstance(value, str) else value
