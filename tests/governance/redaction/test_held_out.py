"""How much is found in tickets of manners of writing that no rule was made with."""

from __future__ import annotations

import pytest
from evals.redaction.texts import DEVELOPMENT, HELD_OUT, labelled_texts

from deskmind.evaluation.redaction import evaluate_redaction, only_types
from deskmind.governance.redaction import NerDetector, Redactor

PERSONAL = ("person", "location", "phone", "email", "card", "iban", "ssn", "ip", "url", "id")
_SURE = {"email": 0.99, "card": 0.99, "iban": 0.99, "ssn": 0.99, "ip": 0.98, "phone": 0.9}


@pytest.mark.parametrize(("ner", "least"), [(False, 0.75), (True, 0.83)])
def test_enough_is_found_in_tickets_not_seen_before(*, ner: bool, least: float) -> None:
    redactor = Redactor().with_detector(NerDetector()) if ner else Redactor()
    scores = evaluate_redaction(redactor, only_types(labelled_texts(HELD_OUT), PERSONAL))
    assert scores["f2"] >= least, scores["by_type"]
    for kind, sure in _SURE.items():
        assert scores["by_type"][kind]["f2"] >= sure, (kind, scores["by_type"][kind])


def test_the_texts_to_judge_by_are_no_texts_to_work_with() -> None:
    held_out = {item.template for item in labelled_texts(HELD_OUT)}
    development = {item.template for item in labelled_texts(DEVELOPMENT)}
    assert len(labelled_texts(HELD_OUT)) >= 150
    assert not held_out & development
    assert not {item.text for item in labelled_texts(HELD_OUT)} & {
        item.text for item in labelled_texts(DEVELOPMENT)
    }
