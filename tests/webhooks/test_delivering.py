"""Deliveries over real sockets: signed, tried again, given up, replayed, and never twice at the same time without need."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from tests.webhooks.conftest import Hook, Receiver

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import AuthenticationError, ConflictError
from deskmind.keyring import Keyring, MemoryKeySource
from deskmind.webhooks import publish
from deskmind.webhooks.sealing import seal_secret
from deskmind.webhooks.upkeep import expire

MakeHook = Callable[..., Awaitable[Hook]]


async def test_an_event_arrives_signed_with_identifiers_alone(
    hooked: Deskmind, desk: Desk, hook: Hook, receiver: Receiver
) -> None:
    report = await desk.knowledge.add("vpn.md", b"# VPN\n\nRestart the secret client.")
    await hooked.jobs.drain()
    await receiver.until(1)
    event = receiver.event(hook.made.secret)
    assert (event.type, event.data["ingest_id"]) == ("document.stored", str(report.ingest_id))
    document_id = (await desk.knowledge.documents())[0].document_id
    assert event.data["link"] == f"/v1/documents/{document_id}"
    headers, body = receiver.got[0]
    assert headers["content-type"] == "application/json"
    assert b"vpn" not in body
    assert b"secret" not in body
    await desk.knowledge.delete(document_id)
    await hooked.jobs.drain()
    assert receiver.event(hook.made.secret).type == "document.deleted"
    assert {state for state, _, _ in await hook.states()} == {"delivered"}


async def test_what_was_rolled_back_is_not_told_and_a_savepoint_takes_its_events_along(
    hook: Hook, desk: Desk, receiver: Receiver
) -> None:
    async def undone() -> None:
        async with desk.database.transaction(desk.scope) as connection:
            await publish(connection, desk.scope, "run.failed", {"number": 1})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await undone()
    async with desk.database.transaction(desk.scope) as connection:
        try:
            async with connection.transaction():
                await publish(connection, desk.scope, "run.failed", {"number": 2})
                raise RuntimeError
        except RuntimeError:
            pass
        await publish(connection, desk.scope, "run.done", {"number": 3})
    await hook.deliver()
    assert [receiver.event(hook.made.secret, place).data["number"] for place in range(len(receiver.got))] == [
        3
    ]


async def test_webhooks_are_told_what_they_want_and_disabled_ones_nothing(
    make_hook: MakeHook, desk: Desk
) -> None:
    runs, failed, all_of_them, off = [
        await make_hook(types) for types in (("run.*",), ("run.failed", "sync.failed"), ("*",), ("*",))
    ]
    await desk.webhooks.disable(off.id)
    for event_type in ("run.done", "run.failed", "document.deleted"):
        await runs.tell(1, event_type)
    told = [len(await one.states()) for one in (runs, failed, all_of_them, off)]
    assert told == [2, 1, 3, 0]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (500, "unavailable"),
        (429, "unavailable"),
        (401, "refused"),
        ("close", "unreachable"),
        ("hang", "timeout"),
        ("http://127.0.0.1:1/elsewhere", "redirected"),
    ],
)
async def test_what_is_not_taken_is_sent_again_with_its_id(
    hook: Hook, receiver: Receiver, answer: Any, problem: str
) -> None:
    receiver.answers = [answer]
    await hook.tell()
    await hook.deliver()
    assert await hook.states() == [("pending", 1, problem)]
    await hook.at_once()
    await hook.deliver()
    assert await hook.states() == [("delivered", 2, "")]
    (first, before), (second, after) = receiver.got
    assert (first["webhook-id"], before) == (second["webhook-id"], after)
    receiver.event(hook.made.secret, 0)
    receiver.event(hook.made.secret, 1)


async def test_an_answer_without_end_is_not_read_to_its_end(hook: Hook, receiver: Receiver) -> None:
    receiver.body = b"x" * 10_000_000
    await hook.tell(2)
    await hook.deliver()
    assert [state for state, _, _ in await hook.states()] == ["delivered", "delivered"]


async def test_an_attempt_waits_for_as_long_as_the_target_asks(hook: Hook, receiver: Receiver) -> None:
    receiver.answers, receiver.headers = [503], {"Retry-After": "3000"}
    await hook.tell()
    await hook.deliver()
    (waiting,) = await hook.desk.webhooks.deliveries(hook.id)
    assert waiting.due_at is not None
    assert waiting.due_at > datetime.now(UTC) + timedelta(seconds=2_900)


async def test_what_is_never_taken_is_a_dead_letter_and_can_be_replayed(
    hook: Hook, receiver: Receiver, desk: Desk
) -> None:
    receiver.answers = [500] * 3
    await hook.tell()
    await hook.deliver()
    began = datetime.now(UTC) - timedelta(minutes=1)
    await hook.sql(
        "UPDATE webhook_deliveries SET wanted_at = now() - interval '4 days' WHERE tenant_id = %s",
        desk.scope.tenant_id,
    )
    await hook.at_once()
    await hook.deliver()
    assert await hook.states() == [("dead", 2, "unavailable")]
    await hook.at_once()
    await hook.deliver()
    assert len(receiver.got) == 2
    (dead,) = await desk.webhooks.deliveries(hook.id, state="dead")
    assert (await desk.webhooks.replay(dead.delivery_id)).state == "pending"
    await hook.deliver()
    assert await hook.states() == [("pending", 3, "unavailable")]
    await hook.sql(
        "UPDATE webhook_deliveries SET state = 'dead', settled_at = now() WHERE tenant_id = %s",
        desk.scope.tenant_id,
    )
    assert await desk.webhooks.replay_dead(datetime.now(UTC) + timedelta(hours=1)) == 0
    assert await desk.webhooks.replay_dead(began) == 1
    await hook.deliver()
    assert await hook.states() == [("delivered", 4, "")]
    assert len(set(receiver.ids)) == 1


async def test_a_target_that_does_not_answer_is_tried_with_one_delivery_and_the_rest_waits(
    hook: Hook, receiver: Receiver
) -> None:
    receiver.answers = [500] * 9
    await hook.tell(9)
    await hook.deliver()
    begun = len(receiver.got)
    assert 3 <= begun <= 7  # the third failure holds it, and what was claimed before is still sent
    await hook.deliver()
    assert len(receiver.got) == begun
    await hook.at_once()
    await hook.deliver()
    assert len(receiver.got) == begun + 1
    receiver.answers = []
    await hook.at_once()
    await hook.deliver()
    assert [state for state, _, _ in await hook.states()] == ["delivered"] * 9


async def test_attempts_begin_in_order_and_no_more_at_once_than_allowed(
    hook: Hook, receiver: Receiver
) -> None:
    await hook.tell(20)
    await hook.deliver()
    numbers = [receiver.event(hook.made.secret, place).data["number"] for place in range(20)]
    assert all(abs(number - place) <= 4 for place, number in enumerate(numbers))
    assert receiver.most_at_once <= 2


async def test_a_target_that_hangs_holds_nobody_else(
    make_hook: MakeHook, hooked: Deskmind, receiver: Receiver
) -> None:
    async with Receiver() as other:
        slow, quick = await make_hook(), await make_hook(url=other.url)
        receiver.answers = ["hang"] * 6
        await slow.tell(6)
        await hooked.jobs.drain()
        assert [state for state, _, _ in await quick.states()] == ["delivered"] * 6
        assert all(problem == "timeout" for _, _, problem in await slow.states() if problem)
        receiver.held.set()


async def test_both_secrets_sign_while_they_overlap(hook: Hook, receiver: Receiver, desk: Desk) -> None:
    new = await desk.webhooks.rotate(hook.id, overlap_hours=1)
    await hook.tell()
    await hook.deliver()
    for secret in (hook.made.secret, new.secret):
        receiver.event(secret)
    last = await desk.webhooks.rotate(hook.id, overlap_hours=0)
    await hook.tell()
    await hook.deliver()
    receiver.event(last.secret)
    for secret in (hook.made.secret, new.secret):
        with pytest.raises(AuthenticationError):
            receiver.event(secret)


async def test_a_webhook_that_failed_for_days_is_disabled_and_the_audit_log_says_so(
    hook: Hook, receiver: Receiver, desk: Desk
) -> None:
    receiver.answers = [401, 401]
    await hook.tell()
    await hook.deliver()
    await hook.sql(
        "UPDATE webhooks SET failing_since = now() - interval '6 days' WHERE tenant_id = %s",
        desk.scope.tenant_id,
    )
    await hook.at_once()
    await hook.deliver()
    found = await desk.webhooks.get(hook.id)
    assert (found.active, found.disabled_because) == (False, "failing")
    (event,) = [one for one in await desk.audit() if one.action == "webhooks.disable"]
    assert (event.outcome, event.resource) == ("failed", f"webhooks/{hook.id}")
    with pytest.raises(ConflictError):
        await desk.webhooks.test(hook.id)
    await desk.webhooks.enable(hook.id)
    await hook.at_once()
    await hook.deliver()
    assert await hook.states() == [("delivered", 3, "")]


async def test_the_first_success_after_days_of_failures_keeps_the_webhook(
    hook: Hook, receiver: Receiver, desk: Desk
) -> None:
    receiver.answers = [401]
    await hook.tell()
    await hook.deliver()
    await hook.sql(
        "UPDATE webhooks SET failing_since = now() - interval '6 days' WHERE tenant_id = %s",
        desk.scope.tenant_id,
    )
    await hook.at_once()
    await hook.deliver()
    assert await hook.states() == [("delivered", 2, "")]
    found = await desk.webhooks.get(hook.id)
    assert (found.active, found.failing_since) == (True, None)


@pytest.mark.parametrize("quietly", [True, False])
async def test_one_failure_after_days_in_which_nothing_waited_keeps_the_webhook(
    hooked: Deskmind, hook: Hook, receiver: Receiver, desk: Desk, *, quietly: bool
) -> None:
    """The only event was given up, by its last attempt or by itself; a week later another one meets a short trouble."""
    receiver.answers = [422, 503] if quietly else [422, 422, 503]
    await hook.tell()
    await hook.deliver()
    await hook.sql(
        "UPDATE webhook_deliveries SET wanted_at = now() - interval '4 days', due_at = now() - interval '1 day'"
        " WHERE tenant_id = %s",
        desk.scope.tenant_id,
    )
    if quietly:
        await expire(hooked.database, hooked.settings.webhooks)
    else:
        await hook.deliver()
    assert [state for state, _, _ in await hook.states()] == ["dead"]
    await hook.sql(
        "UPDATE webhooks SET failing_since = failing_since - interval '7 days' WHERE tenant_id = %s",
        desk.scope.tenant_id,
    )
    await hook.tell()
    await hook.deliver()
    assert (await hook.states())[1:] == [("pending", 1, "unavailable")]
    assert (await desk.webhooks.get(hook.id)).active
    await hook.tell(3)
    await hook.at_once()
    await hook.deliver()
    assert [state for state, _, _ in await hook.states()] == ["dead", *["delivered"] * 4]


async def test_the_days_of_failure_go_on_while_another_event_waits(
    hooked: Deskmind, hook: Hook, receiver: Receiver, desk: Desk
) -> None:
    receiver.answers = [422] * 5
    await hook.tell(2)
    await hook.deliver()
    since = (await desk.webhooks.get(hook.id)).failing_since
    assert since is not None
    await hook.sql(
        "UPDATE webhook_deliveries SET wanted_at = now() - interval '4 days' WHERE delivery_id ="
        " (SELECT min(delivery_id::text)::uuid FROM webhook_deliveries WHERE tenant_id = %s)",
        desk.scope.tenant_id,
    )
    await hook.at_once()
    await hook.deliver()
    await expire(hooked.database, hooked.settings.webhooks)
    assert sorted(state for state, _, _ in await hook.states()) == ["dead", "pending"]
    assert (await desk.webhooks.get(hook.id)).failing_since == since


@pytest.mark.parametrize("version", [1, 4_000_000_000])
async def test_a_new_secret_mends_one_that_cannot_be_opened_at_once(
    hook: Hook, receiver: Receiver, desk: Desk, version: int
) -> None:
    """It was sealed with another installation's keyring, or with a key that is gone."""
    other = Keyring.open(MemoryKeySource())
    sealed = seal_secret(other, desk.scope.tenant_id, hook.id, hook.made.secret)
    await hook.sql(
        "UPDATE webhooks SET sealed = %s WHERE tenant_id = %s",
        version.to_bytes(4) + sealed[4:],
        desk.scope.tenant_id,
    )
    await hook.tell()
    await hook.deliver()
    assert await hook.states() == [("pending", 1, "forbidden")]
    made = await desk.webhooks.rotate(hook.id)
    await hook.at_once()
    await hook.deliver()
    assert await hook.states() == [("delivered", 2, "")]
    receiver.event(made.secret)


async def test_a_target_that_is_gone_is_told_nothing_more(hook: Hook, receiver: Receiver, desk: Desk) -> None:
    receiver.answers = [410]
    await hook.tell()
    await hook.deliver()
    assert await hook.states() == [("dead", 1, "gone")]
    assert (await desk.webhooks.get(hook.id)).disabled_because == "gone"


async def test_an_event_that_several_processes_publish_is_told_once(hook: Hook, desk: Desk) -> None:
    event_id = uuid4()
    for _ in range(2):
        async with desk.database.transaction(desk.scope) as connection:
            await publish(connection, desk.scope, "budget.threshold", {"share": 0.8}, event_id=event_id)
    assert len(await hook.states()) == 1
