"""When the server is left alone, and what is owed to it."""

from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from deskmind.cache.breaker import Breaker
from deskmind.cache.debts import Debts
from deskmind.cache.names import Namespace


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def opened(clock: Clock) -> Breaker:
    breaker = Breaker(3, 1.0, clock=clock)
    for _ in range(3):
        assert breaker.admits()
        breaker.failed()
    return breaker


def test_it_opens_after_failures_in_a_row_only() -> None:
    breaker = Breaker(3, 1.0)
    for _ in range(5):
        assert not breaker.failed()
        assert not breaker.failed()
        breaker.succeeded()
    assert not breaker.open
    assert [breaker.failed() for _ in range(3)] == [False, False, True]


def test_one_call_at_a_time_looks_whether_the_server_is_back() -> None:
    clock = Clock()
    breaker = opened(clock)
    assert not breaker.admits()
    clock.now = 1
    assert [breaker.admits(), breaker.admits()] == [True, False]
    assert breaker.succeeded()
    assert breaker.admits()


def test_the_pause_doubles_up_to_half_a_minute_and_begins_anew_after_a_success() -> None:
    clock = Clock()
    breaker = opened(clock)
    pauses = []
    for _ in range(8):
        started = clock.now
        while not breaker.admits():
            clock.now += 0.5
        pauses.append(clock.now - started)
        breaker.failed()
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]
    clock.now += 30
    assert breaker.admits()
    breaker.succeeded()
    for _ in range(3):
        breaker.failed()
    clock.now += 1
    assert breaker.admits()


def test_a_probe_that_was_given_up_lets_the_next_one_through() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now = 1
    assert breaker.admits()
    breaker.unknown()
    assert breaker.admits()


def test_late_failures_of_earlier_calls_do_not_keep_it_open_for_longer() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now = 0.9
    breaker.failed()
    clock.now = 1
    assert breaker.admits()


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50)), max_size=200), st.integers(1, 20))
def test_whatever_was_owed_is_covered_until_it_is_paid(removals: list[tuple[int, int]], limit: int) -> None:
    debts = Debts(limit)
    spaces = [Namespace(uuid4(), "texts") for _ in range(4)]
    for space, key in removals:
        debts.add("key", spaces[space].key(str(key)))
    for space, key in removals:
        assert debts.concern((spaces[space].key(str(key)), spaces[space].root))
    assert len(debts) <= max(limit, 8)
    debts.paid(debts.some(10_000))
    assert len(debts) == 0


def test_what_is_owed_anew_stays_owed() -> None:
    debts = Debts()
    name = Namespace(uuid4(), "texts").key("k")
    first = debts.add("key", name)
    debts.add("key", name)
    debts.paid([first])
    assert debts.concern([name])
