"""One id through everything."""

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskmind.observability import accept_correlation_id, correlation, correlation_id, new_correlation_id


def test_outside_of_a_request_there_is_none() -> None:
    assert correlation_id() == ""


def test_new_ids_have_their_form_and_never_repeat() -> None:
    ids = [new_correlation_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert all(
        len(made) == 30 and made.startswith("req_") and made == accept_correlation_id(made) for made in ids
    )


@given(st.lists(st.integers(0, 2**48 - 1), min_size=2, max_size=5, unique=True))
def test_ids_sort_by_the_time_they_were_made(milliseconds: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        made: list[str] = []
        for moment in sorted(milliseconds):
            patch.setattr(time, "time_ns", lambda moment=moment: moment * 1_000_000)
            made.append(new_correlation_id())
    assert made == sorted(made)


@given(st.from_regex(r"\A[A-Za-z0-9._-]{1,128}\Z"))
def test_a_proper_id_of_the_caller_is_kept(value: str) -> None:
    assert accept_correlation_id(value) == value


@pytest.mark.parametrize("value", [None, "", "a b", "a\n", "x" * 129, "é", "a;b", '"', "<script>"])
def test_anything_else_is_replaced(value: str | None) -> None:
    assert accept_correlation_id(value).startswith("req_")


def test_blocks_nest_and_end() -> None:
    with correlation("outer") as outer:
        with correlation() as inner:
            assert correlation_id() == inner
            assert inner.startswith("req_")
        assert correlation_id() == outer == "outer"
    assert correlation_id() == ""


async def test_tasks_started_inside_carry_the_id_and_neighbours_do_not() -> None:
    async def ask(name: str) -> str:
        with correlation(name):
            await asyncio.sleep(0)
            return await asyncio.create_task(_current())

    assert await asyncio.gather(ask("a"), ask("b"), _current()) == ["a", "b", ""]


async def _current() -> str:
    return correlation_id()


async def test_a_stream_closed_by_another_task_ends_without_an_error() -> None:
    async def stream():
        with correlation("stream"):
            yield correlation_id()

    opened = stream()
    assert await asyncio.create_task(anext(opened)) == "stream"  # type: ignore[arg-type]
    await asyncio.create_task(opened.aclose())
    assert correlation_id() == ""
