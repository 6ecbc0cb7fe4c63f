"""Conversations belong to one person."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncConnection
from psycopg import errors as pg

from deskmind.app import Deskmind
from deskmind.errors import ConversationNotFoundError, InvalidRequestError, PermissionDeniedError
from deskmind.prompts import ContextWindow, Message

CALL = Message("tool_call", '{"q": "vpn"}', call_id="c1", tool="search")
RESULT = Message("tool_result", "3 articles", call_id="c1", tool="search")


def said(*texts: str) -> list[Message]:
    return [Message("user" if n % 2 == 0 else "assistant", text) for n, text in enumerate(texts)]


async def count(desk: Any, table: str) -> int:
    async with desk.database.transaction(desk.scope) as connection:
        row = await (await connection.execute(f"SELECT count(*) FROM {table}".encode())).fetchone()
        return row[0]


async def test_turns_are_kept_in_order(office: Any) -> None:
    mine = office.ann.conversations
    begun = await mine.create("VPN", messages=said("It fails.", "Since when?"))
    about = await mine.append(begun.about.conversation_id, CALL, RESULT)
    assert about.turn_count == 4
    found = await mine.get(about.conversation_id)
    assert [turn.position for turn in found.turns] == [1, 2, 3, 4]
    assert found.history == (*said("It fails.", "Since when?"), CALL, RESULT)
    assert found.about.title == "VPN"
    assert (await mine.rename(about.conversation_id, "VPN at home")).title == "VPN at home"
    assert found.as_dict()["turns"][2]["call_id"] == "c1"


async def test_the_last_changed_comes_first_and_lists_continue(office: Any) -> None:
    mine = office.ann.conversations
    made = [(await mine.create(f"number {n}")).about.conversation_id for n in range(5)]
    await mine.append(made[0], Message("user", "again"))
    listed = await mine.list(limit=3)
    assert [item.title for item in listed] == ["number 0", "number 4", "number 3"]
    assert [item.title for item in await mine.list(before=listed[-1].place)] == ["number 2", "number 1"]
    with pytest.raises(InvalidRequestError):
        await mine.list(limit=0)


async def test_appending_at_once_leaves_no_gap(office: Any) -> None:
    mine = office.ann.conversations
    identifier = (await mine.create()).about.conversation_id
    await asyncio.gather(*(mine.append(identifier, *said(f"q{n}", f"a{n}")) for n in range(8)))
    turns = (await mine.get(identifier)).turns
    assert [turn.position for turn in turns] == list(range(1, 17))
    for question, answer in zip(turns[::2], turns[1::2], strict=True):
        assert answer.message.content == question.message.content.replace("q", "a")


async def test_nobody_else_sees_them_operators_included(office: Any, app: Deskmind) -> None:
    secret = (await office.ann.conversations.create("Salary", messages=said("My salary is wrong."))).about
    await office.operator.principals.add_user("boss", role="operator")
    boss = await app.desk(tenant=office.operator.scope.tenant, user="boss")
    for other in (office.ben, office.operator, boss, office.stranger):
        assert await other.conversations.list() == []
        for refused in (
            other.conversations.get(secret.conversation_id),
            other.conversations.append(secret.conversation_id, Message("user", "x")),
            other.conversations.rename(secret.conversation_id, "x"),
            other.conversations.summarise(secret.conversation_id),
            other.conversations.erase(secret.conversation_id),
        ):
            with pytest.raises(ConversationNotFoundError):
                await refused
        assert await count(other, "conversations") == await count(other, "turns") == 0
    assert "salary" not in str(await office.operator.audit()).lower()


async def test_a_turn_cannot_be_slipped_into_anothers_conversation_by_sql(office: Any) -> None:
    identifier = (await office.ann.conversations.create()).about.conversation_id
    insert = (
        "INSERT INTO turns (tenant_id, conversation_id, position, principal_id, role, content, call_id, tool)"
        " VALUES (%s, %s, 1, %s, 'assistant', 'run this', '', '')"
    )
    scope = office.ben.scope
    for principal, error in (
        (scope.principal_id, pg.ForeignKeyViolation),
        (office.ann.scope.principal_id, pg.InsufficientPrivilege),
    ):
        with pytest.raises(error):
            async with office.ben.database.transaction(scope) as connection:
                await connection.execute(insert, (scope.tenant_id, identifier, principal))
    assert (await office.ann.conversations.get(identifier)).turns == ()


async def test_turns_are_never_rewritten(office: Any) -> None:
    await office.ann.conversations.create(messages=said("as it was"))
    for statement in (
        "UPDATE turns SET content = 'x'",
        "DELETE FROM turns",
        "UPDATE conversations SET principal_id = tenant_id",
    ):
        with pytest.raises(pg.InsufficientPrivilege):
            async with office.ann.database.transaction(office.ann.scope) as connection:
                await connection.execute(statement.encode())


async def test_a_result_needs_its_call(office: Any) -> None:
    mine = office.ann.conversations
    identifier = (await mine.create()).about.conversation_id
    with pytest.raises(InvalidRequestError, match="not in the conversation"):
        await mine.append(identifier, RESULT)
    await mine.append(identifier, CALL)
    await mine.append(identifier, RESULT)
    assert (await mine.get(identifier)).about.turn_count == 2
    for message in (
        Message("system", "obey"),
        Message("user", "x", call_id="c"),
        Message("tool_call", "{}"),
        Message("user", "\x00"),
        Message("user", "\ud800"),
        Message("user", "x" * 1_000_001),
        Message("tool_call", "{}", call_id="c" * 201),
    ):
        with pytest.raises(InvalidRequestError):
            await mine.append(identifier, message)
    with pytest.raises(InvalidRequestError):
        await mine.create("x" * 201)
    assert (await mine.get(identifier)).about.turn_count == 2


async def test_a_summary_stands_for_older_turns(office: Any) -> None:
    mine = office.ann.conversations
    begun = await mine.create(
        messages=[*said("First. More.", "Second."), CALL, RESULT, *said("Third.", "Fourth.")]
    )
    identifier = begun.about.conversation_id
    about = await mine.summarise(identifier, keep=3)  # would come between call and result
    assert about.summarised_through == 2
    assert "user: First." in about.summary
    found = await mine.get(identifier)
    assert found.history == (CALL, RESULT, *said("Third.", "Fourth."))
    assert len(found.turns) == 6
    assert await mine.summarise(identifier, keep=4) == found.about
    again = await mine.summarise(identifier, keep=0)
    assert again.summarised_through == 6
    assert "First." in again.summary
    assert "Third." in again.summary
    assert (await mine.get(identifier)).history == ()
    fitted = await ContextWindow(4000, reply=500).fit("And now?", history=(), summary=again.summary)
    assert again.summary in fitted.messages[0].content


async def test_a_summary_is_held_to_its_room_and_can_be_kept(office: Any) -> None:
    class Talkative:
        tokens = 40

        async def summarise(self, turns: Any, *, previous: str, max_tokens: int) -> str:
            return f"{previous}{len(turns)}\x00\ud800 turns " + "very " * 1000

    mine = office.ann.conversations
    identifier = (await mine.create(messages=said("a", "b", "c"))).about.conversation_id
    about = await mine.summarise(identifier, keep=1, summariser=Talkative())
    assert about.summary.startswith("2 turns very")
    assert about.summary.endswith("…")
    assert len(about.summary) < 200
    with pytest.raises(InvalidRequestError):
        await mine.summarise(identifier, keep=-1)


async def test_what_has_expired_is_gone_at_once_and_purged_later(office: Any) -> None:
    mine = office.ann.conversations
    kept = (await mine.create("kept", expires_at=datetime.now(UTC) + timedelta(days=1))).about
    going = (await mine.create("going", messages=said("secret"))).about
    await _expire(office.ann, going.conversation_id)
    assert [item.conversation_id for item in await mine.list()] == [kept.conversation_id]
    with pytest.raises(ConversationNotFoundError):
        await mine.get(going.conversation_id)
    assert await count(office.ann, "turns") == 0
    with pytest.raises(PermissionDeniedError):
        await mine.purge()
    assert await office.operator.conversations.purge() == 1
    assert await office.operator.conversations.purge() == 0
    assert (await mine.get(kept.conversation_id)).about.title == "kept"
    for moment in (datetime.now(UTC) - timedelta(seconds=1), datetime(2999, 1, 1)):
        with pytest.raises(InvalidRequestError):
            await mine.create(expires_at=moment)


async def _expire(desk: Any, conversation_id: UUID) -> None:
    """Time passes: only an administrator can turn the clock for it."""
    async with await AsyncConnection.connect(desk.database.endpoints.admin, autocommit=True) as connection:
        await connection.execute(
            "UPDATE deskmind.conversations SET expires_at = now() - interval '1 second' WHERE conversation_id = %s",
            (conversation_id,),
        )


async def test_erasing(office: Any) -> None:
    mine = office.ann.conversations
    for number in range(3):
        await mine.create(messages=said(f"text {number}"))
    kept = await office.ben.conversations.create(messages=said("ben's"))
    first = (await mine.list())[0].conversation_id
    await mine.erase(first)
    with pytest.raises(ConversationNotFoundError):
        await mine.erase(first)
    assert await count(office.ann, "turns") == 2
    with pytest.raises(PermissionDeniedError):
        await office.ben.conversations.erase_of(office.ann.scope.principal_id)
    with pytest.raises(pg.InsufficientPrivilege):
        async with office.ben.database.transaction(office.ben.scope) as connection:
            await connection.execute("SELECT erase_conversations_of(%s)", (office.ann.scope.principal_id,))
    assert await office.operator.conversations.erase_of(office.ann.scope.principal_id) == 2
    assert await office.operator.conversations.erase_of(uuid4()) == 0
    assert await mine.list() == []
    assert await count(office.ann, "turns") == 0
    assert (await office.ben.conversations.get(kept.about.conversation_id)).turns
