"""Retention: what has expired goes on schedule, by the tenant's own policy, and not while it is held."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.governance.privacy.conftest import NAME, Admin, Bureau

from deskmind.app import Deskmind
from deskmind.errors import UnavailableError
from deskmind.governance.privacy.retention import policies
from deskmind.settings import PrivacySettings


async def _aged(admin: Admin, bureau: Bureau, days: int) -> None:
    await admin.execute(
        "UPDATE conversations SET updated_at = now() - make_interval(days => %s) WHERE tenant_id = %s",
        (days, bureau.operator.scope.tenant_id),
    )


async def test_old_and_expired_conversations_go_and_the_others_stay(
    app: Deskmind, admin: Admin, bureau: Bureau
) -> None:
    await bureau.ben.conversations.create("old")
    await _aged(admin, bureau, 400)
    await bureau.ben.conversations.create("new")
    soon = datetime.now(UTC) + timedelta(hours=1)
    await bureau.person.conversations.create("short", expires_at=soon)
    await admin.execute(
        "UPDATE conversations SET expires_at = now() WHERE tenant_id = %s AND title = 'short'",
        (bureau.operator.scope.tenant_id,),
    )
    await app.background.retain()
    cursor = await admin.execute(
        "SELECT title FROM conversations WHERE tenant_id = %s", (bureau.operator.scope.tenant_id,)
    )
    assert [row[0] for row in await cursor.fetchall()] == ["new"]
    last = {item.policy.store: item for item in await bureau.operator.privacy.retention()}
    assert last["conversations"].removed == 2
    assert last["usage_entries"].removed == 0
    events = [event for event in await bureau.operator.audit() if event.action == "privacy.retain"]
    assert [(event.resource, event.details["removed"]) for event in events] == [("conversations", 2)]


async def test_what_is_held_does_not_expire(admin: Admin, bureau: Bureau) -> None:
    await bureau.person.conversations.create("held")
    await bureau.ben.conversations.create("not held")
    await _aged(admin, bureau, 400)
    hold = await bureau.operator.privacy.hold(NAME, "case 4711")
    ran = {item.policy.store: item.removed for item in await bureau.operator.privacy.retain()}
    assert ran["conversations"] == 1
    await bureau.operator.conversations.purge()
    assert len(await bureau.person.conversations.list()) == 1
    await bureau.operator.privacy.release(hold.hold_id)
    ran = {item.policy.store: item.removed for item in await bureau.operator.privacy.retain()}
    assert ran["conversations"] == 1


async def test_stories_of_who_is_held_do_not_expire(app: Deskmind, admin: Admin, bureau: Bureau) -> None:
    for desk in (bureau.person, bureau.ben):
        await desk.knowledge.search("token")
    await app.settle_stories()
    people = [bureau.person.scope.principal_id, bureau.ben.scope.principal_id]
    await admin.execute("SELECT ensure_story_partition(now() - interval '40 days')")
    await admin.execute(
        "UPDATE request_stories SET began_at = began_at - interval '40 days' WHERE principal_id = ANY (%s)",
        (people,),
    )

    async def left_after_the_hour() -> list[object]:
        await admin.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args)"
            """ VALUES ('maintenance', 'explain.expire', '{"timestamp": 0}')"""
        )
        await app.jobs.drain()
        cursor = await admin.execute(
            "SELECT DISTINCT principal_id FROM request_stories WHERE principal_id = ANY (%s)", (people,)
        )
        return [row[0] for row in await cursor.fetchall()]

    hold = await bureau.operator.privacy.hold(NAME, "case 4711")
    assert await left_after_the_hour() == [people[0]]
    await bureau.operator.privacy.release(hold.hold_id)
    assert await left_after_the_hour() == []


async def test_erasures_that_were_left_are_finished_on_schedule(app: Deskmind, bureau: Bureau) -> None:
    waiting = await bureau.operator.privacy.request_erasure(NAME)
    await app.background.retain()
    assert (await bureau.operator.privacy.erasure(waiting.erasure_id)).state == "done"


def test_a_tenant_has_policies_of_its_own() -> None:
    settings = PrivacySettings.model_validate({"tenants": {"acme": {"conversation_days": 30}}})
    assert {policy.store: policy.days for policy in policies(settings, "acme")}["conversations"] == 30
    assert {policy.store: policy.days for policy in policies(settings, "other")}["conversations"] == 365


_STOPPED = """
CREATE FUNCTION stopped() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'canceling statement' USING ERRCODE = 'query_canceled'; END $$;
CREATE TRIGGER stopped BEFORE DELETE ON conversations FOR EACH ROW WHEN (old.tenant_id = '{tenant}')
    EXECUTE FUNCTION stopped()
"""


async def test_a_tenant_where_it_fails_does_not_keep_the_others(
    app: Deskmind, admin: Admin, bureau: Bureau
) -> None:
    stuck = bureau.operator.scope
    after = await app.tenants.create(f"{stuck.tenant}-later")
    later = await app.desk(tenant=after.slug)
    await bureau.ben.conversations.create("old")
    await later.conversations.create("old too")
    waiting = [await one.privacy.request_erasure("gone@example.com") for one in (bureau.operator, later)]
    both = [stuck.tenant_id, after.tenant_id]
    await admin.execute(
        "UPDATE conversations SET updated_at = now() - interval '400 days' WHERE tenant_id = ANY(%s)", (both,)
    )
    await admin.execute(_STOPPED.format(tenant=stuck.tenant_id).encode())
    try:
        with pytest.raises(UnavailableError):
            await app.background.retain()
    finally:
        await admin.execute("DROP FUNCTION stopped CASCADE")
    cursor = await admin.execute("SELECT title FROM conversations WHERE tenant_id = ANY(%s)", (both,))
    assert await cursor.fetchall() == [("old",)]
    for desk, one in zip((bureau.operator, later), waiting, strict=True):
        assert (await desk.privacy.erasure(one.erasure_id)).state == "done"
