"""Ratings of answers: by their asker, once, seen by them and by operators."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from tests.feedback.conftest import QUESTION, Bureau
from tests.observability.counting import Counted

from deskmind.app import Deskmind
from deskmind.errors import InvalidRequestError, NotFoundError, PermissionDeniedError
from deskmind.observability import correlation
from deskmind.observability.instruments import FEEDBACK
from deskmind.prompts.experiments import Variant
from deskmind.sandbox.models import ModelSandbox


async def test_an_answer_is_rated_and_what_it_was_made_from_is_kept(bureau: Bureau) -> None:
    answer = await bureau.ann.ask(QUESTION)
    entry = await bureau.ann.feedback.give(
        answer.request_id, "down", reason="outdated", correction="The fee is 50 euros."
    )
    assert (entry.rating, entry.reason, entry.correction) == ("down", "outdated", "The fee is 50 euros.")
    assert (entry.principal, entry.found, entry.mode, entry.revisions) == ("ann", True, "extractive", 0)
    assert {str(document) for document in entry.documents} == {
        citation.document_id for citation in answer.citations
    }
    assert await bureau.ann.feedback.list() == [entry] == await bureau.operator.feedback.list()
    assert await bureau.ben.feedback.list() == [] == await bureau.stranger.feedback.list()


async def test_a_later_rating_replaces_the_earlier_one_and_both_are_on_record(bureau: Bureau) -> None:
    answer = await bureau.ann.ask(QUESTION)
    first = await bureau.ann.feedback.give(answer.request_id, "down", correction="No.")
    second = await bureau.ann.feedback.give(answer.request_id, "up")
    assert (second.rating, second.correction, second.revisions) == ("up", "", 1)
    assert second.feedback_id == first.feedback_id
    assert [item.rating for item in await bureau.ann.feedback.list()] == ["up"]
    events = [event for event in await bureau.operator.audit() if event.action == "feedback.give"]
    assert [(event.resource, event.details["rating"], event.details["replaces"]) for event in events] == [
        (answer.request_id, "up", "down"),
        (answer.request_id, "down", None),
    ]
    assert all("No." not in str(event.details) for event in events)


async def test_only_who_asked_may_rate(bureau: Bureau) -> None:
    answer = await bureau.ann.ask(QUESTION)
    for desk in (bureau.ben, bureau.stranger, bureau.operator):
        with pytest.raises(NotFoundError, match="no such answer"):
            await desk.feedback.give(answer.request_id, "up")
    with correlation("a-search"):
        await bureau.ann.knowledge.search(QUESTION)
    for other in ("a-search", "unknown", "", "x" * 500, "a\x00"):
        with pytest.raises(NotFoundError, match="no such answer"):
            await bureau.ann.feedback.give(other, "up")


async def test_sql_cannot_rate_for_another_either(bureau: Bureau) -> None:
    answer = await bureau.ann.ask(QUESTION)
    await bureau.ann.requests.explain(answer.request_id)
    insert = (
        "INSERT INTO feedback (tenant_id, principal_id, request_id, feedback_id, rating, reason, correction,"
        " answered_at, found, documents, groups)"
        " VALUES (%s, %s, %s, gen_random_uuid(), 'up', '', '', now(), true, '{}', '{}')"
    )
    ann, ben = bureau.ann.scope, bureau.ben.scope
    for scope, principal in ((ben, ben.principal_id), (ben, ann.principal_id)):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with bureau.ben.database.transaction(scope) as connection:
                await connection.execute(insert, (scope.tenant_id, principal, answer.request_id))
    await bureau.ann.feedback.give(answer.request_id, "up")
    async with bureau.ben.database.transaction(ben) as connection:
        cursor = await connection.execute("UPDATE feedback SET rating = 'down'")
        assert cursor.rowcount == 0
    async with bureau.operator.database.transaction(bureau.operator.scope) as connection:
        cursor = await connection.execute("UPDATE feedback SET rating = 'down'")
        assert cursor.rowcount == 0


async def test_what_cannot_be_kept_is_refused(bureau: Bureau) -> None:
    answer = await bureau.ann.ask(QUESTION)
    wrong: list[Any] = [
        ("sideways", "", ""),
        ("up", "because", ""),
        ("down", "", "x" * 4_001),
        ("down", "", "a\x00b"),
    ]
    for rating, reason, correction in wrong:
        with pytest.raises(InvalidRequestError):
            await bureau.ann.feedback.give(answer.request_id, rating, reason=reason, correction=correction)
    assert await bureau.ann.feedback.list() == []


async def test_a_variants_answer_leaves_an_outcome_that_the_last_rating_decides(
    bureau: Bureau, modelled: Deskmind, sandbox: ModelSandbox
) -> None:
    experiments = bureau.operator.experiments
    shared = await bureau.operator.prompts.get("answer", version=0)
    await bureau.operator.prompts.save(shared.template)
    await experiments.start("brief", "answer", [Variant("control", 0), Variant("new", 1)])
    ann = await modelled.desk(tenant=bureau.operator.scope.tenant, user="ann")
    sandbox.script(["Renew the parking permit in the portal before 15 May [1]."])
    answer = await ann.ask(QUESTION)
    assert answer.prompt is not None
    assert answer.prompt.experiment == "brief"
    await ann.feedback.give(answer.request_id, "down")
    entry = await ann.feedback.give(answer.request_id, "up")
    use = answer.prompt
    assert (entry.prompt, entry.prompt_version) == (use.name, use.version)
    assert (entry.experiment, entry.variant) == ("brief", use.variant)
    metric = next(
        found for found in (await experiments.report("brief")).metrics if found.metric == "feedback"
    )
    result = metric.variants[use.variant]
    assert (result.observations, result.value.estimate) == (1, 1.0)
    assert {row.name: row.up for row in await bureau.operator.quality.report("experiment")} == {
        f"brief/{use.variant}": 1
    }
    assert [row.name for row in await bureau.operator.quality.report("prompt")] == [f"answer@{use.version}"]
    (part,) = (await ann.requests.explain(answer.request_id)).parts
    assert [(told.name, told.variant) for told in part.prompts] == [("answer", use.variant)]
    await experiments.stop("brief")
    assert (await ann.feedback.give(answer.request_id, "down")).rating == "down"


async def test_an_operator_erases_a_users_ratings(bureau: Bureau) -> None:
    answer = await bureau.ann.ask(QUESTION)
    await bureau.ann.feedback.give(answer.request_id, "up")
    with pytest.raises(PermissionDeniedError):
        await bureau.ann.feedback.forget(bureau.ann.scope.principal_id)
    assert await bureau.operator.feedback.forget(bureau.ann.scope.principal_id) == 1
    assert await bureau.ann.feedback.list() == []


async def test_the_list_goes_on_where_it_stopped(bureau: Bureau) -> None:
    for number in range(3):
        with correlation(f"q{number}"):
            await bureau.ann.ask(QUESTION)
        await bureau.ann.feedback.give(f"q{number}", "up" if number else "down")
    first = await bureau.operator.feedback.list(limit=2)
    rest = await bureau.operator.feedback.list(limit=2, before=first[-1].place)
    assert [item.request_id for item in (*first, *rest)] == ["q2", "q1", "q0"]
    assert [item.request_id for item in await bureau.operator.feedback.list(rating="down")] == ["q0"]
    with pytest.raises(InvalidRequestError):
        await bureau.operator.feedback.list(limit=1_000)


async def test_ratings_are_counted_by_rating_alone(bureau: Bureau, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch, "deskmind.feedback.service._given", FEEDBACK)
    answer = await bureau.ann.ask(QUESTION)
    await bureau.ann.feedback.give(answer.request_id, "down", reason="wrong")
    assert counted.labels() == [{"deskmind.rating": "down"}]
    assert counted.values() == {("down",): 1}
