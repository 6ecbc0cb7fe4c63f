"""National identity and tax numbers, believed by their check digits (``python-stdnum``) and their context."""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from deskmind.governance.redaction.detector import Prepared
from deskmind.governance.redaction.entities import EntityType
from deskmind.governance.redaction.finding import Finding

__all__ = ["NationalIdDetector"]

_CONTEXT = re.compile(
    r"(?i)\b(?:national|identity|citizen|tax|passport|insurance|social|id card|id number|ssn|personnummer|samordningsnummer|cpr|hetu|henkilötunnus|bsn|sofi|pesel|dni|nie|nif|cpf|nhs|nino|steuer|codice fiscale"
    r"|aadhaar|pan|sin|tfn|avs|ahv|egn|cnp|oib|emso|rodné|isikukood|asmens kodas|personal code|fødselsnummer|insee|sécu)\b"
)
_CONTEXT_CHARS = 40


@dataclass(frozen=True, slots=True)
class _Number:
    """A country's number: its check, its form, how sure its check alone makes us, and with context."""

    module: str
    written: str
    form: re.Pattern[str]
    alone: float
    reason: str


def _number(module: str, form: str, alone: float, reason: str) -> _Number:
    return _Number(module, form, _alone(form), alone, reason)


def _alone(form: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w\-.])(?:{form})(?![\w\-]|\.\d)")


# a single check digit lets every tenth number pass, so bare digits need context
_NUMBERS = (
    _number("fi.hetu", r"\d{6}[\-+A-FU-Y]\d{3}[0-9A-Y]", 0.95, "Finnish personal identity code"),
    _number("se.personnummer", r"(?:\d{2})?\d{6}[\-+]\d{4}", 0.9, "Swedish personal identity number"),
    _number("no.fodselsnummer", r"\d{6} ?\d{5}", 0.5, "Norwegian birth number"),
    _number("dk.cpr", r"\d{6}-\d{4}", 0.45, "Danish civil registration number"),
    _number("ee.ik", r"[1-6]\d{10}", 0.5, "Estonian personal code"),
    _number("pl.pesel", r"\d{11}", 0.35, "Polish PESEL"),
    _number("nl.bsn", r"\d{9}", 0.2, "Dutch citizen service number"),
    _number("de.idnr", r"\d{2} ?\d{3} ?\d{3} ?\d{3}", 0.35, "German tax identification number"),
    _number(
        "fr.nir",
        r"[12] ?\d{2} ?\d{2} ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}",
        0.9,
        "French social security number",
    ),
    _number("es.dni", r"\d{8}-?[A-Z]", 0.85, "Spanish identity number"),
    _number("es.nie", r"[XYZ]-?\d{7}-?[A-Z]", 0.9, "Spanish number of foreigners"),
    _number("it.codicefiscale", r"[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]", 0.97, "Italian tax code"),
    _number("pt.nif", r"[1-35689]\d{8}", 0.2, "Portuguese tax number"),
    _number("be.nn", r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}", 0.95, "Belgian national number"),
    _number("ch.ssn", r"756\.\d{4}\.\d{4}\.\d{2}", 0.97, "Swiss social security number"),
    _number("gb.nhs", r"\d{3}[ \-]\d{3}[ \-]\d{4}", 0.3, "NHS number"),
    _number("ie.pps", r"\d{7}[A-W][A-IW]?", 0.75, "Irish personal public service number"),
    _number("br.cpf", r"\d{3}\.\d{3}\.\d{3}-\d{2}", 0.97, "Brazilian CPF"),
    _number("in_.aadhaar", r"[2-9]\d{3} \d{4} \d{4}", 0.7, "Aadhaar number"),
    _number("in_.pan", r"[A-Z]{3}[ABCFGHLJPT][A-Z]\d{4}[A-Z]", 0.8, "Indian PAN"),
    _number("ca.sin", r"\d{3}[ \-]\d{3}[ \-]\d{3}", 0.3, "Canadian social insurance number"),
    _number("cz.rc", r"\d{6}/\d{3,4}", 0.85, "Czech birth number"),
    _number("ro.cnp", r"[1-9]\d{12}", 0.6, "Romanian personal numeric code"),
    _number("bg.egn", r"\d{10}", 0.2, "Bulgarian civil number"),
    _number("hr.oib", r"\d{11}", 0.2, "Croatian personal number"),
)


_ANY = _alone("|".join(number.written for number in _NUMBERS))
"""Where it finds nothing, none of them does: one pass rather than one for each country."""


class NationalIdDetector:
    """Finds national ids whose check digits are right. Without the extra ``redaction`` it finds nothing."""

    name = "national-ids"

    def find(self, prepared: Prepared) -> Iterable[Finding]:
        """Numbers that pass their country's check."""
        if not prepared.digits or _ANY.search(prepared.text) is None:
            return
        for number in _NUMBERS:
            for match in number.form.finditer(prepared.text):
                check = _check(number.module)
                if check is None or not check.is_valid(match[0]):
                    continue
                start = max(0, match.start() - _CONTEXT_CHARS)
                near = _CONTEXT.search(prepared.text, start, match.start()) is not None
                score = max(number.alone, 0.9) if near else number.alone
                yield Finding(
                    match.start(), match.end(), EntityType.NATIONAL_ID, score, number.reason, self.name
                )


@functools.cache
def _check(module: str) -> Any:
    try:
        return importlib.import_module(f"stdnum.{module}")
    except ModuleNotFoundError:
        return None
