"""What an operation leaves behind."""

import asyncio

import pytest
from opentelemetry.trace import StatusCode
from tests.observability.conftest import Lines
from tests.observability.spans import RecordedSpan

from deskmind.errors import DatabaseUnavailableError, PermissionDeniedError
from deskmind.observability import correlation, observed, pseudonym


async def test_a_good_operation_leaves_one_line_and_one_span(lines: Lines, spans: list[RecordedSpan]) -> None:
    with correlation("req-1"):
        async with observed("knowledge.ask", tenant="acme", user="ana", mode="extractive") as operation:
            operation.note(passages=3)
    (line,) = lines.all()
    assert line["event"] == "knowledge.ask"
    assert (line["level"], line["outcome"], line["passages"], line["mode"]) == ("info", "ok", 3, "extractive")
    assert (line["tenant"], line["user"], line["correlation_id"]) == ("acme", pseudonym("ana"), "req-1")
    assert line["duration_ms"] >= 0
    assert "error_code" not in line
    (span,) = spans
    assert span.attributes == {
        "deskmind.tenant": "acme",
        "deskmind.operation": "knowledge.ask",
        "deskmind.correlation_id": "req-1",
        "mode": "extractive",
        "deskmind.passages": 3,
    }
    assert line["span_id"] == f"{span.get_span_context().span_id:016x}"
    assert span.ended == 1


@pytest.mark.parametrize(
    ("error", "level", "code"),
    [
        (PermissionDeniedError("the salary table"), "info", "permission-denied"),
        (DatabaseUnavailableError("the salary table"), "error", "database-unavailable"),
        (ValueError("the salary table"), "error", "ValueError"),
    ],
)
async def test_a_failed_operation_says_how_and_passes_the_error_on(
    lines: Lines, spans: list[RecordedSpan], error: Exception, level: str, code: str
) -> None:
    with pytest.raises(type(error)) as passed:
        async with observed("knowledge.ask"):
            raise error
    assert passed.value is error
    (line,) = lines.all()
    assert (line["level"], line["outcome"], line["error_code"]) == (level, "error", code)
    assert ("error_at" in line) == (level == "error")
    assert spans[0].status.status_code is StatusCode.ERROR
    assert "salary" not in lines.text


async def test_a_cancelled_operation_is_neither_good_nor_an_error(lines: Lines) -> None:
    entered = asyncio.Event()

    async def wait() -> None:
        async with observed("knowledge.ask"):
            entered.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (lines.last()["outcome"], lines.last()["level"]) == ("cancelled", "info")


async def test_facts_cannot_displace_the_outcome(lines: Lines) -> None:
    async with observed("x", outcome="great") as operation:
        operation.note(duration_ms=-1)
    assert lines.last()["outcome"] == "ok"
    assert lines.last()["duration_ms"] >= 0
