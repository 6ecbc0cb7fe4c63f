"""Going on with following a run: whatever was told before, nothing is left out and nothing is told twice."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskmind.agents.workflows.following import Told
from deskmind.agents.workflows.run import WorkflowRun, WorkflowRunDetails, WorkflowStep
from deskmind.errors import InvalidRequestError

_NOW = datetime(2026, 1, 31, tzinfo=UTC)
_RUN = WorkflowRun(
    UUID(int=1),
    "w",
    1,
    "queued",
    {},
    None,
    "",
    False,
    None,
    None,
    None,
    0,
    Decimal(0),
    _NOW,
    None,
    UUID(int=2),
)

paths = st.one_of(st.integers(1, 30).map(str), st.text(max_size=8).map(lambda name: f"3.{name}.1"))
steps = st.dictionaries(
    paths, st.tuples(st.sampled_from(["running", "done", "failed"]), st.integers(1, 3)), max_size=12
)
looks = st.lists(
    st.tuples(steps, st.sampled_from(["queued", "running", "waiting", "done"])), min_size=1, max_size=5
)


def details(known: dict[str, Any], state: str) -> WorkflowRunDetails:
    made = [
        WorkflowStep(path, "s", "step", one, attempts, None, None, "", "", _NOW, None)
        for path, (one, attempts) in known.items()
    ]
    return WorkflowRunDetails(dataclasses.replace(_RUN, state=state), tuple(made))


def news(told: Told, found: WorkflowRunDetails) -> list[tuple[Any, ...]]:
    return [
        (
            event.run.state
            if event.step is None
            else (event.step.path, event.step.state, event.step.attempts),
            event.place,
        )
        for event in told.news(found)
    ]


@given(looks, st.integers(0, 30))
def test_whoever_goes_on_is_told_the_rest(looked: list[tuple[dict[str, Any], str]], cut: int) -> None:
    """A run is looked at several times; the connection breaks after any event."""
    known: dict[str, Any] = {}
    told, whole, when = Told(), list[Any](), list[WorkflowRunDetails]()
    for steps_now, state in looked:
        known = {**known, **steps_now}
        found = details(known, state)
        events = news(told, found)
        whole += events
        when += [found] * len(events)
    if not whole:
        return
    at = cut % len(whole)
    later = Told.after(whole[at][1])
    rest = news(later, when[at])
    for found in when[at + 1 :]:
        rest += news(later, found)
    assert rest == whole[at + 1 :]


def test_a_place_is_short_where_steps_are_alike() -> None:
    told = Told()
    known = {str(number): ("done", 1) for number in range(1, 1001)}
    *_, last = told.news(details({**known, "1001": ("running", 2)}, "running"))
    assert last.place == "r;1:1000!d1,1001!r2"


@pytest.mark.parametrize("place", ["x;", "r;1:99999999!d1", "r;a:b!d1", "r;1:60000!d1,60001:120000!d1", "12"])
def test_what_is_no_place_is_refused(place: str) -> None:
    with pytest.raises(InvalidRequestError):
        Told.after(place)
