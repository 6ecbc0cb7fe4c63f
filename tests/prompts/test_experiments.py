"""Experiments on real users of a tenant."""

from __future__ import annotations

from typing import Any

import pytest

from deskmind.app import Deskmind
from deskmind.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    PromptNotFoundError,
)
from deskmind.prompts import PromptTemplate, Variable
from deskmind.prompts.experiments import Variant

BOTH = [Variant("control", 0), Variant("brief", 1)]


@pytest.fixture
async def started(office: Any) -> Any:
    await office.operator.prompts.save(
        PromptTemplate(
            "answer", [("user", "{{ question }}")], {"question": Variable(), "passages": Variable("list")}
        )
    )
    await office.operator.experiments.start("brief-answers", "answer", BOTH)
    return office


async def test_a_user_keeps_a_variant(started: Any) -> None:
    first = await started.ann.experiments.assign("brief-answers")
    assert first.variant in {"control", "brief"}
    assert first.prompt.version == {"control": 0, "brief": 1}[first.variant]
    assert [await started.ann.experiments.assign("brief-answers") for _ in range(3)] == [first] * 3


async def test_weights_move_users_and_a_stop_sends_all_to_production(started: Any) -> None:
    experiments = started.operator.experiments
    await experiments.weigh("brief-answers", {"control": 0})
    assert (await started.ann.experiments.assign("brief-answers")).variant == "brief"
    await experiments.weigh("brief-answers", {"control": 5, "brief": 0})
    assert (await started.ann.experiments.assign("brief-answers")).variant == "control"
    stopped = await experiments.stop("brief-answers")
    assert not stopped.running
    assigned = await started.ann.experiments.assign("brief-answers")
    assert (assigned.variant, assigned.prompt.version) == ("", 0)
    for late in (
        started.ann.experiments.observe("brief-answers", "feedback", 1),
        experiments.stop("brief-answers"),
        experiments.weigh("brief-answers", {"control": 1}),
    ):
        with pytest.raises(ConflictError, match="has stopped"):
            await late
    acts = [
        event.details["act"]
        for event in await started.operator.audit()
        if event.action == "experiments.write"
    ]
    assert acts == ["stop", "weigh", "weigh", "start"]


async def test_the_report_counts_each_user_once(started: Any, app: Deskmind) -> None:
    tenant = started.operator.scope.tenant
    for number in range(24):
        await started.operator.principals.add_user(f"u{number}")
        desk = await app.desk(tenant=tenant, user=f"u{number}")
        variant = "control" if number < 12 else "brief"
        good = number % 3 == 0 if variant == "control" else number != 20
        await desk.experiments.observe("brief-answers", "solved", int(good), variant=variant)
        for extra in range(1 + number % 3):
            await desk.experiments.observe(
                "brief-answers",
                "seconds",
                (4 if variant == "control" else 2) + number / 24 + extra / 10,
                variant=variant,
            )
    report = await started.operator.experiments.report("brief-answers")
    metrics = {metric.metric: metric for metric in report.metrics}
    solved = metrics["solved"]
    assert (solved.kind, list(solved.variants)) == ("proportion", ["control", "brief"])
    assert solved.variants["control"].value.estimate == pytest.approx(4 / 12)
    assert solved.variants["control"].difference is None
    brief = solved.variants["brief"]
    assert brief.value.estimate == pytest.approx(11 / 12)
    assert brief.differs
    seconds = metrics["seconds"]
    assert (seconds.kind, seconds.variants["brief"].users, seconds.variants["brief"].observations) == (
        "mean",
        12,
        24,
    )
    difference = seconds.variants["brief"].difference
    assert difference is not None
    assert difference.low < difference.estimate < difference.high < 0
    assert report.as_dict()["metrics"][0]["variants"]["brief"]["differs"]
    with pytest.raises(InvalidRequestError):
        await started.operator.experiments.report("brief-answers", confidence=95)


async def test_an_outcome_goes_to_what_the_user_was_given(started: Any) -> None:
    given = (await started.ann.experiments.assign("brief-answers")).variant
    await started.ann.experiments.observe("brief-answers", "feedback", 1)
    (metric,) = (await started.operator.experiments.report("brief-answers")).metrics
    assert list(metric.variants) == [given]


async def test_a_users_outcomes_can_be_forgotten(started: Any) -> None:
    for desk in (started.ann, started.ben):
        await desk.experiments.observe("brief-answers", "feedback", 1)
    with pytest.raises(PermissionDeniedError):
        await started.ben.experiments.forget(started.ann.scope.principal_id)
    assert await started.operator.experiments.forget(started.ann.scope.principal_id) == 1
    (metric,) = (await started.operator.experiments.report("brief-answers")).metrics
    assert sum(result.users for result in metric.variants.values()) == 1


async def test_members_take_part_and_see_no_results(started: Any) -> None:
    await started.ann.experiments.observe("brief-answers", "cost", 0.002)
    for refused in (
        started.ann.experiments.all(),
        started.ann.experiments.report("brief-answers"),
        started.ann.experiments.stop("brief-answers"),
        started.ann.experiments.start("mine", "answer", BOTH),
    ):
        with pytest.raises(PermissionDeniedError):
            await refused
    for desk, seen in ((started.ann, 1), (started.ben, 0)):  # one's own, and nobody else's
        async with desk.database.transaction(desk.scope) as connection:
            cursor = await connection.execute("SELECT count(*) FROM experiment_outcomes")
            assert await cursor.fetchone() == (seen,)
    with pytest.raises(NotFoundError):
        await started.stranger.experiments.assign("brief-answers")


async def test_what_is_no_experiment_is_refused(started: Any) -> None:
    experiments = started.operator.experiments
    with pytest.raises(ConflictError, match="already"):
        await experiments.start("brief-answers", "answer", BOTH)
    with pytest.raises(PromptNotFoundError):
        await experiments.start("next", "answer", [Variant("a", 0), Variant("b", 9)])
    for variants in ([Variant("a", 0)], [Variant("a", 0), Variant("a", 1)], [Variant("A", 0), Variant("b", 1)],
                     [Variant("a", 0, 0), Variant("b", 1, 0)], [Variant("a", 0, -1), Variant("b", 1)],
                     [Variant("a", 0, float("nan")), Variant("b", 1)]):  # fmt: skip
        with pytest.raises(InvalidRequestError):
            await experiments.start("next", "answer", variants)
    with pytest.raises(NotFoundError, match="no variant 'c'"):
        await experiments.weigh("brief-answers", {"c": 1})
    with pytest.raises(NotFoundError, match="no variant 'c'"):
        await started.ann.experiments.observe("brief-answers", "cost", 1, variant="c")
    with pytest.raises(InvalidRequestError):
        await started.ann.experiments.observe("brief-answers", "cost", float("inf"))
    with pytest.raises(InvalidRequestError):
        await started.ann.experiments.observe("brief-answers", "Cost!", 1)
    assert [item.name for item in await experiments.all()] == ["brief-answers"]
