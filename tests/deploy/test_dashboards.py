"""The dashboards' files: as their source makes them, whole in Grafana's form, and about metrics that exist."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from deploy.alerts import ALERTS
from deploy.boards import BOARDS
from deploy.generate import generated, stale
from deploy.objectives import OBJECTIVES
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from deskmind.observability.instruments import CATALOGUE, Instrument
from deskmind.observability.metering.exposition import exposed_name

FILES = sorted((Path(__file__).parents[2] / "deploy" / "grafana" / "dashboards").glob("*.json"))
_NAME = re.compile(
    r"\b((?:http|gen_ai|deskmind|db|process)_\w+)\{([^}]*)\}|\b((?:http|gen_ai|deskmind|db|process)_\w+)\b"
)
_LABEL = re.compile(r'(\w+)(?:=~|!~|!=|=)"([^"]*)"')
_BY = re.compile(r"by \(([^)]*)\)")
_PROMETHEUS = {"le", "instance", "job", "slo", "alertname"}


def _documents() -> list[Any]:
    return [pytest.param(json.loads(path.read_text("utf-8")), id=path.stem) for path in FILES]


def _exposed(instrument: Instrument) -> dict[str, Instrument]:
    name = exposed_name(instrument.name, instrument.unit, instrument.kind)
    suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"]}.get(instrument.kind, [""])
    return {name + suffix: instrument for suffix in suffixes}


SERIES = {name: one for instrument in CATALOGUE for name, one in _exposed(instrument).items()}


def _expressions() -> Iterator[Any]:
    for board in BOARDS:
        for panel in board.panels:
            for query in panel.queries:
                yield pytest.param(query.expression, id=f"{board.name}: {panel.title}")
    for alert in ALERTS:
        yield pytest.param(alert.expression, id=alert.name)
    for objective in OBJECTIVES:
        yield pytest.param(objective.ratio("5m"), id=objective.slo)


def test_the_files_are_what_their_source_makes() -> None:
    assert stale() == [], "make dashboards"
    assert len(FILES) == len(BOARDS) == 7
    assert {path for path in generated() if path.suffix == ".json"} == set(FILES), "a file without a source"


@pytest.mark.parametrize("document", _documents())
def test_a_round_trip_through_the_sdk_loses_nothing(document: dict[str, Any]) -> None:
    register_default_plugins()
    again = json.loads(json.dumps(Dashboard.from_json(document), cls=JSONEncoder))
    assert again == document


@pytest.mark.parametrize("document", _documents())
def test_each_panel_explains_itself(document: dict[str, Any]) -> None:
    panels = [panel for panel in document["panels"] if panel["type"] != "row"]
    assert len(panels) >= 7
    assert len({panel["title"] for panel in panels}) == len(panels)
    for panel in panels:
        assert len(panel["description"]) > 20, panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["datasource"]["uid"] == "${datasource}"
        assert all(target["datasource"]["uid"] == "${datasource}" for target in panel["targets"])
        for target in panel["targets"]:
            assert target["legendFormat"]
            assert "$instance" in target["expr"] or "deskmind:slo_burn" in target["expr"], panel["title"]
    ids = [panel["id"] for panel in document["panels"]]
    assert len(set(ids)) == len(ids)
    judged = [panel for panel in panels if len(panel["fieldConfig"]["defaults"]["thresholds"]["steps"]) > 1]
    assert judged, "no panel says what is bad"


@pytest.mark.parametrize("document", _documents())
def test_panels_do_not_overlap(document: dict[str, Any]) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in document["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells


@pytest.mark.parametrize("document", _documents())
def test_a_dashboard_leads_to_the_others_and_takes_any_data_source(document: dict[str, Any]) -> None:
    assert document["uid"].startswith("deskmind-")
    (link,) = [link for link in document["links"] if link["type"] == "dashboards"]
    assert link["tags"] == ["deskmind"] == document["tags"]
    assert link["keepTime"]
    assert link["includeVars"]
    variables = {one["name"]: one for one in document["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert variables["datasource"]["query"] == "prometheus"
    assert variables["instance"]["type"] == "query"


def test_each_metric_is_on_a_dashboard() -> None:
    shown = " ".join(
        query.expression for board in BOARDS for panel in board.panels for query in panel.queries
    )
    missing = [one.name for one in CATALOGUE if exposed_name(one.name, one.unit, one.kind) not in shown]
    assert missing == []


@pytest.mark.parametrize("expression", list(_expressions()))
def test_an_expression_names_what_is_measured(expression: str) -> None:
    without_recordings = re.sub(r"deskmind:\w+(?:\{[^}]*\})?", "", expression)
    grouped = {label.strip() for found in _BY.findall(without_recordings) for label in found.split(",")}
    known: set[str] = set(_PROMETHEUS)
    for with_labels, labels, bare in _NAME.findall(_BY.sub("", without_recordings)):
        name = with_labels or bare
        if not with_labels and name not in SERIES:
            continue  # a label's value or name
        assert name in SERIES, f"{name} is not in the catalogue"
        own = {re.sub(r"\W", "_", label.name): label for label in SERIES[name].labels}
        known |= set(own)
        for label, value in _LABEL.findall(labels):
            assert label in own or label in _PROMETHEUS, f"{name} has no label {label}"
            values = own[label].values if label in own else ()
            if values and re.fullmatch(r"[\w-]+", value):
                assert value in values, f"{label} of {name} is never {value}"
    assert grouped <= known, f"grouped by {grouped - known}, which no series has"


def test_an_objectives_bound_is_a_bound_of_the_histogram() -> None:
    for objective in OBJECTIVES:
        if objective.faster_than is not None:
            bounds = SERIES[objective.total.partition("{")[0] + "_bucket"].buckets
            assert objective.faster_than in bounds, objective.slo
