"""What is learned is right, says how sure it is, and why."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.triage.tickets import tickets

from deskmind.errors import InvalidRequestError
from deskmind.triage import TrainingTicket, TriageModel, dump, evaluate, judge, learn
from deskmind.triage.terms import words_of


def test_labels_of_unseen_tickets_are_predicted_for_every_target(model: TriageModel) -> None:
    judged = judge(model, tickets(120, seed=2))
    assert {name: found.accuracy > 0.85 for name, found in judged.evaluations.items()} == {
        "category": True,
        "group": True,
    }


def test_a_guess_cites_its_words_and_the_tickets_that_read_alike(model: TriageModel) -> None:
    (said,) = model.predict(["VPN tunnel drops, please help"])
    guess = said.guesses["category"]
    assert (guess.label, guess.abstained) == ("Network", False)
    assert guess.terms[0].text in {"vpn", "vpn tunnel", "tunnel", "tunnel drops", "drops"}
    by_reference = {ticket.reference: ticket for ticket in tickets()}
    nearest = said.neighbours[0]
    assert "vpn" in by_reference[nearest.reference].text
    assert nearest.labels == by_reference[nearest.reference].labels
    assert nearest.resolved == by_reference[nearest.reference].resolved


def test_what_resembles_nothing_is_left_to_a_person(model: TriageModel) -> None:
    empty, unknown = model.predict(["", "zzz qqq xxx"])
    for said in (empty, unknown):
        assert all(guess.abstained for guess in said.guesses.values())
        assert said.neighbours == ()


def test_a_higher_threshold_abstains_more_often(model: TriageModel) -> None:
    texts = [ticket.text for ticket in tickets(60, seed=3)]

    def abstained(threshold: float) -> int:
        return sum(one.guesses["category"].abstained for one in model.predict(texts, threshold=threshold))

    assert abstained(0) == 0
    assert abstained(0.5) <= abstained(0.95) < abstained(1) == 60


def test_raw_and_cleaned_texts_are_the_same_to_it(model: TriageModel) -> None:
    raw = "Locked account!! (see https://x.example/1 or mail help@x.example)\n\nPLEASE help, since 08:15 this morning…"
    cleaned = "locked account see or mail please help since this morning"
    first, second = model.predict([raw, cleaned])
    assert first == second


@given(st.text(max_size=200))
def test_words_are_lower_case_and_without_marks_whatever_the_text(text: str) -> None:
    words = words_of(text)
    assert words == words_of(" ".join(words))
    assert all(len(word) > 1 and not word.isdigit() for word in words)


@given(st.text(max_size=80))
def test_any_text_gets_chances_that_are_chances(model: TriageModel, text: str) -> None:
    (said,) = model.predict([text])
    for guess in said.guesses.values():
        chances = [guess.confidence, *(chance for _, chance in guess.alternatives)]
        assert all(0 <= chance <= 1 for chance in chances)
        assert chances == sorted(chances, reverse=True)
        assert sum(chances) == pytest.approx(1, abs=1e-4), "three labels, all told"


def test_the_same_tickets_give_the_same_model(model: TriageModel) -> None:
    again = learn(tickets(), release="test", now=datetime(2026, 4, 1, tzinfo=UTC))
    assert dump(again) == dump(model)


def test_held_out_figures_are_kept_with_the_model(model: TriageModel) -> None:
    provenance = model.provenance
    assert (provenance.tickets, provenance.release) == (240, "test")
    figures = provenance.evaluation["category"]
    honest = judge(model, tickets(400, seed=5)).evaluations["category"]
    assert figures["tickets"] == 240
    assert figures["accuracy"] == pytest.approx(honest.accuracy, abs=0.06), (
        "not that of tickets it has learned"
    )


def test_folds_hold_out_every_ticket_once() -> None:
    given_tickets = tickets(90)
    judged = evaluate(given_tickets, folds=2)
    assert sorted(one.reference for one in judged.tickets) == sorted(one.reference for one in given_tickets)
    found = judged.evaluations["category"]
    assert sum(map(sum, found.confusion)) == found.tickets == 90
    assert found.accuracy_at_80 >= found.accuracy


def test_rare_labels_are_left_out_and_named() -> None:
    some = [*tickets(60), TrainingTicket("coffee machine leaks", {"category": "Kitchen"})]
    assert learn(some, targets=["category"]).provenance.left_out == {"category": {"Kitchen": 1}}


def test_two_labels_are_enough() -> None:
    some = [one for one in tickets(120) if one.labels["category"] != "Access"]
    assert judge(learn(some, targets=["category"]), some).evaluations["category"].accuracy > 0.85


@pytest.mark.parametrize("some", [[], [TrainingTicket("x y")], tickets(2)], ids=["none", "unlabelled", "two"])
def test_too_few_tickets_are_refused_with_what_is_missing(some: list[TrainingTicket]) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        learn(some)
    assert refused.value.remedy


def test_predicting_loads_no_scikit_learn(model: TriageModel, tmp_path: object) -> None:
    code = (
        "import sys, deskmind.triage as t; m = t.load(sys.stdin.buffer.read(), expected=sys.argv[1]);"
        "print(m.predict(['vpn tunnel drops'])[0].guesses['category'].label, 'sklearn' in sys.modules, 'scipy' in sys.modules)"
    )
    from deskmind.triage import digest

    data = dump(model)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, digest(data)], input=data, capture_output=True, check=True
    )
    assert done.stdout.decode().split() == ["Network", "False", "False"]
