"""Answers worded before serve a paraphrase, and nobody and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.knowledge.answering.agreement import agree
from deskmind.sandbox.models import ModelSandbox

_QUESTION = "How do I renew the parking permit?"
_GUIDE = b"# Parking\n\nRenew the parking permit in the portal before 15 May. The fee is 40 euros a year."
_SAID = "Renew the parking permit in the portal before 15 May [1]."


@pytest.fixture
async def desk(operator: Desk, modelled: Deskmind, sandbox: ModelSandbox) -> Desk:
    """A user's desk; the model always answers the same."""
    await operator.knowledge.add("parking.md", _GUIDE)
    await operator.principals.add_user("req1")
    sandbox.script([_SAID] * 20)
    return await modelled.desk(tenant=operator.scope.tenant, user="req1")


async def test_the_same_question_in_other_words_needs_no_second_call(
    desk: Desk, sandbox: ModelSandbox
) -> None:
    first = await desk.ask(_QUESTION)
    again = await desk.ask("How do I renew my parking permit please?")
    assert len(sandbox.book.entries) == 1
    assert (again.text, again.citations) == (first.text, first.citations)
    assert again.question != first.question
    assert "earlier" in again.note
    events = [event async for event in desk.ask_stream(_QUESTION)]
    assert len(sandbox.book.entries) == 1
    assert "".join(event.text for event in events) == first.text


@pytest.mark.parametrize(
    "other",
    [
        "How do I renew the parking permit 2?",
        "How do I not renew the parking permit?",
        "How do I renew the Thunderbird permit?",
        "How do I unrenew the parking permit?",
    ],
)
async def test_a_near_miss_is_asked_anew(desk: Desk, sandbox: ModelSandbox, other: str) -> None:
    await desk.ask(_QUESTION)
    await desk.ask(other)
    assert len(sandbox.book.entries) == 2


async def test_a_changed_document_is_asked_anew(desk: Desk, operator: Desk, sandbox: ModelSandbox) -> None:
    await desk.ask(_QUESTION)
    await operator.knowledge.add("parking.md", _GUIDE + b" Bring the badge.")
    await desk.ask(_QUESTION)
    assert len(sandbox.book.entries) == 2


async def test_an_answer_made_from_what_one_may_not_see_is_not_given(
    operator: Desk, modelled: Deskmind, sandbox: ModelSandbox
) -> None:
    await operator.knowledge.add("parking.md", _GUIDE)
    await operator.knowledge.add(
        "secret.md", b"# Bays\n\nThe parking permit of the director is for bay 7.", groups=["board"]
    )
    await operator.principals.add_user("director", groups=["board"])
    await operator.principals.add_user("req1")
    sandbox.script([_SAID] * 9)
    tenant = operator.scope.tenant
    director = await modelled.desk(tenant=tenant, user="director")
    requester = await modelled.desk(tenant=tenant, user="req1")
    await director.ask(_QUESTION)
    await director.ask(_QUESTION)
    assert len(sandbox.book.entries) == 1
    await requester.ask(_QUESTION)
    assert len(sandbox.book.entries) == 2


async def test_another_tenant_is_asked_anew(
    desk: Desk, modelled: Deskmind, app: Deskmind, new_tenant: Callable[[], Any], sandbox: ModelSandbox
) -> None:
    await desk.ask(_QUESTION)
    tenant = await new_tenant()
    await (await app.desk(tenant=tenant)).knowledge.add("parking.md", _GUIDE)
    await (await modelled.desk(tenant=tenant)).ask(_QUESTION)
    assert len(sandbox.book.entries) == 2


async def test_what_was_not_supported_is_not_remembered(
    operator: Desk, modelled: Deskmind, sandbox: ModelSandbox
) -> None:
    await operator.knowledge.add("parking.md", _GUIDE)
    sandbox.script(["Renew it in the portal before 15 May [1]. The fee is 90 euros [1].", "NOT_FOUND", _SAID])
    desk = await modelled.desk(tenant=operator.scope.tenant)
    for _ in range(3):
        await desk.ask(_QUESTION)
    assert len(sandbox.book.entries) == 3


async def test_remembered_answers_cost_nothing(desk: Desk) -> None:
    for _ in range(3):
        await desk.ask(_QUESTION)
    (row,) = await desk.usage.report(["feature"])
    assert (row.group["feature"], row.calls) == ("answer", 1)
    assert row.cost > Decimal(0)
    assert UUID((await desk.ask(_QUESTION)).citations[0].document_id)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Reset my Outlook password", "reset my outlook password"),
        ("How do I reset my VPN token?", "What is the way to get a new VPN token?"),
        ("What is the phone number of the service desk?", "Tell me the service desk's phone number."),
        ("How do I install the client on macOS?", "how can i install the client on macOS please?"),
    ],
)
def test_paraphrases_agree(one: str, other: str) -> None:
    assert agree(one, other)
    assert agree(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Upgrade to version 2.1?", "Upgrade to version 2.2?"),
        ("Who approves travel?", "Who does not approve travel?"),
        ("Reset my Outlook password", "Reset my Thunderbird password"),
        ("reset my outlook password", "reset my thunderbird password"),
        ("How do I install the client?", "How do I uninstall the client?"),
        ("Can I print?", "Can't I print?"),
        ("Is there a limit with approval?", "Is there a limit without approval?"),
        ("Where is the Berlin office?", "Where is the office in Paris?"),
    ],
)
def test_near_misses_disagree(one: str, other: str) -> None:
    assert not agree(one, other)
    assert not agree(other, one)


@given(st.text(max_size=200), st.text(max_size=200))
def test_agreement_is_symmetric_and_every_question_agrees_with_itself(one: str, other: str) -> None:
    assert agree(one, one)
    assert agree(one, other) == agree(other, one)
