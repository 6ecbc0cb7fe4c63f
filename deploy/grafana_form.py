"""Boards in Grafana's form, by the Grafana Foundation SDK."""

from __future__ import annotations

import json
from typing import Any

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as form
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from deploy.panels import BAD, GOOD, Board, Panel

__all__ = ["as_json", "built"]

_TAG = "deskmind"
_SOURCE = model.DataSourceRef(type_val="prometheus", uid="${datasource}")
_HEIGHT = 8
_FIRST_ROW = 1000


def as_json(board: Board) -> str:
    """The file's content."""
    return json.dumps(built(board), cls=JSONEncoder, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def built(board: Board) -> model.Dashboard:
    """The dashboard."""
    made = (
        dashboard.Dashboard(board.title)
        .uid(f"deskmind-{board.name}")
        .description(board.description)
        .tags([_TAG])
        .timezone("browser")
        .time("now-1h", "now")
        .refresh("30s")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .editable()
        .with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .with_variable(_instances())
        .link(_others())
    )
    number = 0
    for place, section in enumerate(board.sections):
        made = made.with_row(dashboard.Row(section.title).id(_FIRST_ROW + place))
        for panel in section.panels:
            number += 1
            made = made.with_panel(_panel(panel).id(number))
    return made.build()


def _instances() -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable("instance")
        .label("Instance")
        .datasource(_SOURCE)
        .query("label_values(deskmind_build_info, instance)")
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(model.VariableOption(selected=True, text="All", value="$__all"))
    )


def _others() -> dashboard.DashboardLink:
    return (
        dashboard.DashboardLink("Deskmind")
        .type(model.DashboardLinkType.DASHBOARDS)
        .tags([_TAG])
        .keep_time(True)
        .include_vars(True)
        .as_dropdown(False)
        .tooltip("The other dashboards, at the same time and instance")
    )


def _panel(panel: Panel) -> Any:
    made = {"timeseries": _lines, "stat": _stat, "bars": _bars, "table": _table}[panel.kind](panel)
    made = (
        made.title(panel.title)
        .description(panel.description)
        .unit(panel.unit)
        .datasource(_SOURCE)
        .span(panel.width)
        .height(_HEIGHT)
        .thresholds(_thresholds(panel))
        .min(0)
    )
    if panel.most is not None:
        made = made.max(panel.most)
    if panel.decimals is not None:
        made = made.decimals(panel.decimals)
    for place, query in enumerate(panel.queries):
        target = (
            prometheus.Dataquery()
            .expr(query.expression)
            .legend_format(query.legend or panel.title)
            .ref_id(chr(ord("A") + place))
            .datasource(_SOURCE)
        )
        if panel.kind == "table":
            target = target.format(PromQueryFormat.TABLE)
        made = made.with_target(target.range() if panel.kind == "timeseries" else target.instant())
    return made


def _lines(panel: Panel) -> timeseries.Panel:
    legend = (
        common.VizLegendOptions()
        .show_legend(True)
        .display_mode(form.LegendDisplayMode.TABLE)
        .placement(form.LegendPlacement.BOTTOM)
        .calcs(["lastNotNull", "max"])
    )
    made = timeseries.Panel().line_width(1).fill_opacity(30 if panel.stacked else 8).legend(legend)
    made = made.tooltip(
        common.VizTooltipOptions().mode(form.TooltipDisplayMode.MULTI).sort(form.SortOrder.DESCENDING)
    )
    if panel.stacked:
        made = made.stacking(common.StackingConfig().mode(form.StackingMode.NORMAL))
    if any(colour == BAD for _, colour in panel.thresholds):
        made = made.thresholds_style(
            common.GraphThresholdsStyleConfig().mode(form.GraphTresholdsStyleMode.DASHED)
        )
    return made


def _stat(panel: Panel) -> stat.Panel:
    return (
        stat.Panel()
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .color_mode(form.BigValueColorMode.BACKGROUND if panel.thresholds else form.BigValueColorMode.NONE)
        .graph_mode(form.BigValueGraphMode.NONE)
    )


def _bars(panel: Panel) -> bargauge.Panel:
    return (
        bargauge.Panel()
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .orientation(form.VizOrientation.HORIZONTAL)
        .display_mode(form.BarGaugeDisplayMode.BASIC)
    )


def _table(panel: Panel) -> table.Panel:
    return table.Panel().show_header(True)


def _thresholds(panel: Panel) -> dashboard.ThresholdsConfig:
    base = GOOD if panel.thresholds else "text"
    steps = [model.Threshold(value=None, color=base)]
    steps += [model.Threshold(value=value, color=colour) for value, colour in panel.thresholds]
    return dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps)
