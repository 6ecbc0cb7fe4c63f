"""The text is what Prometheus reads: parsed by its own client library."""

from __future__ import annotations

import shutil
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from deskmind.observability.instruments import CATALOGUE
from deskmind.observability.metering import MemoryMeterProvider, ProcessGroup, labels
from deskmind.observability.metering.endpoint import serving_metrics
from deskmind.observability.metering.exposition import exposed_name, negotiated, rendered
from deskmind.observability.metering.families import families_of
from deskmind.observability.metering.memory import ProcessMemory
from deskmind.observability.metering.scraping import scraped, total

# what Prometheus 3 sends
PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


def everything() -> MemoryMeterProvider:
    """A provider with a value in each instrument of the catalogue."""
    provider = MemoryMeterProvider(ProcessMemory())
    meter = provider.get_meter("t")
    for item in CATALOGUE:
        given_ = labels({label.name: (label.values or ("x",))[0] for label in item.labels})
        if item.kind == "histogram":
            meter.create_histogram(
                item.name, item.unit, item.description, explicit_bucket_boundaries_advisory=item.buckets
            ).record(0.3, given_)
        elif item.kind == "counter":
            meter.create_counter(item.name, item.unit, item.description).add(2.5, given_)
        elif item.kind == "gauge":
            meter.create_gauge(item.name, item.unit, item.description).set(1.5, given_)
        else:
            meter.create_up_down_counter(item.name, item.unit, item.description).add(1, given_)
    return provider


def text(provider: MemoryMeterProvider, *, openmetrics: bool = False) -> str:
    """Its metrics as text."""
    families = families_of(provider.memory.explanations(), provider.memory.values)
    return rendered(families, openmetrics=openmetrics)


@pytest.mark.parametrize("openmetrics", [False, True])
def test_the_whole_catalogue_is_readable(openmetrics: bool) -> None:
    """Each with its type, its help and its samples."""
    shown = text(everything(), openmetrics=openmetrics)
    families = {family.name: family for family in (parse_openmetrics(shown) if openmetrics else parse(shown))}
    assert len(families) == len(CATALOGUE)
    for item in CATALOGUE:
        family = families[exposed_name(item.name, item.unit, item.kind)]
        assert family.type == {"up_down_counter": "gauge"}.get(item.kind, item.kind)
        assert family.documentation == item.description
        sums = {sample.name.removeprefix(family.name): sample.value for sample in family.samples}
        if item.kind == "histogram":
            assert (sums["_count"], sums["_sum"]) == (1, 0.3)
            infinite = [sample for sample in family.samples if sample.labels.get("le") == "+Inf"]
            assert [sample.value for sample in infinite] == [1]
        else:
            assert list(sums.values()) == [{"counter": 2.5, "gauge": 1.5, "up_down_counter": 1.0}[item.kind]]


@pytest.mark.parametrize(
    ("name", "unit", "kind", "shown"),
    [
        ("http.server.request.duration", "s", "histogram", "http_server_request_duration_seconds"),
        ("http.server.active_requests", "{request}", "up_down_counter", "http_server_active_requests"),
        ("deskmind.cost", "usd", "counter", "deskmind_cost_usd"),
        ("deskmind.budget.used_ratio", "1", "gauge", "deskmind_budget_used_ratio"),
        ("deskmind.cache.size", "By", "gauge", "deskmind_cache_size_bytes"),
        ("process.cpu.time", "s", "counter", "process_cpu_time_seconds"),
        ("gen_ai.client.token.usage", "{token}", "histogram", "gen_ai_client_token_usage"),
    ],
)
def test_names_follow_the_specification(name: str, unit: str, kind: str, shown: str) -> None:
    """Of OpenTelemetry, for its compatibility with Prometheus."""
    assert exposed_name(name, unit, kind) == shown


@settings(max_examples=100)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_any_label_value_is_read_back(value: str) -> None:
    """Quotes, backslashes, line ends, whatever a deployment is called."""
    provider = MemoryMeterProvider(ProcessMemory())
    provider.get_meter("t").create_counter("c").add(1, labels({"deskmind.deployment": value}))
    (family,) = parse(text(provider))
    assert [sample.labels for sample in family.samples] == [{"deskmind_deployment": value}]


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (PROMETHEUS, "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"),
        ("text/plain;version=1.0.0", "text/plain; version=1.0.0; charset=utf-8; escaping=underscores"),
        ("text/plain;version=0.0.4;q=0.3,*/*;q=0.2", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text;version=0.0.1", "text/plain; version=0.0.4; charset=utf-8"),
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/html;q=x,;;=,*/*", "text/plain; version=0.0.4; charset=utf-8"),
    ],
)
def test_the_reader_gets_what_it_prefers(accept: str, media_type: str) -> None:
    """And the oldest form when it says nothing that we know."""
    assert negotiated(accept)[0] == media_type


def test_a_port_of_its_own(tmp_path: Path) -> None:
    """Without a key, in the form asked for; any other path is not found."""
    group = ProcessGroup(tmp_path)
    provider = MemoryMeterProvider(ProcessMemory(group.folder))
    provider.get_meter("t").create_counter("calls").add(3, {"model": "fast", "other": 'a"b'})
    with serving_metrics(group, "127.0.0.1", 0) as address:
        assert address is not None
        request = urllib.request.Request(address, headers={"Accept": PROMETHEUS})
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
            assert answer.read().endswith(b"# EOF\n")
        samples = scraped(address)
        assert samples is not None
        assert total(samples, "calls_total", model="fast") == 3
        assert total(samples, "calls_total", model="slow") == 0
        assert scraped(address.replace("/metrics", "/")) is None
        shutil.rmtree(group.folder)
        with pytest.raises(urllib.error.HTTPError, match="503"):
            urllib.request.urlopen(address, timeout=60)
        taken = int(address.split(":")[2].split("/")[0])
        with serving_metrics(group, "127.0.0.1", taken) as second:
            assert second is None, "a port that is taken must not keep the service from starting"
    assert scraped(address) is None
