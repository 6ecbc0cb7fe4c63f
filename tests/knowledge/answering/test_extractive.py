"""Extractive answers: short, cited, honest."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from deskmind.knowledge.answering import ExtractiveAnswerer
from deskmind.knowledge.answering.evidence import confidence_of
from deskmind.knowledge.answering.extractive import NOT_FOUND
from deskmind.knowledge.models import Answer, Passage
from deskmind.knowledge.sentences import split_units

_TEXTS = st.lists(st.text(alphabet="abc .\n|-1é", min_size=1, max_size=300), min_size=1, max_size=6)


def passage(
    text: str, *, document: str = "d1", start: int = 100, similar: float = 0.9, score: float = 0.8
) -> Passage:
    """A passage whose first unit is the most similar."""
    units = split_units(text)
    scores = tuple(similar / (place + 1) for place in range(len(units)))
    return Passage(
        "c",
        document,
        "Title",
        "uri",
        ("Section",),
        text,
        start,
        start + len(text),
        score,
        0.6,
        2.0,
        {},
        scores,
    )


async def ask(question: str, *passages: Passage, threshold: float | None = None) -> Answer:
    return await ExtractiveAnswerer(threshold=threshold).answer(question, passages, embedder=None)


async def test_the_sentence_that_answers_is_quoted_with_its_place() -> None:
    answer = await ask(
        "When does the token arrive?", passage("The token arrives within 20 minutes. Call if it does not.")
    )
    assert answer.found
    first = answer.citations[0]
    assert first.quote == "The token arrives within 20 minutes."
    assert (first.start, first.end) == (100, 100 + len(first.quote))
    assert (first.title, first.section, first.document_id) == ("Title", "Section", "d1")
    assert answer.text.startswith("The token arrives within 20 minutes. [1]")


@settings(max_examples=100, deadline=None)
@given(_TEXTS, st.text(max_size=60))
async def test_an_answer_never_exceeds_its_limits_and_cites_everything(
    texts: list[str], question: str
) -> None:
    passages = [passage(text, document=f"d{number}") for number, text in enumerate(texts)]
    answer = await ask(question, *passages, threshold=0.0)
    assert len(answer.sentences) <= 3
    assert sum(len(sentence.text.split()) for sentence in answer.sentences) <= 80
    by_number = {citation.number: citation for citation in answer.citations}
    texts_by_document = {item.document_id: item.text for item in passages}
    for sentence in answer.sentences:
        citation = by_number[sentence.citation]
        assert citation.quote == sentence.text
        assert (
            texts_by_document[citation.document_id][citation.start - 100 : citation.end - 100]
            == citation.quote
        )
    assert answer == await ask(question, *passages, threshold=0.0)


async def test_nothing_found_is_said() -> None:
    assert (await ask("anything")).text == NOT_FOUND
    weak = await ask("capital of France", passage("Printers need toner.", similar=0.05, score=0.05))
    assert (weak.found, weak.sentences, weak.citations) == (False, (), ())


async def test_a_sentence_longer_than_an_answer_is_cut_at_a_word() -> None:
    answer = await ask("x", passage("x " + "w " * 150), threshold=0.0)
    assert sum(len(sentence.text.split()) for sentence in answer.sentences) == 80


async def test_the_stream_ends_with_the_whole_answer() -> None:
    found = passage("The token arrives within 20 minutes.")
    events = [
        event
        async for event in ExtractiveAnswerer().stream("When does the token arrive?", [found], embedder=None)
    ]
    assert events[-1].answer is not None
    assert "".join(event.text for event in events).strip() == events[-1].answer.text
    nothing = [event async for event in ExtractiveAnswerer().stream("?", [], embedder=None)]
    assert nothing[0].text == NOT_FOUND


def test_confidence_grows_with_each_fact() -> None:
    question = "When does the token arrive?"
    good, bad = (
        passage("The token arrives soon.", similar=0.8),
        passage("The token arrives soon.", similar=0.2),
    )
    off = passage("Printers need toner.", similar=0.8)

    def confidence(*passages: Passage) -> float:
        return confidence_of(ExtractiveAnswerer().evidence(question, passages))

    assert confidence(good) > confidence(bad)
    assert confidence(good) > confidence(off)
    rival = passage("The token arrives later.", document="d2", score=0.79)
    assert confidence(good) > confidence(good, rival)


async def test_a_quote_without_the_kind_of_value_asked_for_convinces_less() -> None:
    question = "How many seats has the big room? Answer with a number."
    counted = await ask(question, passage("The big room has 50 seats."))
    praised = await ask(question, passage("The big room has fine seats."))
    assert counted.confidence > praised.confidence


async def test_resemblance_proves_less_when_the_question_names_a_thing() -> None:
    named = await ask(
        "Is there a bicycle stand near Office 12?", passage("Near Office 12 there is a bicycle stand.")
    )
    plain = await ask(
        "Is there a bicycle stand near the office?", passage("Near the office there is a bicycle stand.")
    )
    assert named.confidence < plain.confidence


async def test_without_passages_there_is_no_confidence() -> None:
    assert (await ask("anything")).confidence == 0.0


async def test_without_an_embedder_words_alone_may_answer() -> None:
    words = replace(passage("The token arrives within 20 minutes."), sentence_scores=(), dense=None)
    assert (await ask("When does the token arrive?", words)).found
