"""Spans reach a collector over real sockets, and a collector that does not take them costs nothing but spans."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import SecretStr
from tests.observability.telemetry.receiver import Collector

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
            **{"timeout": 0.5, **values},
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
    assert sending.flush(10)
    inner, outer = collector.spans
    assert (outer.name, outer.kind, outer.parent) == ("outer", 2, "")
    assert (inner.name, inner.parent, inner.trace_id) == ("inner", outer.span_id, outer.trace_id)
    assert inner.attributes == {"deskmind.results": 3}
    assert outer.resource["service.name"] == "desk"
    assert outer.resource["service.version"] == "1.2.3"
    assert len(outer.resource["service.instance.id"]) == 36
    assert collector.headers[0]["x-team"] == "it desk"
    assert sending.counts().exported == 2  # pyright: ignore[reportOptionalMemberAccess]
