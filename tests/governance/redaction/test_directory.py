"""A tenant's own people and devices, however they are written."""

from __future__ import annotations

import random

import pytest

from deskmind.governance.redaction import DirectoryDetector, DirectoryEntry, EntityType, Redactor

_GIVEN = [
    "Ann-Marie",
    "Björn",
    "Chiamaka",
    "Dace",
    "Émile",
    "Fionnuala",
    "Grzegorz",
    "Hye-jin",
    "Ishaan",
    "Jō",
]
_FAMILY = [
    "de Vries",
    "Ångström",
    "Okonkwo",
    "Bērziņa",
    "Lefèvre",
    "O'Brien",
    "Brzęczyszczykiewicz",
    "Park",
    "Rao",
    "Satō",
]


def _manners(given: str, family: str) -> list[str]:
    return [
        f"{given} {family}",
        f"{family}, {given}",
        f"{family.upper()} {given}",
        f"{given.lower()} {family.lower()}",
        f"{given.upper()} {family.upper()}",
        f"{given[0]}. {family.rsplit(maxsplit=1)[-1]}",
        f"{given.replace('é', 'e')} {family}",
    ]


def test_names_are_found_whatever_the_case_and_order() -> None:
    people = [(given, family) for given in _GIVEN for family in _FAMILY]
    detector = DirectoryDetector(DirectoryEntry(f"{given} {family}") for given, family in people)
    redactor = Redactor([detector])
    chooser = random.Random(7)
    found = total = 0
    for given, family in people:
        for manner in _manners(given, family):
            before = chooser.choice(["Please call ", "assigned to: ", "(", "ticket by\n"])
            text = f"{before}{manner}, about the printer"
            total += 1
            found += any(
                item.start < len(before) + len(manner) and item.end > len(before)
                for item in redactor.find(text)
            )
    assert found / total >= 0.99


def test_devices_and_organisations_are_found_as_written_in_any_case() -> None:
    detector = DirectoryDetector(
        [
            DirectoryEntry("WS-0815", EntityType.HOST),
            DirectoryEntry("Tidewater Freight", EntityType.ORGANISATION),
        ]
    )
    text = "ws-0815 of TIDEWATER freight; not ws-08155"
    found = [(str(item.type), text[item.start : item.end]) for item in Redactor([detector]).find(text)]
    assert found == [("HOST_NAME", "ws-0815"), ("ORGANIZATION", "TIDEWATER freight")]


@pytest.mark.parametrize(
    "written",
    [
        "DOE john",
        "john doe",
        "J. Doe",
        "Doe, John",
        "doe j",
        "Jörg Müller",
        "joerg mueller",
        "MULLER, Jorg",
        "Soeren Oersted",
        "sørenørsted",
    ],
)
def test_a_person_is_known_as_people_write_names(written: str) -> None:
    people = DirectoryDetector(map(DirectoryEntry, ("John Doe", "Jörg Müller", "Søren Ørsted")))
    text = f"pls ask {written}'s team about it"
    assert Redactor([people]).redact(text).text == "pls ask <PERSON_1>'s team about it"


@pytest.mark.parametrize("text", ["I will do it", "that's park and ride", "a park", "it's will"])
def test_a_short_form_that_is_ordinary_english_names_nobody(text: str) -> None:
    people = DirectoryDetector(map(DirectoryEntry, ("Ian Will", "Sue Park", "Anna Park", "Sam Will")))
    assert Redactor([people]).redact(text).text == text


def test_an_organisation_is_known_without_its_legal_form() -> None:
    known = DirectoryDetector([DirectoryEntry("Vantablue GmbH", EntityType.ORGANISATION)])
    assert (
        Redactor([known]).redact("VANTABLUE and Vantablue GmbH").text
        == "<ORGANIZATION_1> and <ORGANIZATION_2>"
    )


def test_a_name_inside_a_word_is_nobody() -> None:
    detector = DirectoryDetector([DirectoryEntry("Rao Ann")])
    assert Redactor([detector]).find("the raoann annrao of rao annex") == []


def test_people_come_and_go() -> None:
    detector = DirectoryDetector([DirectoryEntry("Ann Rao")])
    redactor = Redactor([detector])
    detector.update(added=[DirectoryEntry("Bo Lindqvist")], removed=[DirectoryEntry("Ann Rao")])
    assert redactor.redact("Ann Rao and Bo Lindqvist").text == "Ann Rao and <PERSON_1>"
    assert len(detector) == 1
    detector.update(removed=[DirectoryEntry("Bo Lindqvist")])
    assert redactor.redact("Bo Lindqvist").text == "Bo Lindqvist"


@pytest.mark.parametrize("text", ["", " ", "İ ſ ß ﬃ Ann Rao", "Ann\u00a0Rao"])
def test_positions_fit_the_text_as_given(text: str) -> None:
    found = Redactor([DirectoryDetector([DirectoryEntry("Ann Rao")])]).find(text)
    assert [text[item.start : item.end].replace("\u00a0", " ") for item in found] == (
        ["Ann Rao"] if "Ann" in text else []
    )
