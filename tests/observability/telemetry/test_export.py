"""Spans reach a collector over real sockets, and a collector that does not take them costs nothing but spans."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from pydantic import SecretStr
from tests.observability.conftest import Lines
from tests.observability.telemetry.receiver import Collector, Fault

from deskmind.errors import ConfigurationError, MissingExtraError
from deskmind.observability import span, telemetry
from deskmind.observability.telemetry import Telemetry
from deskmind.settings import TelemetrySettings

PROTOCOLS = ("http/protobuf", "grpc")


@pytest.fixture(params=PROTOCOLS)
def collector(request: pytest.FixtureRequest) -> Iterator[Collector]:
    with Collector(request.param) as started:
        yield started


@pytest.fixture
def export_to() -> Iterator[Callable[..., Telemetry]]:
    started: list[Telemetry] = []

    def begin(collector: Collector, **values: Any) -> Telemetry:
        settings = TelemetrySettings(
            traces="otlp",
            protocol=collector.protocol,
            endpoint=collector.endpoint,
            **{"timeout": 0.5, "interval": 0.05, **values},
        )
        started.append(telemetry.start(settings, "1.2.3"))
        return started[-1]

    yield begin
    for item in started:
        item.close(1)


def test_spans_arrive_with_who_sent_them(collector: Collector, export_to: Callable[..., Telemetry]) -> None:
    sending = export_to(collector, service_name="desk", headers=SecretStr("x-team=it%20desk"))
    with span("outer", kind="server"), span("inner", **{"deskmind.results": 3}):
        pass
    assert sending.flush(60)
    inner, outer = collector.spans
    assert (outer.name, outer.kind, outer.parent) == ("outer", 2, "")
    assert (inner.name, inner.parent, inner.trace_id) == ("inner", outer.span_id, outer.trace_id)
    assert inner.attributes == {"deskmind.results": 3}
    assert outer.resource["service.name"] == "desk"
    assert outer.resource["service.version"] == "1.2.3"
    assert len(outer.resource["service.instance.id"]) == 36
    assert collector.headers[0]["x-team"] == "it desk"
    assert sending.counts().exported == 2  # pyright: ignore[reportOptionalMemberAccess]


def export_lines(lines: Lines) -> list[dict[str, Any]]:
    return [line for line in lines.all() if line["logger"] == "deskmind.telemetry"]


@pytest.mark.parametrize("fault", ["hang", "500", "refuse"])
def test_a_collector_that_fails_costs_one_warning_and_no_work_and_may_come_back(
    collector: Collector, export_to: Callable[..., Telemetry], lines: Lines, fault: str
) -> None:
    if fault == "refuse":
        collector.refuse()
    else:
        collector.fault = cast("Fault", fault)
    sending = export_to(collector, timeout=0.2)
    for number in range(6_000):
        with span(f"work {number}"):
            pass
        if number % 2_000 == 0:
            assert not sending.flush(0.3)
    for _ in range(200):  # on a busy machine the first failure comes late
        if export_lines(lines):
            break
        assert not sending.flush(0.1)
    counts = sending.counts()
    assert counts is not None
    assert counts.exported == 0
    assert counts.waiting <= 4_096 + 512
    assert counts.waiting + counts.dropped == 6_000
    warnings = export_lines(lines)
    assert [(line["level"], line["event"]) for line in warnings] == [("warning", "telemetry.export_failing")]
    assert warnings[0]["destination"] == collector.endpoint

    collector.heal()
    if fault == "refuse":
        collector.__enter__()
    with span("afterwards"):
        pass
    collector.named("afterwards")
    assert sending.flush(60)
    told = [(line["level"], line["event"]) for line in export_lines(lines)]
    once = [("warning", "telemetry.export_failing"), ("info", "telemetry.export_recovered")]
    # on a busy machine an export may take longer than its timeout again: an outage of its own
    assert told == once * (len(told) // 2)
    counts = sending.counts()
    assert counts is not None
    assert counts.exported + counts.dropped == 6_001
    arrived = {item.span_id for item in collector.spans}
    assert counts.exported <= len(arrived)  # what hung may have arrived after we had given it up


def test_no_other_line_speaks_of_the_outage(
    collector: Collector, export_to: Callable[..., Telemetry], lines: Lines
) -> None:
    collector.fault = "500"
    sending = export_to(collector)
    with span("work"):
        pass
    assert not sending.flush(0.3)
    sending.close(0.1)
    assert {line["logger"] for line in lines.all()} == {"deskmind.telemetry"}


def test_the_end_waits_for_a_hanging_collector_no_longer_than_told(
    collector: Collector, export_to: Callable[..., Telemetry]
) -> None:
    collector.fault = "hang"
    sending = export_to(collector, timeout=60)
    with span("work"):
        pass
    ended = threading.Thread(target=sending.close, args=(0.2,))
    ended.start()
    ended.join(60)
    assert not ended.is_alive()
    counts = sending.counts()
    assert counts is not None
    assert (counts.exported, counts.dropped, counts.waiting) == (0, 1, 0)


def test_applications_of_one_process_share_the_export(
    collector: Collector, export_to: Callable[..., Telemetry]
) -> None:
    first, second = export_to(collector), export_to(collector, service_name="other")
    assert first is second
    first.close(1)
    with span("still"):
        pass
    assert collector.named("still").resource["service.name"] == "deskmind"


def test_nothing_is_sent_unless_the_settings_say_so() -> None:
    begun = telemetry.start(TelemetrySettings(), "1")  # pyright: ignore[reportCallIssue]
    assert not begun.exporting
    assert begun.flush()
    with span("work") as current:
        assert not current.is_recording()
    begun.close()


def test_a_host_that_has_a_provider_keeps_it() -> None:
    """In a process of its own, since a global provider cannot be taken back."""
    program = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
theirs, seen = TracerProvider(), InMemorySpanExporter()
theirs.add_span_processor(SimpleSpanProcessor(seen))
trace.set_tracer_provider(theirs)
from deskmind.observability import span, telemetry
from deskmind.settings import TelemetrySettings
begun = telemetry.start(TelemetrySettings(traces="otlp", endpoint="http://127.0.0.1:9"), "1")
with span("work"):
    pass
begun.close()
assert trace.get_tracer_provider() is theirs
print(begun.exporting, [item.name for item in seen.get_finished_spans()])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False ['work']\n"


def test_a_missing_extra_is_said_clearly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "deskmind.observability.telemetry._exporters", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    with pytest.raises(MissingExtraError, match=r"traces.*telemetry"):
        telemetry.start(TelemetrySettings(traces="console"), "1")  # pyright: ignore[reportCallIssue]


def test_headers_that_cannot_be_read_are_not_quoted() -> None:
    settings = TelemetrySettings(traces="otlp", headers=SecretStr("canary-token"))  # pyright: ignore[reportCallIssue]
    with pytest.raises(ConfigurationError, match="name=value") as refused:
        telemetry.start(settings, "1")
    assert "canary" not in str(refused.value.problem())


def test_console_spans_are_lines_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    begun = telemetry.start(TelemetrySettings(traces="console"), "1")  # pyright: ignore[reportCallIssue]
    with span("work"):
        pass
    begun.close(5)
    assert json.loads(capsys.readouterr().err)["name"] == "work"
