"""Metrics as text: Prometheus' format 0.0.4 or 1.0.0, or OpenMetrics 1.0.0, as the reader prefers.

Names follow the specification "Prometheus and OpenMetrics compatibility" of OpenTelemetry: dots become underscores, the
unit is a suffix, counters end in ``_total``, braces of a unit are left out.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable

from deskmind.observability.metering.families import Families, Family, LabelValues, Series

__all__ = ["exposed_name", "negotiated", "rendered"]

_OPEN = "application/openmetrics-text"
_UNITS = {
    "s": "seconds",
    "ms": "milliseconds",
    "By": "bytes",
    "KiBy": "kibibytes",
    "MiBy": "mebibytes",
    "%": "percent",
}
_WRONG = re.compile(r"[^a-zA-Z0-9_:]+")
_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})
_TYPES = {"counter": "counter", "up_down_counter": "gauge", "gauge": "gauge", "histogram": "histogram"}


def exposed_name(name: str, unit: str, kind: str) -> str:
    """A metric's name for Prometheus, without the suffixes of its samples.

    >>> exposed_name("http.server.request.duration", "s", "histogram")
    'http_server_request_duration_seconds'
    >>> exposed_name("deskmind.cost", "usd", "counter")
    'deskmind_cost_usd'
    """
    base = _WRONG.sub("_", name).strip("_")
    suffix = "" if "{" in unit else _UNITS.get(unit, _WRONG.sub("_", unit))
    if unit == "1":
        suffix = "ratio" if kind == "gauge" else ""
    if suffix and not base.endswith(f"_{suffix}"):
        base = f"{base}_{suffix}"
    return base.removesuffix("_total") if kind == "counter" else base


def negotiated(accept: str) -> tuple[str, bool]:
    """The media type for an ``Accept`` header, and whether it is OpenMetrics."""
    offers: list[tuple[float, str]] = []
    for part in accept.split(","):
        kind, *parameters = [piece.strip() for piece in part.split(";")]
        given = dict(item.split("=", 1) for item in parameters if "=" in item)
        offers.append((_quality(given.get("q", "1")), f"{kind};{given.get('version', '')}"))
    for _, offer in sorted(offers, key=lambda item: -item[0]):
        if offer == f"{_OPEN};1.0.0":
            return f"{_OPEN}; version=1.0.0; charset=utf-8; escaping=underscores", True
        if offer == "text/plain;1.0.0":
            return "text/plain; version=1.0.0; charset=utf-8; escaping=underscores", False
        if offer.startswith(("text/plain", "*/*")):
            break
    return "text/plain; version=0.0.4; charset=utf-8", False


def rendered(families: Families, *, openmetrics: bool = False) -> str:
    """The text."""
    lines: list[str] = []
    for family in sorted(families.values(), key=lambda family: family.name):
        if family.series:
            _render(family, lines, openmetrics)
    if openmetrics:
        lines.append("# EOF")
    return "\n".join(lines) + "\n"


def _render(family: Family, lines: list[str], openmetrics: bool) -> None:
    name = exposed_name(family.name, family.unit, family.kind)
    sample = f"{name}_total" if family.kind == "counter" else name
    head = name if openmetrics else sample
    lines.append(f"# HELP {head} {family.description}")
    lines.append(f"# TYPE {head} {_TYPES[family.kind]}")
    unit = "" if "{" in family.unit else _UNITS.get(family.unit, "")
    if openmetrics and unit and name.endswith(f"_{unit}"):
        lines.append(f"# UNIT {name} {unit}")
    for labels, series in sorted(family.series.items()):
        if family.kind == "histogram":
            _render_histogram(name, family.bounds, labels, series, lines)
        else:
            lines.append(f"{sample}{_labelled(labels)} {_number(series.values()[0])}")


def _render_histogram(
    name: str, bounds: Iterable[float], labels: LabelValues, series: Series, lines: list[str]
) -> None:
    *counts, total = series.values()
    running = list(itertools.accumulate(counts))
    for bound, count in zip([*map(str, map(float, bounds)), "+Inf"], running, strict=True):
        lines.append(f"{name}_bucket{_labelled(labels, ('le', bound))} {_number(count)}")
    lines.append(f"{name}_count{_labelled(labels)} {_number(running[-1])}")
    lines.append(f"{name}_sum{_labelled(labels)} {_number(total)}")


def _labelled(labels: LabelValues, *more: tuple[str, str]) -> str:
    parts = [f'{_WRONG.sub("_", name)}="{value.translate(_ESCAPES)}"' for name, value in (*labels, *more)]
    return "{" + ",".join(parts) + "}" if parts else ""


def _number(value: float) -> str:
    if value != value or value in {float("inf"), float("-inf")}:  # noqa: PLR0124
        return {float("inf"): "+Inf", float("-inf"): "-Inf"}.get(value, "NaN")
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)


def _quality(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return 0.0
