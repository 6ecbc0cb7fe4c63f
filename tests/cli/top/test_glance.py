"""What two readings of the metrics say."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from deskmind.cli.top.glance import Glance, Reading, between, quantile
from deskmind.cli.top.screen import drawn
from deskmind.cli.top.source import metrics_address
from deskmind.errors import InvalidRequestError
from deskmind.observability.metering.scraping import parsed

BEFORE = """
http_server_request_duration_seconds_count{http_route="/v1/ask",http_response_status_code="200"} 100
http_server_request_duration_seconds_bucket{http_route="/v1/ask",http_response_status_code="200",le="0.1"} 60
http_server_request_duration_seconds_bucket{http_route="/v1/ask",http_response_status_code="200",le="0.5"} 100
http_server_request_duration_seconds_bucket{http_route="/v1/ask",http_response_status_code="200",le="+Inf"} 100
deskmind_cost_usd_total{gen_ai_request_model="fast"} 1.5
deskmind_cache_requests_total{deskmind_cache="answers",deskmind_result="hit"} 5
deskmind_cache_requests_total{deskmind_cache="answers",deskmind_result="miss"} 5
"""
AFTER = """
http_server_request_duration_seconds_count{http_route="/v1/ask",http_response_status_code="200"} 110
http_server_request_duration_seconds_count{http_route="/v1/ask",http_response_status_code="503"} 10
http_server_request_duration_seconds_bucket{http_route="/v1/ask",http_response_status_code="200",le="0.1"} 70
http_server_request_duration_seconds_bucket{http_route="/v1/ask",http_response_status_code="200",le="0.5"} 110
http_server_request_duration_seconds_bucket{http_route="/v1/ask",http_response_status_code="200",le="+Inf"} 110
gen_ai_client_operation_duration_seconds_count{gen_ai_request_model="fast"} 4
gen_ai_client_token_usage_sum{gen_ai_request_model="fast",gen_ai_token_type="input"} 300
deskmind_cost_usd_total{gen_ai_request_model="fast"} 1.6
deskmind_cache_requests_total{deskmind_cache="answers",deskmind_result="hit"} 8
deskmind_cache_requests_total{deskmind_cache="answers",deskmind_result="miss"} 6
deskmind_jobs_depth{deskmind_queue="ingest",deskmind_state="todo"} 7
deskmind_jobs_depth{deskmind_queue="ingest",deskmind_state="failed"} 1
deskmind_jobs_oldest_age_seconds{deskmind_queue="ingest"} 400
deskmind_gateway_breaker_state{deskmind_deployment="a"} 2
deskmind_budget_used_ratio{deskmind_budget="all",deskmind_window="day",deskmind_unit="usd"} 0.85
db_client_connection_count{db_client_connection_state="used"} 3
db_client_connection_max 20
"""


def _glance(before: str, after: str, seconds: float = 10.0) -> Glance:
    return between(Reading(100.0, parsed(before)), Reading(100.0 + seconds, parsed(after)))


def test_rates_are_of_the_time_between_the_readings() -> None:
    glance = _glance(BEFORE, AFTER)
    assert glance.requests_per_second == pytest.approx(2.0)
    assert glance.error_ratio == pytest.approx(0.5)
    (route,) = glance.routes
    assert (route.route, route.per_second, route.error_ratio) == ("/v1/ask", 2.0, 0.5)
    assert route.p95 == pytest.approx(0.095), "the ten new ones took up to 0.1 s"
    (model,) = glance.models
    assert model.calls_per_second == pytest.approx(0.4)
    assert model.tokens_per_minute == pytest.approx(1800)
    assert model.dollars_per_minute == pytest.approx(0.6)
    assert glance.cache_hit_ratio == pytest.approx(0.75)
    assert glance.cost_usd == pytest.approx(1.6)


def test_states_are_those_of_now() -> None:
    glance = _glance(BEFORE, AFTER)
    (queue,) = glance.queues
    assert (queue.queue, queue.todo, queue.failed, queue.oldest_seconds) == ("ingest", 7, 1, 400)
    assert glance.breakers == {"a": "open"}
    assert glance.pool["used"] == 3
    assert glance.pool["most"] == 20
    assert glance.budgets[0].used_ratio == 0.85


def test_nothing_is_no_number() -> None:
    glance = _glance(AFTER, AFTER)
    assert glance.error_ratio is glance.cache_hit_ratio is glance.not_found_ratio is None
    assert glance.routes[0].p95 is None


def test_a_service_that_began_anew_counts_from_nothing() -> None:
    assert _glance(AFTER, BEFORE).requests_per_second == pytest.approx(10.0)


@given(
    st.lists(st.integers(0, 50), min_size=2, max_size=12),
    st.floats(0.01, 1.0),
)
def test_a_quantile_lies_in_the_bucket_that_holds_it(counts: list[int], share: float) -> None:
    bounds = [0.1 * 2**place for place in range(len(counts) - 1)] + [math.inf]
    running = [sum(counts[: place + 1]) for place in range(len(counts))]
    found = quantile(share, zip(bounds, running, strict=True))
    if running[-1] == 0:
        assert found is None
        return
    holder = next(place for place, count in enumerate(running) if count >= share * running[-1])
    low = bounds[holder - 1] if holder else 0.0
    assert found is not None
    assert low - 1e-9 <= found <= (bounds[holder] if math.isfinite(bounds[holder]) else low) + 1e-9


def test_the_screen_marks_what_is_wrong() -> None:
    console = Console(width=120, force_terminal=True)
    with console.capture() as captured:
        console.print(drawn(_glance(BEFORE, AFTER), "here"))
    shown = captured.get()
    for text in ("/v1/ask", "50.0%", "fast", "1,800", "ingest", "open", "85.0%", "6.7 min", "3 of 20"):
        assert text in shown, text
    assert "\x1b[1;31m50.0%" in shown


def test_a_name_cannot_write_to_the_terminal() -> None:
    evil = AFTER.replace('"fast"', '"\x1b]0;owned\x07"')
    console = Console(width=120)
    with console.capture() as captured:
        console.print(drawn(_glance(BEFORE, evil), "here"))
    assert "\x1b]0;" not in captured.get()


def test_a_server_is_an_http_address() -> None:
    assert metrics_address("https://desk.example.com") == "https://desk.example.com/metrics"
    assert metrics_address("http://127.0.0.1:9464/metrics") == "http://127.0.0.1:9464/metrics"
    with pytest.raises(InvalidRequestError, match="not the address"):
        metrics_address("file:///etc/passwd")
