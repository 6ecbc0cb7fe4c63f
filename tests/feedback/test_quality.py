"""What ratings say, by document, group, mode, prompt and day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.feedback.conftest import QUESTION, Bureau

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import InvalidRequestError, PermissionDeniedError
from deskmind.feedback import QualityRow


def _counts(rows: list[QualityRow]) -> dict[str, tuple[int, int, int, int]]:
    return {row.name: (row.answers, row.not_found, row.up, row.down) for row in rows}


@pytest.fixture
async def rated(bureau: Bureau) -> Bureau:
    """Three answers: ann's rated down, one of ben's rated up."""
    answer = await bureau.ann.ask(QUESTION)
    await bureau.ann.feedback.give(answer.request_id, "down", correction="Ask the desk.")
    answer = await bureau.ben.ask(QUESTION)
    await bureau.ben.feedback.give(answer.request_id, "up")
    await bureau.ben.ask(QUESTION)
    return bureau


async def test_the_article_with_thumbs_down_comes_first(rated: Bureau) -> None:
    rows = await rated.operator.quality.report("document")
    assert rows[0].down == 1
    assert rows[0].corrections == 1
    parking = next(row for row in rows if row.name == "Parking")
    assert (parking.answers, parking.up, parking.down) == (3, 1, 1)
    assert parking.approval.estimate == 0.5
    assert parking.approval.low is not None
    assert parking.approval.low < 0.5


async def test_every_grouping_counts_the_same_answers(rated: Bureau) -> None:
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    report = rated.operator.quality.report
    assert _counts(await report("mode")) == {"extractive": (3, 0, 1, 1)}
    assert _counts(await report("group")) == {"board": (1, 0, 0, 1)}
    assert _counts(await report("prompt")) == {"": (3, 0, 1, 1)}
    assert _counts(await report("experiment")) == {"": (3, 0, 1, 1)}
    assert sum(row.answers for row in await report("day")) == 3
    assert day in {row.key for row in await report("day")} or len(await report("day")) == 1


async def test_a_window_and_its_errors(rated: Bureau) -> None:
    now = datetime.now(UTC)
    assert await rated.operator.quality.report("mode", until=now - timedelta(hours=1)) == []
    with pytest.raises(InvalidRequestError, match="ends before"):
        await rated.operator.quality.report("mode", since=now, until=now)
    with pytest.raises(InvalidRequestError, match="grouped"):
        await rated.operator.quality.report("weather")  # pyright: ignore[reportArgumentType]
    with pytest.raises(PermissionDeniedError):
        await rated.ann.quality.report("mode")


async def test_another_tenants_ratings_do_not_count(rated: Bureau, app: Deskmind) -> None:
    other: Desk = await app.desk(tenant=rated.stranger.scope.tenant)
    assert await other.quality.report("mode") == []


async def test_what_is_not_found_is_counted(operator: Desk, app: Deskmind) -> None:
    await operator.principals.add_user("ann")
    ann = await app.desk(tenant=operator.scope.tenant, user="ann")
    answer = await ann.ask("Where is anything?")
    assert not answer.found
    await ann.feedback.give(answer.request_id, "down", reason="not_found_but_exists")
    (row,) = await operator.quality.report("mode")
    assert (row.answers, row.not_found, row.not_found_rate, row.down) == (1, 1, 1.0, 1)
    assert await operator.quality.report("document") == []
