"""A run as a picture: requests a second, response times, memory, over time. SVG without a library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from xml.sax.saxutils import escape

from tests.load.measures import Request, Sample, percentile
from tests.load.profiles import KINDS, Profile

__all__ = ["plot"]

_WIDTH, _PANEL, _LEFT, _TOP, _GAP = 860, 150, 70, 46, 44
_COLOURS = ("#1f6feb", "#d1242f", "#1a7f37", "#8250df", "#bf8700")
Line = tuple[str, list[tuple[float, float]]]


def plot(profile: Profile, requests: Sequence[Request], samples: Sequence[Sample]) -> str:
    """The picture of one run."""
    bucket = max(1.0, profile.seconds / 120)
    panels: list[tuple[str, list[Line]]] = [
        (
            "requests a second",
            [
                ("offered", _offered(profile)),
                ("answered", _buckets(requests, bucket, lambda of: len(of) / bucket)),
            ],
        ),
        (
            "response time, p95 in ms",
            [
                (name, _buckets([one for one in requests if KINDS[one.kind] == name], bucket, _p95))
                for name in sorted({KINDS[one.kind] for one in requests})
            ],
        ),
        ("memory of the service, MB", [("resident", [(one.at, one.megabytes) for one in samples])]),
    ]
    height = _TOP + len(panels) * (_PANEL + _GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="22" font-size="15" font-weight="bold">Load profile {escape(profile.name)}</text>',
    ]
    for number, (title, lines) in enumerate(panels):
        parts += _panel(title, lines, profile.seconds, _TOP + number * (_PANEL + _GAP))
    return "\n".join([*parts, "</svg>", ""])


def _panel(title: str, lines: Sequence[Line], seconds: float, top: int) -> list[str]:
    most = _round_up(max((value for _, points in lines for _, value in points), default=1.0))
    width, bottom = _WIDTH - _LEFT - 20, top + _PANEL
    parts = [f'<text x="{_LEFT}" y="{top - 5}" fill="#59636e">{escape(title)}</text>']
    for step in range(5):
        y = bottom - _PANEL * step / 4
        parts.append(f'<line x1="{_LEFT}" x2="{_LEFT + width}" y1="{y:.1f}" y2="{y:.1f}" stroke="#d8dee4"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{most * step / 4:g}</text>')
        x = _LEFT + width * step / 4
        parts.append(
            f'<text x="{x:.1f}" y="{bottom + 15}" text-anchor="middle">{seconds * step / 4:.0f} s</text>'
        )
    for number, (name, points) in enumerate(lines):
        colour = _COLOURS[number % len(_COLOURS)]
        drawn = " ".join(
            f"{_LEFT + width * min(at / seconds, 1):.1f},{bottom - _PANEL * value / most:.1f}"
            for at, value in points
        )
        parts.append(f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
        x = _LEFT + 190 + 110 * number
        parts.append(f'<text x="{x}" y="{top - 5}" fill="{colour}">{escape(name)}</text>')
    return parts


def _offered(profile: Profile) -> list[tuple[float, float]]:
    points: list[tuple[float, float]] = []
    start = 0.0
    for phase in profile.phases:
        points += [(start, float(phase.users)), (start + phase.seconds, float(phase.users))]
        start += phase.seconds
    return points


def _buckets(
    requests: Sequence[Request], bucket: float, measure: Callable[[list[Request]], float]
) -> list[tuple[float, float]]:
    found: dict[int, list[Request]] = {}
    for one in requests:
        found.setdefault(int(one.at / bucket), []).append(one)
    return [((number + 0.5) * bucket, measure(found[number])) for number in sorted(found)]


def _p95(requests: list[Request]) -> float:
    return percentile(sorted(one.milliseconds for one in requests), 0.95)


def _round_up(value: float) -> float:
    step = 10 ** (len(str(int(max(value, 1)))) - 1)
    for factor in (1, 2, 4, 5, 8, 10):
        if value <= factor * step:
            return float(factor * step)
    return value
