"""The catalogue: complete, bounded, documented, and used by the code; and what a host application gets of it."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from deskmind.observability import instruments
from deskmind.observability.instruments import CATALOGUE, Instrument

ROOT = Path(__file__).parents[2]

_HOST = """
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from deskmind.observability.instruments import COST, HTTP_DURATION, BREAKER, counter, histogram, observe
from deskmind.observability.metering import current_provider, labels, start_metrics
from deskmind.settings import TelemetrySettings

cost, duration = counter(COST), histogram(HTTP_DURATION)
observe(BREAKER, lambda: [(2, labels({"deskmind.deployment": "d"}))])
reader = InMemoryMetricReader()
host = MeterProvider([reader], shutdown_on_exit=False)
metrics.set_meter_provider(host)
assert start_metrics(TelemetrySettings(), release="1") is None
assert current_provider() is None and metrics.get_meter_provider() is host
cost.add(0.5, labels({"gen_ai.request.model": "fast"}))
duration.record(0.03, labels())
found = {m.name: m.data.data_points for r in reader.get_metrics_data().resource_metrics
         for s in r.scope_metrics for m in s.metrics}
assert found["deskmind.cost"][0].value == 0.5
assert dict(found["deskmind.cost"][0].attributes) == {"gen_ai.request.model": "fast"}
assert tuple(found["http.server.request.duration"][0].explicit_bounds) == HTTP_DURATION.buckets
assert found["deskmind.gateway.breaker.state"][0].value == 2
print("the host has them")
"""


def test_names_are_unique_and_of_the_known_namespaces() -> None:
    """Ours under ``deskmind``, the conventions' own where there are some."""
    names = [item.name for item in CATALOGUE]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"(deskmind|gen_ai|http|db|process)(\.[a-z_]+)+", name) for name in names)


@pytest.mark.parametrize("item", CATALOGUE, ids=lambda item: item.name)
def test_each_label_is_bounded(item: Instrument) -> None:
    """By a list of its values, or by something that is stated and how many that is."""
    assert item.description
    for label in item.labels:
        assert label.bound
        assert 0 < label.size <= 160
    assert bool(item.buckets) == (item.kind == "histogram")
    assert list(item.buckets) == sorted(set(item.buckets))
    assert item.most_series > 0


def test_the_code_measures_everything_in_the_catalogue() -> None:
    """And nothing else: the names of instruments appear nowhere but there."""
    sources = {
        path: path.read_text(encoding="utf-8")
        for path in (ROOT / "src").rglob("*.py")
        if path.parent.name != "instruments"
    }
    constants = {name for name, value in vars(instruments).items() if isinstance(value, Instrument)}
    unused = {
        name for name in constants if not any(re.search(rf"\b{name}\b", text) for text in sources.values())
    }
    assert unused == set()
    assert not [path for path, text in sources.items() if re.search(r"_meter\.create_|get_meter\(\"", text)]


def test_the_documentation_has_the_whole_catalogue() -> None:
    """As ``scripts/metrics_table.py`` writes it."""
    spec = importlib.util.spec_from_file_location("metrics_table", ROOT / "scripts" / "metrics_table.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    page = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")
    assert script.written(page) == page, "run scripts/metrics_table.py"
    assert page.count("| `deskmind.cost` | `deskmind_cost_usd_total` | counter | sum |") == 1


def test_a_hosts_meter_provider_stays_and_gets_our_metrics() -> None:
    """With our buckets; in a process of its own, because a provider is set once."""
    done = subprocess.run([sys.executable, "-c", _HOST], capture_output=True, text=True, check=False)
    assert done.stdout == "the host has them\n", done.stderr
