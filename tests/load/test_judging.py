"""What a load run is judged by, and that a real one can be made."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from tests.load.measures import Request, Sample, breaches, summary
from tests.load.plots import plot
from tests.load.profiles import KINDS, PROFILES, Limits, Phase, Profile
from tests.load.report import results

from deskmind.api.limits.classes import CLASSES

ROOT = Path(__file__).parents[2]
PROFILE = Profile(
    "short",
    (Phase("baseline", 10, 2), Phase("steady", 80, 2), Phase("recovery", 10, 2)),
    Limits(steady_factor=3.0, recovery_factor=2.0, memory_growth=0.1),
)


def _requests(steady: float = 20.0, recovery: float = 10.0, error: str = "") -> list[Request]:
    times = [(float(second), 10.0) for second in range(10)]
    times += [(float(second), steady) for second in range(10, 90)]
    times += [(float(second), recovery) for second in range(90, 100)]
    return [Request(at, "ask", ms, error if at == 50 else "") for at, ms in times]


def _samples(growth: float = 0.0) -> list[Sample]:
    return [Sample(float(at), 100.0 * (1 + growth * at / 100), at / 10) for at in range(100)]


def _broken(requests: list[Request], samples: list[Sample]) -> list[str]:
    return breaches(summary(PROFILE, requests, samples), PROFILE.limits)


def test_a_good_run_breaks_no_limit() -> None:
    assert _broken(_requests(), _samples()) == []


@pytest.mark.parametrize(
    ("requests", "samples", "said"),
    [
        (_requests(error="503"), _samples(), "1 requests failed"),
        (_requests(steady=31), _samples(), "p95 31 ms in steady"),
        (_requests(recovery=21), _samples(), "p95 21 ms in recovery"),
        (_requests(), _samples(growth=0.3), "memory grew by"),
        (_requests(), [], "no memory was measured"),
        ([], _samples(), "no request was made"),
    ],
)
def test_each_limit_is_held(requests: list[Request], samples: list[Sample], said: str) -> None:
    assert any(said in one.replace(".0 ms", " ms") for one in _broken(requests, samples)), _broken(
        requests, samples
    )


def test_figures_are_those_of_the_requests() -> None:
    figures = summary(PROFILE, _requests(), _samples())
    assert figures["requests"] == 100
    assert figures["phases"]["steady"]["answered_per_second"] == 1.0
    assert figures["phases"]["steady"]["kinds"]["ask"]["p50_ms"] == 20.0
    assert figures["cpu_ms_per_request"] == pytest.approx(99.0)
    assert figures["memory_mb"]["growth"] == 0.0


def test_the_plot_is_a_picture_with_every_line() -> None:
    root = ET.fromstring(plot(PROFILE, _requests(), _samples()))
    lines = [one for one in root.iter() if one.tag.endswith("polyline")]
    assert len(lines) == 4
    for line in lines:
        for point in line.attrib["points"].split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= 860
            assert 0 <= y <= 640


def test_every_profile_begins_with_the_baseline_and_limits_errors_to_none() -> None:
    assert set(PROFILES) == {"smoke", "load", "stress", "spike", "soak"}
    for profile in PROFILES.values():
        assert profile.phases[0] == PROFILES["smoke"].phases[0]
        assert profile.limits.errors == 0
    assert PROFILES["soak"].seconds >= 1800
    assert PROFILES["smoke"].seconds <= 15


def test_every_class_of_requests_is_sent() -> None:
    assert set(KINDS.values()) == set(CLASSES)
    sent = (ROOT / "tests" / "load" / "locustfile.py").read_text("utf-8")
    assert [kind for kind in KINDS if f'"{kind}"' not in sent] == []


def test_what_drives_the_load_stays_out_of_the_products_locks() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        lock = (ROOT / name).read_text("utf-8")
        assert "\nlocust==" not in lock
        assert "\ngevent==" not in lock
    own = (ROOT / "tests" / "load" / "requirements.lock").read_text("utf-8")
    assert own.count("--hash=sha256:") > 100
    assert "http" + "s://" not in own


def test_the_results_in_the_documentation_are_those_of_the_runs() -> None:
    page = (ROOT / "docs" / "load.md").read_text("utf-8")
    assert results() in page, "make load ARGS='PROFILE --document'"
