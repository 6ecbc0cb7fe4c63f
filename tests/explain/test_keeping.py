"""Stories hold no content, are written without being waited for, and go when they are old."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from psycopg import AsyncConnection
from tests.explain.conftest import QUESTION, Bureau
from tests.observability.counting import Counted

from deskmind.app import Deskmind
from deskmind.errors import DatabaseUnavailableError, NotFoundError
from deskmind.explain import StoryWriter
from deskmind.observability import correlation, telling
from deskmind.observability.instruments import TELEMETRY_DROPPED
from deskmind.observability.story import Story, tell
from deskmind.sandbox.models import ModelSandbox
from deskmind.scope import Scope


@pytest.fixture
async def admin(app: Deskmind) -> AsyncIterator[AsyncConnection[tuple[object, ...]]]:
    address = app.database.endpoints.admin
    assert address is not None
    async with await AsyncConnection.connect(address, autocommit=True) as connection:
        await connection.execute("SET search_path = deskmind, public")
        yield connection


async def _stored(admin: AsyncConnection[tuple[object, ...]], desk_tenant: object) -> str:
    cursor = await admin.execute(
        "SELECT coalesce(string_agg(s::text, E'\\n'), '') FROM request_stories s WHERE tenant_id = %s",
        (desk_tenant,),
    )
    row = await cursor.fetchone()
    assert row is not None
    return str(row[0])


async def test_no_content_is_in_a_story(
    bureau: Bureau,
    modelled: Deskmind,
    sandbox: ModelSandbox,
    admin: AsyncConnection[tuple[object, ...]],
) -> None:
    await bureau.operator.knowledge.add(
        "canary.md", b"# Canarytitle\n\n## Canaryhead\n\nCanarybody opens at nine."
    )
    desk = await modelled.desk(tenant=bureau.operator.scope.tenant, user="ann")
    sandbox.script(["The canarybody opens at nine, says canaryreply [1]."])
    answer = await desk.ask("When does the canarybody open, canaryquestion?")
    await desk.feedback.give(answer.request_id, "down", correction="canarycorrection")
    await desk.models.chat("fast", [{"role": "user", "content": "canarymessage"}], temperature=0)
    await modelled.settle_stories()
    stored = await _stored(admin, desk.scope.tenant_id)
    assert answer.request_id in stored
    assert "canary" not in stored.lower()


async def test_a_question_is_kept_only_where_the_settings_say_so(
    bureau: Bureau, desk_home: Path, admin: AsyncConnection[tuple[object, ...]]
) -> None:
    async with Deskmind.open(
        home=desk_home, knowledge={"embedder": "hashing"}, explain={"keep_questions": True}
    ) as keeping:
        desk = await keeping.desk(tenant=bureau.operator.scope.tenant, user="ann")
        answer = await desk.ask(QUESTION)
        (part,) = (await desk.requests.explain(answer.request_id)).parts
    assert part.question == QUESTION
    assert "parking permit" in await _stored(admin, desk.scope.tenant_id)


async def test_nothing_is_kept_where_stories_are_off(bureau: Bureau, desk_home: Path) -> None:
    async with Deskmind.open(
        home=desk_home, knowledge={"embedder": "hashing"}, explain={"enabled": False}
    ) as silent:
        desk = await silent.desk(tenant=bureau.operator.scope.tenant, user="ann")
        answer = await desk.ask(QUESTION)
        with pytest.raises(NotFoundError):
            await desk.requests.explain(answer.request_id)
        assert silent.stories.written == 0


async def test_closing_writes_what_waits(bureau: Bureau, desk_home: Path) -> None:
    async with Deskmind.open(
        home=desk_home, knowledge={"embedder": "hashing"}, explain={"flush_seconds": 60}
    ) as short:
        desk = await short.desk(tenant=bureau.operator.scope.tenant, user="ann")
        answer = await desk.ask(QUESTION)
        assert short.stories.written == 0
    assert (await bureau.ann.requests.explain(answer.request_id)).parts


async def test_old_stories_go(
    bureau: Bureau, app: Deskmind, admin: AsyncConnection[tuple[object, ...]]
) -> None:
    with correlation("aged"):
        await bureau.ann.ask(QUESTION)
    with correlation("young"):
        await bureau.ann.ask(QUESTION)
    await app.settle_stories()
    for days in (29, 35, 95):
        await admin.execute("SELECT ensure_story_partition(now() - make_interval(days => %s))", (days,))
    for days in (29, 35, 95):
        await admin.execute(
            "INSERT INTO request_stories SELECT tenant_id, began_at - make_interval(days => %s), gen_random_uuid(),"
            " principal_id, request_id || %s::text, kind, operation, error, seconds, found, confidence, mode, prompt,"
            " prompt_version, experiment, variant, documents, groups, question, told"
            " FROM request_stories WHERE request_id = 'aged' AND tenant_id = %s",
            (days, days, bureau.ann.scope.tenant_id),
        )
    with pytest.raises(NotFoundError):  # too old to be shown, though still there
        await bureau.ann.requests.explain("aged35")
    await app.stories.expire(30)
    cursor = await admin.execute(
        "SELECT request_id FROM request_stories WHERE tenant_id = %s AND operation = 'knowledge.ask' ORDER BY 1",
        (bureau.ann.scope.tenant_id,),
    )
    assert [row[0] for row in await cursor.fetchall()] == ["aged", "aged29", "young"]
    cursor = await admin.execute(
        "SELECT to_regclass('request_stories_' || to_char((now() - interval '95 days') AT TIME ZONE 'UTC', 'YYYYMM'))"
    )
    assert await cursor.fetchone() == (None,)


async def test_workers_let_old_stories_go_each_hour(
    bureau: Bureau, app: Deskmind, admin: AsyncConnection[tuple[object, ...]]
) -> None:
    await bureau.ann.ask(QUESTION)
    await app.settle_stories()
    count = "SELECT count(*) FROM request_stories WHERE began_at < now() - interval '30 days'"
    await admin.execute("SELECT ensure_story_partition(now() - interval '31 days')")
    await admin.execute(
        "UPDATE request_stories SET began_at = now() - interval '31 days' WHERE tenant_id = %s",
        (bureau.ann.scope.tenant_id,),
    )
    assert await (await admin.execute(count)).fetchone() != (0,)
    await admin.execute(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, args)"
        """ VALUES ('maintenance', 'explain.expire', '{"timestamp": 0}')"""
    )
    await app.jobs.drain()
    assert await (await admin.execute(count)).fetchone() == (0,)


def _story(writer: StoryWriter, scope: Scope) -> Story:
    with telling("http") as story:
        tell(scope, "knowledge.ask", writer)
    return story


async def test_a_database_that_is_away_costs_stories_and_nothing_else(
    bureau: Bureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counted(monkeypatch, "deskmind.explain.writer._dropped", TELEMETRY_DROPPED)
    writer = StoryWriter(
        "host=127.0.0.1 port=9 dbname=none connect_timeout=1", "deskmind", flush_seconds=0.01
    )
    for _ in range(1_200):
        _story(writer, bureau.ann.scope)
    assert writer.dropped == 200
    await writer.flush()
    assert writer.problem == "database-unavailable"
    assert writer.alive
    await writer.close()
    assert (writer.written, writer.dropped) == (0, 1_200)
    _story(writer, bureau.ann.scope)
    assert writer.dropped == 1_201
    assert counted.values() == {("stories",): 1_201}


async def test_a_story_whose_writing_was_not_confirmed_is_stored_once(
    bureau: Bureau, app: Deskmind, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoints = app.database.endpoints
    writer = StoryWriter(endpoints.ledger, endpoints.schema, flush_seconds=60)
    run = writer._run  # pyright: ignore[reportPrivateUsage]

    async def cut(statement: str, *values: object) -> list[tuple[object, ...]]:
        await run(statement, *values)
        raise DatabaseUnavailableError("The connection broke.")

    with correlation("unconfirmed"):
        _story(writer, bureau.ann.scope)
    with monkeypatch.context() as broken:
        broken.setattr(writer, "_run", cut)
        await writer.flush()
        assert writer.problem == "database-unavailable"
    await writer.flush()
    await writer.close()
    assert len((await bureau.ann.requests.explain("unconfirmed")).parts) == 1


async def test_one_bad_story_takes_no_other_with_it(bureau: Bureau, app: Deskmind) -> None:
    endpoints = app.database.endpoints
    writer = StoryWriter(endpoints.ledger, endpoints.schema, flush_seconds=60)
    ids = [f"batch-{uuid4().hex}" for _ in range(3)]
    for number, request_id in enumerate(ids):
        with correlation(request_id):
            story = _story(writer, bureau.ann.scope)
        if number == 1:
            story.kind = "nonsense"  # pyright: ignore[reportAttributeAccessIssue]
    await writer.flush()
    assert (writer.written, writer.dropped) == (2, 1)
    await writer.close()
    assert (await bureau.ann.requests.explain(ids[0])).parts
    with pytest.raises(NotFoundError):
        await bureau.ann.requests.explain(ids[1])


async def test_the_ledgers_login_adds_stories_and_reads_none(app: Deskmind) -> None:
    import psycopg

    async with await AsyncConnection.connect(app.database.endpoints.ledger, autocommit=True) as connection:
        for forbidden in (
            "SELECT count(*) FROM request_stories",
            "DELETE FROM request_stories",
            "SELECT * FROM feedback",
            "SELECT delete_old_stories(0)",
        ):
            with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidParameterValue)):
                await connection.execute(forbidden.encode())
