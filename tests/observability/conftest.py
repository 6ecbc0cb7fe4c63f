"""Logs caught as they are written, and spans as a tracing SDK would get them."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry import trace
from tests.observability.spans import RecordedSpan, RecordingProvider

from deskmind.observability import configure_logging


class Lines:
    """What was logged, as text and as parsed lines."""

    def __init__(self, stream: io.StringIO) -> None:
        self.stream = stream

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line, parse_constant=_refuse) for line in self.text.splitlines()]

    def last(self) -> dict[str, Any]:
        return self.all()[-1]


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


@pytest.fixture
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    names = (
        "uvicorn",
        "uvicorn.error",
        "uvicorn.access",
        "procrastinate",
        "alembic",
        "psycopg.pool",
        "httpx",
    )
    others = {name: (logging.getLogger(name).level, logging.getLogger(name).propagate) for name in names}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, (kept, propagate) in others.items():
        logging.getLogger(name).setLevel(kept)
        logging.getLogger(name).propagate = propagate


@pytest.fixture
def configured(_restored: None) -> Callable[..., Lines]:
    def configure(**options: Any) -> Lines:
        stream = io.StringIO()
        configure_logging(stream=stream, **options)
        return Lines(stream)

    return configure


@pytest.fixture
def lines(configured: Callable[..., Lines]) -> Lines:
    return configured(format="json")


_PROVIDER = RecordingProvider()


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> list[RecordedSpan]:
    monkeypatch.setattr(
        "deskmind.observability.tracing._tracer", trace.get_tracer("deskmind", tracer_provider=_PROVIDER)
    )
    _PROVIDER.spans.clear()
    return _PROVIDER.spans
