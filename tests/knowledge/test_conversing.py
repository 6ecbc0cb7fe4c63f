"""Questions that follow up: found by what they refer to, answered with what was said, kept for their asker alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import ConversationNotFoundError, InvalidRequestError
from deskmind.knowledge.answering.following import joined
from deskmind.prompts import Message
from deskmind.sandbox.models import ModelSandbox

_GUIDE = b"# Parking\n\nRenew the parking permit in the portal before 15 May. The fee is 40 euros a year."
_CANTEEN = b"# Canteen\n\nThe canteen opens at noon. Lunch is 6 euros."
_QUESTION = "How do I renew the parking permit?"


@pytest.fixture
async def ann(operator: Desk, app: Deskmind) -> Desk:
    await operator.knowledge.add("parking.md", _GUIDE)
    await operator.knowledge.add("canteen.md", _CANTEEN)
    await operator.principals.add_user("ann")
    await operator.principals.add_user("ben")
    return await app.desk(tenant=operator.scope.tenant, user="ann")


@pytest.fixture
def requests(sandbox: ModelSandbox) -> list[dict[str, Any]]:
    """What the model was asked; it condenses, sums up and answers by fixed words."""
    seen: list[dict[str, Any]] = []

    def reply(request: dict[str, Any]) -> str:
        seen.append(request)
        told = request["messages"][0]["content"]
        if told.startswith("You rewrite"):
            return "What is the fee of the parking permit?"
        if told.startswith("You keep the record"):
            return "Asked about parking permits."
        return "The fee is 40 euros a year [1]."

    sandbox.manner = replace(sandbox.manner, reply=reply)
    return seen


async def test_without_a_model_a_follow_up_is_searched_with_what_it_follows(ann: Desk) -> None:
    first = await ann.ask(_QUESTION, conversation="new")
    assert (first.searched, first.cache, bool(first.conversation)) == ("", "", True)
    second = await ann.ask("And the fee for it?", conversation=first.conversation)
    assert second.question == "And the fee for it?"
    assert second.searched == f"And the fee for it? {_QUESTION}"
    assert second.found
    assert second.citations[0].title == "Parking"
    assert second.conversation == first.conversation
    kept = await ann.conversations.get(UUID(first.conversation))
    assert kept.about.title == _QUESTION
    assert [turn.message for turn in kept.turns] == [
        Message("user", _QUESTION),
        Message("assistant", first.text),
        Message("user", "And the fee for it?"),
        Message("assistant", second.text),
    ]


async def test_a_question_outside_a_conversation_is_kept_nowhere(ann: Desk) -> None:
    assert (await ann.ask(_QUESTION)).conversation == ""
    assert await ann.conversations.list() == []


async def test_a_model_condenses_and_answers_with_the_turns_before(
    ann: Desk, modelled: Deskmind, requests: list[dict[str, Any]]
) -> None:
    desk = await modelled.desk(tenant=ann.scope.tenant, user="ann")
    first = await desk.ask(_QUESTION, conversation="new")
    assert (first.cache, len(requests)) == ("miss", 1)
    events = [
        event async for event in desk.ask_stream("And how much is that?", conversation=first.conversation)
    ]
    second = events[-1].answer
    assert second is not None
    condense, answer = requests[1:]
    assert condense["messages"][1]["content"].endswith("Last question: And how much is that?")
    assert [message["role"] for message in answer["messages"]] == ["system", "user", "assistant", "user"]
    assert answer["messages"][1]["content"] == _QUESTION
    assert (
        answer["messages"][2]["content"] == "The fee is 40 euros a year."
    )  # old numbers mean other passages
    assert second.searched == "What is the fee of the parking permit?"
    assert (second.cache, second.window.kept["history"]) == ("off", 2)  # type: ignore[union-attr]
    await desk.ask("And how much is that?", conversation=first.conversation)
    assert len(requests) == 5  # never answered from what was worded before
    assert (await desk.conversations.get(UUID(first.conversation))).about.turn_count == 6
    rows = {row.group["feature"]: row.calls for row in await desk.usage.report(["feature"])}
    assert rows == {"answer": 3, "condense": 2}


async def test_a_model_that_fails_leaves_the_rule(
    ann: Desk, modelled: Deskmind, sandbox: ModelSandbox
) -> None:
    desk = await modelled.desk(tenant=ann.scope.tenant, user="ann")
    first = await ann.ask(_QUESTION, conversation="new")
    sandbox.faults.add("server_error")
    second = await desk.ask("And the fee for it?", conversation=first.conversation)
    assert second.searched == f"And the fee for it? {_QUESTION}"
    assert (second.mode, second.found) == ("extractive", True)


async def test_a_long_conversation_is_summed_up_once_for_several_questions(
    ann: Desk, modelled: Deskmind, requests: list[dict[str, Any]]
) -> None:
    desk = await modelled.desk(tenant=ann.scope.tenant, user="ann")
    turns = [
        Message("user" if number % 2 == 0 else "assistant", f"Turn {number}. " + "word " * 200)
        for number in range(20)
    ]
    talk = (await desk.conversations.create(messages=turns)).about.conversation_id
    answer = await desk.ask("What is the fee?", conversation=talk)
    about = (await desk.conversations.get(talk)).about
    assert about.summary == "Asked about parking permits."
    assert 0 < about.summarised_through < 20
    last = requests[-1]["messages"]
    assert any("Asked about parking permits." in message["content"] for message in last)
    assert not any("Turn 0." in message["content"] for message in last)
    assert any("Turn 19." in message["content"] for message in last)
    assert answer.window is not None
    assert answer.window.kept["history"] == 20 - about.summarised_through
    await desk.ask("What is the fee?", conversation=talk)
    summed = [item for item in requests if item["messages"][0]["content"].startswith("You keep the record")]
    assert len(summed) == 1


async def test_nobody_continues_anothers_conversation(ann: Desk, operator: Desk, app: Deskmind) -> None:
    first = await ann.ask(_QUESTION, conversation="new")
    ben = await app.desk(tenant=ann.scope.tenant, user="ben")
    for desk in (ben, operator):
        with pytest.raises(ConversationNotFoundError):
            await desk.ask("And the fee?", conversation=first.conversation)
    with pytest.raises(ConversationNotFoundError):
        await ann.ask("And the fee?", conversation=uuid4())
    with pytest.raises(InvalidRequestError, match="conversation"):
        await ann.ask("And the fee?", conversation="latest")
    assert (await ann.conversations.get(UUID(first.conversation))).about.turn_count == 2


async def test_a_question_that_is_refused_begins_no_conversation(ann: Desk) -> None:
    with pytest.raises(InvalidRequestError):
        await ann.ask(" ", conversation="new")
    assert await ann.conversations.list() == []


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How do I order a laptop?", "How do I order a laptop?"),
        ("Tell me more", "Tell me more And on Linux? Install the VPN client?"),
        ("Where is it?", "Where is it? And on Linux? Install the VPN client?"),
        ("and why?", "and why? And on Linux? Install the VPN client?"),
    ],
)
def test_the_rule_joins_what_does_not_stand_alone(question: str, expected: str) -> None:
    said = [
        Message("user", "Who pays lunch?"),
        Message("assistant", "You."),
        Message("user", "Install the VPN client?"),
        Message("assistant", "Yes."),
        Message("user", "And on Linux?"),
        Message("assistant", "No."),
    ]
    assert joined(question, said) == expected
    assert joined(question, []) == question
