"""Stories: a well-formed, bounded tree, whatever the tasks did."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import dataclass, field
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from deskmind.errors import NotFoundError
from deskmind.observability import note, span, telling
from deskmind.observability.story import (
    MOST_NOTES,
    MOST_STEPS,
    Step,
    Story,
    begin_step,
    tell,
)
from deskmind.scope import Scope


@dataclass
class Taken:
    """A sink that keeps what it takes."""

    stories: list[Story] = field(default_factory=list[Story])

    def take(self, story: Story) -> None:
        self.stories.append(story)


def scope(name: str = "req1") -> Scope:
    return Scope("desk", uuid4(), "acme", uuid4(), name)


@dataclass(frozen=True)
class Plan:
    """A span that waits, does its children in turn or leaves them behind as tasks, and may fail."""

    name: str
    waits: int
    background: bool
    fails: bool
    children: tuple[Plan, ...]


PLANS = st.recursive(
    st.builds(
        Plan,
        st.sampled_from("abcdef"),
        st.integers(0, 3),
        st.booleans(),
        st.booleans(),
        st.just(()),
    ),
    lambda inner: st.builds(
        Plan,
        st.sampled_from("abcdef"),
        st.integers(0, 3),
        st.booleans(),
        st.booleans(),
        st.lists(inner, max_size=4).map(tuple),
    ),
    max_leaves=40,
)


async def _perform(plan: Plan, left: list[asyncio.Task[None]]) -> None:
    try:
        with span(plan.name):
            for _ in range(plan.waits):
                await asyncio.sleep(0)
            note("step", name=plan.name)
            for child in plan.children:
                if child.background:
                    left.append(asyncio.create_task(_perform(child, left)))
                else:
                    await _perform(child, left)
            if plan.fails:
                raise NotFoundError("what it is stays out of the story")
    except NotFoundError:
        return


@given(plans=st.lists(PLANS, min_size=1, max_size=3), waits_for_all=st.booleans())
async def test_any_interleaving_gives_a_well_formed_tree(plans: list[Plan], waits_for_all: bool) -> None:
    left: list[asyncio.Task[None]] = []
    with telling("operation") as story:
        await asyncio.gather(*(_perform(plan, left) for plan in plans))
        while waits_for_all and any(not task.done() for task in left):
            await asyncio.gather(*left)
    steps = story.steps()
    frozen = [(step.name, step.parent, step.begin, step.seconds, step.error) for step in steps]
    while any(not task.done() for task in left):
        await asyncio.gather(*left)
    assert [
        (step.name, step.parent, step.begin, step.seconds, step.error) for step in story.steps()
    ] == frozen
    assert steps[0].parent is None
    assert steps[0].begin == 0
    assert len(steps) <= MOST_STEPS
    assert len(story.notes) <= MOST_NOTES
    for place, step in enumerate(steps):
        assert step.seconds >= 0
        if place:
            assert step.parent is not None
            assert step.parent < place
            parent = steps[step.parent]
            assert parent.begin <= step.begin
            assert step.begin + step.seconds <= parent.begin + parent.seconds + 1e-9
    if waits_for_all:
        count = sum(map(_size, plans))
        assert len(steps) == min(count + 1, MOST_STEPS)
        assert story.dropped == max(count + 1 - MOST_STEPS, 0) + max(count - MOST_NOTES, 0)


def _size(plan: Plan) -> int:
    return 1 + sum(map(_size, plan.children))


def test_a_story_is_bounded() -> None:
    with telling("http") as story:
        for _ in range(1_000):
            with span("s"):
                note("n")
    assert (len(story.steps()), len(story.notes)) == (MOST_STEPS, MOST_NOTES)
    assert story.dropped == 2_001 - MOST_STEPS - MOST_NOTES


def test_facts_are_plain_and_cut_to_size() -> None:
    with telling("http") as story:
        note("small", name="ask", count=3, share=0.5, none=None, ids=["a", "b"])
        note("large", text="x" * 100_000, list=list(range(100_000)), deep=[[[[[1]]]]])
        note("wide", lists=[["x" * 200] * 200] * 200)
        note("odd", id=uuid4(), kind=object, text="a\x00b\ud800", number=2**80, nan=float("nan"))
    small, large, wide, odd = (told.facts for told in story.notes)
    assert small == {"name": "ask", "count": 3, "share": 0.5, "none": None, "ids": ["a", "b"]}
    assert (len(large["text"]), len(large["list"]), large["deep"]) == (120, 60, [["…"]])
    assert wide == {"cut": True}
    assert odd["text"] == "ab?"
    assert odd["nan"] is None
    assert all(len(told.values) <= 16_384 for told in story.notes)


def test_nothing_is_recorded_outside_of_a_story() -> None:
    with span("alone"):
        note("n")
    with telling("http") as story:
        pass
    with span("after"):
        note("n")
    assert len(story.steps()) == 1
    assert story.notes == []


def test_a_story_without_an_operation_goes_nowhere() -> None:
    sink = Taken()
    with telling("http"):
        pass
    assert sink.stories == []
    with telling("http") as story:
        assert tell(Scope.directory(), "tenants.read", sink) is None
    assert story.scope is None


def test_the_first_operation_gives_a_story_its_principal() -> None:
    sink, asker = Taken(), scope()
    with telling("http") as story:
        assert tell(asker, "knowledge.ask", sink) is None
        assert tell(asker, "models.call", sink) is None
    assert sink.stories == [story]
    assert (story.scope, story.operation) == (asker, "knowledge.ask")


def test_somebody_elses_operation_inside_is_a_story_of_its_own() -> None:
    sink, asker, other = Taken(), scope("ann"), scope("ben")
    with telling("http") as story:
        tell(asker, "knowledge.ask", sink)
        own = tell(other, "knowledge.search", sink)
        assert own is not None
        with span("of ben"):
            note("of", who="ben")
        own.__exit__(None, None, None)
        with span("of ann"):
            pass
    assert [(told.scope, told.operation) for told in sink.stories] == [
        (other, "knowledge.search"),
        (asker, "knowledge.ask"),
    ]
    assert [step.name for step in story.steps()] == ["http", "of ann"]
    assert story.notes == []


def test_a_story_that_is_over_leaves_nothing_for_the_collector() -> None:
    """Each request tells one, and looking for circles holds up all others."""
    told = Taken()
    gc.collect()
    gc.disable()
    others = {id(each) for each in gc.get_objects() if isinstance(each, Story | Step)}
    try:
        with telling("http", told):
            for name in ("knowledge.search", "database.query"):
                step = begin_step(name)
                assert step is not None
                step.end()
        del step
        steps = told.stories[0].steps()
        told.stories.clear()
        left = [
            each for each in gc.get_objects() if isinstance(each, Story | Step) and id(each) not in others
        ]
    finally:
        gc.enable()
    assert left == []
    assert [(each.name, each.parent) for each in steps] == [
        ("http", None),
        ("knowledge.search", 0),
        ("database.query", 0),
    ]
