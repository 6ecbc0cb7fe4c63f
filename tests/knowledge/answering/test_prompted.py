"""Answers are worded with the tenant's prompt, its experiments learn of it, and a broken one does no harm."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import PromptError
from deskmind.prompts import PromptTemplate, Variable, shared_prompts
from deskmind.prompts.experiments import Variant
from deskmind.sandbox.models import ModelSandbox

_QUESTION = "How do I renew the parking permit?"
_GUIDE = b"# Parking\n\nRenew the parking permit in the portal before 15 May. The fee is 40 euros a year."
_SAID = "Renew the parking permit in the portal before 15 May [1]."

Seen = list[list[dict[str, Any]]]


def _own(text: str, **more: Variable) -> PromptTemplate:
    taken = {"question": Variable(), "passages": Variable("list"), **more}
    user = (
        "{% for passage in passages %}[{{ passage.number }}] {{ passage.text }}\n{% endfor %}{{ question }}"
    )
    return PromptTemplate("answer", [("system", text), ("user", user)], taken)


@pytest.fixture
def seen(sandbox: ModelSandbox) -> Seen:
    """The messages of each request; the model always answers the same."""
    requests: Seen = []

    def reply(request: dict[str, Any]) -> str:
        requests.append(request["messages"])
        return _SAID

    sandbox.manner = replace(sandbox.manner, reply=reply)
    return requests


@pytest.fixture
async def people(operator: Desk, modelled: Deskmind) -> Callable[[str], Any]:
    """Desks of users by name, made as they come."""
    await operator.knowledge.add("parking.md", _GUIDE)

    async def desk(name: str) -> Desk:
        await operator.principals.add_user(name)
        return await modelled.desk(tenant=operator.scope.tenant, user=name)

    return desk


async def test_a_team_changes_the_prompt_and_rolls_back(operator: Desk, people: Any, seen: Seen) -> None:
    ann = await people("ann")
    first = await ann.ask(_QUESTION)
    assert (first.prompt.name, first.prompt.version, first.prompt.experiment) == ("answer", 0, "")
    assert "numbered passages" in seen[-1][0]["content"]
    await operator.prompts.save(_own("Speak like a pirate."), label="production")
    changed = await ann.ask(_QUESTION)
    assert (changed.prompt.version, changed.cache) == (
        1,
        "miss",
    )  # worded under another prompt: not remembered
    assert seen[-1][0]["content"] == "Speak like a pirate."
    assert (await ann.ask(_QUESTION)).cache == "hit"
    assert len(seen) == 2
    await operator.prompts.rollback("answer")
    back = await ann.ask(_QUESTION)
    assert (back.prompt.version, back.cache) == (0, "hit")
    events = [event async for event in ann.ask_stream("How much is the fee for parking?")]
    assert events[-1].answer is not None
    assert events[-1].answer.prompt == back.prompt


async def test_an_experiment_words_answers_and_learns_what_they_cost(
    operator: Desk, people: Any, seen: Seen
) -> None:
    await operator.prompts.save(_own("Be brief."))
    await operator.experiments.start("brief", "answer", [Variant("control", 0), Variant("brief", 1)])
    given: dict[str, str] = {}
    for number in range(40):  # until both variants have users
        if number >= 4 and len(set(given.values())) == 2:
            break
        name = f"user{number}"
        desk = await people(name)
        answer = await desk.ask(f"{_QUESTION} I am {name}.")
        again = await desk.ask(f"What is the parking fee? I am {name}.")
        assert answer.prompt.experiment == again.prompt.experiment == "brief"
        assert answer.prompt.variant == again.prompt.variant  # sticky
        assert answer.prompt.version == {"control": 0, "brief": 1}[answer.prompt.variant]
        given[name] = answer.prompt.variant
        assert await desk.experiments.feedback(answer.request_id, 1)
        assert not await desk.experiments.feedback(answer.request_id, 0)  # the first word counts
        assert not await operator.experiments.feedback(answer.request_id, 0)  # nor does another's
    assert set(given.values()) == {"control", "brief"}
    report = await operator.experiments.report("brief")
    metrics = {metric.metric: metric for metric in report.metrics}
    assert set(metrics) == {"cost", "latency", "feedback"}
    for variant in ("control", "brief"):
        users = sum(value == variant for value in given.values())
        for metric, observations in (("cost", 2 * users), ("latency", 2 * users), ("feedback", users)):
            found = metrics[metric].variants[variant]
            assert (found.users, found.observations) == (users, observations)
            assert found.value.estimate > 0
    await operator.experiments.stop("brief")
    after = await (await people("late")).ask(_QUESTION)
    assert (after.prompt.version, after.prompt.experiment) == (0, "")


async def test_feedback_stays_with_the_variant_that_worded_the_answer(
    operator: Desk, people: Any, seen: Seen
) -> None:
    await operator.prompts.save(_own("Be brief."))
    await operator.experiments.start("brief", "answer", [Variant("control", 0, 0), Variant("brief", 1, 1)])
    ann = await people("ann")
    answer = await ann.ask(_QUESTION)
    await operator.experiments.weigh("brief", {"control": 1, "brief": 0})
    assert (await ann.ask("What is the fee?")).prompt.variant == "control"
    await ann.experiments.feedback(answer.request_id, 0.5)
    (feedback,) = [
        item for item in (await operator.experiments.report("brief")).metrics if item.metric == "feedback"
    ]
    assert list(feedback.variants) == ["brief"]


async def test_a_prompt_that_breaks_while_answering_gives_way_to_the_shared_one(
    operator: Desk, people: Any, seen: Seen, caplog: pytest.LogCaptureFixture
) -> None:
    broken = _own("{% if 'May' in passages[0].text %}{{ passages[0].missing.more }}{% endif %}")
    await operator.prompts.save(broken, label="production")
    with caplog.at_level(logging.ERROR):
        answer = await (await people("ann")).ask(_QUESTION)
    assert (answer.mode, answer.found, answer.prompt.version) == ("generated", True, 0)
    assert "Version 1 of the prompt 'answer' cannot be used (prompt-render, message 1, line 1)" in answer.note
    assert seen[-1][0]["content"].startswith("You answer questions of an organisation's")
    assert '"event": "prompt.broken"' in caplog.text
    assert '"prompt": "answer", "version": 1, "error_code": "prompt-render"' in caplog.text
    assert "15 May" not in caplog.text


@pytest.mark.parametrize(
    ("template", "why"),
    [
        (_own("x", ticket=Variable()), "'ticket'"),
        (PromptTemplate("answer", [("user", "{{ question }}")], {"question": Variable()}), "'passages'"),
        (_own("{{ passages[0].missing.more }}"), "missing"),
        (PromptTemplate("summarise", [("user", "Sum up.")]), "'turns'"),
    ],
)
async def test_what_cannot_be_used_is_not_put_to_use(
    operator: Desk, template: PromptTemplate, why: str
) -> None:
    with pytest.raises(PromptError, match="cannot be put to use") as refused:
        await operator.prompts.save(template, label="production")
    assert why in refused.value.why
    assert (await operator.prompts.get(template.name)).version == 0
    saved = await operator.prompts.save(template, label="staging")
    with pytest.raises(PromptError, match="cannot be put to use"):
        await operator.experiments.start(
            "trial", template.name, [Variant("a", 0), Variant("b", saved.version)]
        )


def test_every_prompt_that_comes_with_deskmind_can_be_used() -> None:
    from deskmind.prompts.uses import check_use

    for template in shared_prompts().values():
        check_use(template)
