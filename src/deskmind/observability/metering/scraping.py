"""Reading ``/metrics`` of a running service on this machine, for the command line."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass

from deskmind.settings import TelemetrySettings

__all__ = ["Sample", "address_of", "parsed", "scraped", "total"]

_SECONDS = 2.0
_LINE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Sample:
    """One line: the name for Prometheus, its labels, the value."""

    name: str
    labels: Mapping[str, str]
    value: float


def address_of(settings: TelemetrySettings) -> str:
    """Where a service with these settings shows its metrics; empty when it does not."""
    if settings.metrics not in {"prometheus", "both"} or not settings.metrics_port:
        return ""
    host = "127.0.0.1" if settings.metrics_host in {"0.0.0.0", "::"} else settings.metrics_host  # noqa: S104
    return f"http://{host}:{settings.metrics_port}/metrics"


def parsed(text: str) -> list[Sample]:
    """The samples of a text in Prometheus's format."""
    found = [_LINE.fullmatch(line) for line in text.splitlines()]
    return [
        Sample(match[1], dict(_LABEL.findall(match[2] or "")), float(match[3]))
        for match in found
        if match is not None
    ]


def scraped(address: str) -> list[Sample] | None:
    """The samples; None when nobody answers there within two seconds. Blocks."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(address, timeout=_SECONDS) as answer:
            text = answer.read().decode()
    except (OSError, UnicodeDecodeError):
        return None
    return parsed(text)


def total(samples: list[Sample], name: str, **labels: str) -> float:
    """The sum of a metric's samples; a label's value is a pattern for its beginning."""
    return sum(
        sample.value
        for sample in samples
        if sample.name == name
        and all(sample.labels.get(label, "").startswith(value) for label, value in labels.items())
    )
