"""Answers in a model's words: cited, checked, honest, and without the model when it does not answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import ContentBlockedError
from deskmind.gateway import Caller, ChatRequest
from deskmind.gateway.shield import Protected
from deskmind.knowledge.answering.checking import UNSUPPORTED, checked
from deskmind.knowledge.models import Passage
from deskmind.sandbox.models import ModelSandbox

_QUESTION = "How do I renew the parking permit?"
_GUIDE = b"# Parking\n\nRenew the parking permit in the portal before 15 May. The fee is 40 euros a year."


@pytest.fixture
async def desk(operator: Desk, modelled: Deskmind) -> Desk:
    await operator.knowledge.add("parking.md", _GUIDE)
    await operator.knowledge.add("secret.md", b"# Parking\n\nThe director parks in bay 7.", groups=["board"])
    await operator.principals.add_user("req1")
    return await modelled.desk(tenant=operator.scope.tenant, user="req1")


async def test_a_models_answer_is_cited_and_booked(desk: Desk, sandbox: ModelSandbox) -> None:
    sandbox.script(["Renew the parking permit in the portal before 15 May [1]."])
    answer = await desk.ask(_QUESTION)
    assert (answer.mode, answer.model, answer.found) == ("generated", "fast", True)
    assert answer.text == "Renew the parking permit in the portal before 15 May. [1]"
    (citation,) = answer.citations
    assert citation.title == "Parking"
    assert "before 15 May" in citation.quote
    document = await desk.knowledge.document(__import__("uuid").UUID(citation.document_id))
    assert document.text[citation.start : citation.end] == citation.quote
    (row,) = await desk.usage.report(["feature"])
    assert (row.group["feature"], row.calls) == ("answer", 1)


async def test_only_what_the_asker_may_see_reaches_the_model(desk: Desk, sandbox: ModelSandbox) -> None:
    seen: list[str] = []

    def reply(request: dict[str, Any]) -> str:
        seen.extend(str(message["content"]) for message in request["messages"])
        return "NOT_FOUND"

    sandbox.manner = __import__("dataclasses").replace(sandbox.manner, reply=reply)
    await desk.ask("Where does the director park?")
    assert seen
    assert not any("bay 7" in text for text in seen)


async def test_invented_citations_and_figures_are_marked(desk: Desk, sandbox: ModelSandbox) -> None:
    sandbox.script(
        [
            "Renew the parking permit in the portal before 15 May [1]. The fee is 90 euros a year [1]. Ask the mayor for it [9]."
        ]
    )
    answer = await desk.ask(_QUESTION)
    first, second, third = answer.text.splitlines()
    assert first.endswith("[1]")
    assert second == f"The fee is 90 euros a year. {UNSUPPORTED}"
    assert third == f"Ask the mayor for it. {UNSUPPORTED}"
    assert len(answer.citations) == 1


@pytest.mark.parametrize("said", ["NOT_FOUND", " not_found.", "**NOT_FOUND**", "It is on the moon.", ""])
async def test_not_found_stays_honest(desk: Desk, sandbox: ModelSandbox, said: str) -> None:
    sandbox.script([said])
    answer = await desk.ask(_QUESTION)
    assert (answer.found, answer.mode, answer.citations) == (False, "generated", ())


async def test_without_a_model_sentences_of_the_documents_answer_and_say_so(
    desk: Desk, sandbox: ModelSandbox
) -> None:
    sandbox.faults.add("server_error")
    answer = await desk.ask(_QUESTION)
    assert (answer.mode, answer.found) == ("extractive", True)
    assert "model-unavailable" in answer.note
    events = [event async for event in desk.ask_stream(_QUESTION)]
    assert events[-1].answer is not None
    assert events[-1].answer.mode == "extractive"
    assert "".join(event.text for event in events) == events[-1].answer.text


class _Refusing:
    """A shield that lets nothing out."""

    async def protect(self, request: ChatRequest, caller: Caller) -> Protected:
        raise ContentBlockedError("This may not be sent to a model.")

    async def protect_texts(self, texts: Sequence[str], caller: Caller) -> Sequence[str]:
        raise ContentBlockedError("This may not be sent to a model.")


@pytest.mark.parametrize(
    ("model", "shield", "code"), [("fast", _Refusing(), "content-blocked"), ("nope", None, "not-found")]
)
async def test_whatever_keeps_the_model_from_answering_the_documents_answer(
    desk: Desk, modelled: Deskmind, model: str, shield: Any, code: str
) -> None:
    worded = modelled.settings.answer.model_copy(update={"model": model})
    settings = modelled.settings.model_copy(update={"answer": worded})
    async with Deskmind.open(settings, shield=shield) as other:
        asker = await other.desk(tenant=desk.scope.tenant, user="req1")
        answer = await asker.ask(_QUESTION)
        *_, last = [event async for event in asker.ask_stream(_QUESTION)]
    assert last.answer is not None
    for worded_by in (answer, last.answer):
        assert (worded_by.mode, worded_by.found) == ("extractive", True)
        assert code in worded_by.note


@pytest.mark.parametrize("figure", ["4", "0", "40.5", "140", "400"])
async def test_a_part_of_a_figure_is_another_figure(desk: Desk, sandbox: ModelSandbox, figure: str) -> None:
    sandbox.script(
        [f"Renew the parking permit in the portal before 15 May [1]. The fee is {figure} euros a year [1]."]
    )
    answer = await desk.ask(_QUESTION)
    assert answer.text.splitlines()[1].endswith(UNSUPPORTED)


async def test_a_stream_shows_the_words_and_ends_with_the_checked_answer(
    desk: Desk, sandbox: ModelSandbox
) -> None:
    sandbox.script(["Renew the parking permit in the portal before 15 May [1]."])
    events = [event async for event in desk.ask_stream(_QUESTION)]
    assert len(events) > 5
    assert (
        "".join(event.text for event in events) == "Renew the parking permit in the portal before 15 May [1]."
    )
    assert events[-1].answer is not None
    assert events[-1].answer.text == "Renew the parking permit in the portal before 15 May. [1]"


async def test_a_stream_never_shows_the_word_for_nothing(desk: Desk, sandbox: ModelSandbox) -> None:
    sandbox.script(["NOT_FOUND"])
    events = [event async for event in desk.ask_stream(_QUESTION)]
    assert "NOT" not in "".join(event.text for event in events)
    assert events[-1].answer is not None
    assert not events[-1].answer.found


async def test_a_stream_that_breaks_falls_back(desk: Desk, sandbox: ModelSandbox) -> None:
    sandbox.script(["Renew the parking permit in the portal before 15 May [1]."])
    sandbox.faults.add("cut_after", after=3)
    events = [event async for event in desk.ask_stream(_QUESTION)]
    assert events[-1].answer is not None
    assert "stream-broken" in events[-1].answer.note


_PASSAGE = Passage(
    "c", "00000000-0000-0000-0000-000000000001", "Parking", "p", (), _GUIDE.decode(), 0, 90, 1.0
)


@given(st.text(alphabet="abc [1]23.\n", max_size=80))
def test_every_marker_in_an_answer_has_its_citation(written: str) -> None:
    answer = checked("q", written, [_PASSAGE], 0.5, "fast")
    numbers = {citation.number for citation in answer.citations}
    assert {sentence.citation for sentence in answer.sentences} - {0} <= numbers
    assert answer.found == bool(numbers)
