"""People and places in forms, and in text without capitals."""

from __future__ import annotations

import pytest

from deskmind.governance.redaction import Redactor


@pytest.fixture(scope="module")
def redactor() -> Redactor:
    """The shipped one, without NER."""
    return Redactor()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Site: Swansea\nFloor: 2", "Site: <LOCATION_1>\nFloor: 2"),
        ("REQUESTED FOR: ABERCROMBIE XANTHE", "REQUESTED FOR: <PERSON_1>"),
        (
            "Assignee: Zorblax Quillfeather; Watch list: Ann Lee, Bo Ek",
            "Assignee: <PERSON_1>; Watch list: <PERSON_2>, <PERSON_3>",
        ),
        ("Affected user ...... Yannick Mbeki", "Affected user ...... <PERSON_1>"),
        ("call frank back, he is in stuttgart", "call <PERSON_1> back, he is in <LOCATION_1>"),
        ("NIC AA:BB:CC:DD:EE:FF is down", "NIC <MAC_ADDRESS_1> is down"),
        ("spoke to mr chukwu about it", "spoke to <PERSON_1> about it"),
    ],
)
def test_what_a_form_or_a_chat_says_of_people_and_places_is_found(
    redactor: Redactor, text: str, shown: str
) -> None:
    assert redactor.redact(text).text == shown


@pytest.mark.parametrize(
    "text",
    [
        "State: Work in Progress",
        "Assigned to: Network Team",
        "Location: Building 4, floor 2",
        "Owner: Service Desk",
        "Requester: unknown",
        "Category: Hardware\nModel: Ricoh\nStatus: Open",
        "the mail went to the mobile, it was nice reading it in bath mode",
        "dr test failed, ms office too",
    ],
)
def test_other_fields_and_words_stay(redactor: Redactor, text: str) -> None:
    assert redactor.redact(text).text == text
