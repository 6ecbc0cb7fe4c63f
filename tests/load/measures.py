"""From requests and samples of memory to figures, and from figures to what does not hold."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.load.profiles import KINDS, Limits, Phase, Profile

__all__ = ["Request", "Sample", "breaches", "summary"]


@dataclass(frozen=True, slots=True)
class Request:
    """One request: when it was sent (seconds since the start), its kind, how long it took (milliseconds), what failed."""

    at: float
    kind: str
    milliseconds: float
    error: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """The service's processes at one moment: resident memory in MB, processor time in seconds since the start."""

    at: float
    megabytes: float
    cpu_seconds: float


def summary(profile: Profile, requests: Sequence[Request], samples: Sequence[Sample]) -> dict[str, Any]:
    """Figures of the whole run and of each phase."""
    phases: dict[str, Any] = {}
    start = 0.0
    for phase in profile.phases:
        within = [one for one in requests if start <= one.at < start + phase.seconds]
        phases[phase.name] = _phase(phase, within)
        start += phase.seconds
    return {
        "profile": profile.name,
        "seconds": profile.seconds,
        "requests": len(requests),
        "errors": sum(1 for one in requests if one.error),
        "cpu_ms_per_request": _cpu(requests, samples),
        "memory_mb": _memory(profile, samples),
        "phases": phases,
    }


def breaches(figures: Mapping[str, Any], limits: Limits) -> list[str]:
    """One sentence for each limit that does not hold; empty when all do."""
    found: list[str] = []
    if not figures["requests"]:
        found.append("no request was made")
    if figures["errors"] > limits.errors:
        found.append(f"{figures['errors']} requests failed; at most {limits.errors} may")
    for phase, factor in (("steady", limits.steady_factor), ("recovery", limits.recovery_factor)):
        if factor is not None:
            found += _slower(figures["phases"], phase, factor)
    growth = figures["memory_mb"]["growth"]
    if limits.memory_growth is not None and (growth is None or growth > limits.memory_growth):
        found.append(
            f"memory grew by {growth:.1%}; at most {limits.memory_growth:.0%}"
            if growth
            else "no memory was measured"
        )
    return found


def _slower(phases: Mapping[str, Any], phase: str, factor: float) -> list[str]:
    return [
        f"{name}: p95 {now['p95_ms']} ms in {phase}, more than {factor:g} times the {base['p95_ms']} ms of the baseline"
        for name, base in phases["baseline"]["classes"].items()
        if (now := phases[phase]["classes"].get(name)) and now["p95_ms"] > factor * base["p95_ms"]
    ]


def _phase(phase: Phase, requests: Sequence[Request]) -> dict[str, Any]:
    kinds = sorted({one.kind for one in requests})
    return {
        "offered_per_second": phase.users,
        "answered_per_second": round(len(requests) / phase.seconds, 1),
        "errors": sum(1 for one in requests if one.error),
        "kinds": {kind: _times([one for one in requests if one.kind == kind]) for kind in kinds},
        "classes": {
            name: _times([one for one in requests if KINDS[one.kind] == name])
            for name in sorted({KINDS[kind] for kind in kinds})
        },
    }


def _times(requests: Sequence[Request]) -> dict[str, Any]:
    times = sorted(one.milliseconds for one in requests)
    return {
        "requests": len(times),
        **{f"p{share}_ms": round(percentile(times, share / 100), 1) for share in (50, 95, 99)},
    }


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value that this share of the ordered values does not exceed."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _cpu(requests: Sequence[Request], samples: Sequence[Sample]) -> float | None:
    if len(samples) < 2 or not requests:
        return None
    return round(1000 * (samples[-1].cpu_seconds - samples[0].cpu_seconds) / len(requests), 2)


def _memory(profile: Profile, samples: Sequence[Sample]) -> dict[str, float | None]:
    """Medians of the second and the last eighth of the longest phase: the first warms up."""
    longest = max(profile.phases, key=lambda phase: phase.seconds)
    begin = sum(phase.seconds for phase in profile.phases[: profile.phases.index(longest)])
    eighth = longest.seconds / 8
    first, last = (
        [one.megabytes for one in samples if begin + n * eighth <= one.at < begin + (n + 1) * eighth]
        for n in (1, 7)
    )
    peak = max((one.megabytes for one in samples), default=0.0)
    if not first or not last:
        return {"first": None, "last": None, "growth": None, "peak": round(peak, 1)}
    a, b = statistics.median(first), statistics.median(last)
    return {"first": round(a, 1), "last": round(b, 1), "growth": round(b / a - 1, 4), "peak": round(peak, 1)}
