"""Spans as a tracing SDK receives them."""

import asyncio
import logging

import pytest
from opentelemetry.trace import SpanKind, StatusCode
from tests.observability.conftest import Lines
from tests.observability.spans import RecordedSpan

from deskmind.errors import PermissionDeniedError
from deskmind.observability import logger, names, span


def test_a_span_carries_its_kind_and_attributes_and_ends_once(spans: list[RecordedSpan]) -> None:
    with span("retrieval kb", kind="client", **{names.DATA_SOURCE_ID: "kb"}) as current:
        current.set_attribute(names.TENANT, "acme")
    assert [(seen.name, seen.kind, seen.ended) for seen in spans] == [("retrieval kb", SpanKind.CLIENT, 1)]
    assert spans[0].attributes == {"gen_ai.data_source.id": "kb", "deskmind.tenant": "acme"}
    assert spans[0].status.status_code is StatusCode.UNSET


def test_spans_nest_across_awaits_and_tasks(spans: list[RecordedSpan]) -> None:
    async def child(name: str) -> None:
        with span(name):
            await asyncio.sleep(0)

    async def parent() -> None:
        with span("parent"):
            await asyncio.gather(child("a"), child("b"))
        with span("after"):
            pass

    asyncio.run(parent())
    above = {seen.name: seen.parent for seen in spans}
    parent_id = spans[0].get_span_context().span_id
    assert above == {"parent": 0, "a": parent_id, "b": parent_id, "after": 0}


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (PermissionDeniedError("req1 may not read the salary table"), "permission-denied"),
        (ValueError("the salary table"), "ValueError"),
        (asyncio.CancelledError(), "CancelledError"),
    ],
)
def test_an_error_leaves_its_kind_and_never_its_text(
    spans: list[RecordedSpan], error: BaseException, expected: str
) -> None:
    with pytest.raises(type(error)), span("work"):
        raise error
    seen = spans[0]
    assert seen.attributes == {"error.type": expected}
    assert seen.status.status_code is StatusCode.ERROR
    assert not seen.status.description
    assert not seen.exceptions
    assert seen.ended == 1


def test_lines_inside_a_span_carry_its_ids(spans: list[RecordedSpan], lines: Lines) -> None:
    log = logger("deskmind.test")
    with span("outer"), span("inner"):
        log.info("inside")
        logging.getLogger("other").warning("inside too")
    log.info("outside")
    context = spans[1].get_span_context()
    inside, foreign, outside = lines.all()
    assert inside["trace_id"] == foreign["trace_id"] == f"{context.trace_id:032x}"
    assert inside["span_id"] == foreign["span_id"] == f"{context.span_id:016x}"
    assert "trace_id" not in outside


async def test_a_stream_closed_by_another_task_ends_its_span_and_disturbs_nobody(
    spans: list[RecordedSpan], lines: Lines
) -> None:
    async def stream():
        with span("stream"):
            yield 1

    opened = stream()
    await asyncio.create_task(anext(opened))  # type: ignore[arg-type]
    with span("other"):
        await opened.aclose()
        with span("below"):
            pass
    assert [seen.ended for seen in spans] == [1, 1, 1]
    assert spans[2].parent == spans[1].get_span_context().span_id
    assert lines.text == ""


def test_without_an_sdk_spans_are_free_of_ids(lines: Lines) -> None:
    with span("work"):
        logger("deskmind.test").info("x")
    assert "trace_id" not in lines.last()


def test_names_are_distinct_and_of_known_namespaces() -> None:
    values = [getattr(names, name) for name in names.__all__]
    assert len(set(values)) == len(values)
    attributes = [
        value for name, value in zip(names.__all__, values, strict=True) if not name.startswith("OPERATION_")
    ]
    assert all(
        value.startswith(("gen_ai.", "deskmind.", "error.", "db.", "http.", "url.")) for value in attributes
    )


def test_names_are_those_of_the_conventions() -> None:
    conventions = pytest.importorskip(
        "opentelemetry.semconv._incubating.attributes.gen_ai_attributes",
        reason="opentelemetry-semantic-conventions (needed by opentelemetry-util-genai) is not installed",
    )
    known = {value for name, value in vars(conventions).items() if name.startswith("GEN_AI_")}
    ours = {
        getattr(names, name) for name in names.__all__ if not name.endswith(("_DURATION", "_CHUNK", "_USAGE"))
    }
    assert {name for name in ours if name.startswith("gen_ai.")} <= known
