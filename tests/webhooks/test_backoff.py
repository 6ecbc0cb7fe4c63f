"""How long is waited between attempts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from deskmind.webhooks.backoff import LONGEST_SECONDS, hold_seconds, retry_seconds

_DRAWS = st.floats(0, 1, exclude_max=True)


@given(tries=st.integers(1, 10_000), draw=_DRAWS, asked=st.none() | st.floats(0, 1e9))
def test_a_retry_is_within_its_bounds_and_not_before_what_was_asked(
    tries: int, draw: float, asked: float | None
) -> None:
    pause = retry_seconds(tries, lambda: draw, asked)
    assert 0 <= pause <= LONGEST_SECONDS
    assert pause >= min(asked or 0, LONGEST_SECONDS)
    if asked is None:
        assert pause <= 10 * 2 ** min(tries - 1, 40)
        assert retry_seconds(tries + 1, lambda: draw) >= pause


@given(failures=st.integers(0, 10_000), draw=_DRAWS)
def test_a_target_is_held_from_the_third_failure_on_for_minutes_at_most(failures: int, draw: float) -> None:
    pause = hold_seconds(failures, lambda: draw)
    assert (pause == 0) == (failures < 3)
    assert pause <= 300
