"""Payment cards and bank accounts."""

from __future__ import annotations

import re
from typing import Final

from deskmind.governance.redaction.checks import IBAN_LENGTHS, iban_valid, luhn_valid
from deskmind.governance.redaction.detectors.patterns import Pattern
from deskmind.governance.redaction.entities import EntityType

__all__ = ["PATTERNS"]

# ISO/IEC 7812: Visa, Mastercard, American Express, Discover, Diners, JCB, Maestro, UnionPay
_ISSUERS = re.compile(r"4|5[0-9]|2[2-7]|3[04-9]|6|1800|2131")
_CARD_CONTEXT = re.compile(
    r"(?i)\b(?:card|visa|master ?card|amex|american express|credit|debit|maestro|diners|discover|jcb|cc|pan)\b"
)


def _card(match: re.Match[str]) -> float | None:
    digits = re.sub(r"\D", "", match[0])
    if not 12 <= len(digits) <= 19 or len(set(digits)) == 1 or not luhn_valid(digits):
        return None
    return (
        1.0
        if (_ISSUERS.match(digits) and len(digits) != 13) or (len(digits) == 13 and digits[0] == "4")
        else 0.3
    )


def _iban(match: re.Match[str]) -> float | None:
    compact = re.sub(r"[ \-\u00a0]", "", match[0]).upper()
    return 1.0 if iban_valid(compact) else None


def _by_length() -> str:
    """An account as each country writes it: as long as it is there, so that a word behind it is none of it."""
    countries: dict[int, list[str]] = {}
    for country, length in IBAN_LENGTHS.items():
        countries.setdefault(length, []).append(country)
    return "|".join(
        rf"(?:{'|'.join(codes)})\d{{2}}(?:[ \-\u00a0]?[A-Z0-9]){{{length - 4}}}"
        for length, codes in sorted(countries.items())
    )


PATTERNS: Final = (
    Pattern(
        EntityType.CARD,
        re.compile(
            # the digit before the look behind it: the engine finds digits fast, and looks around only there
            r"\d(?<![\w.\-+]\d)(?:\d{11,18}(?![\w\-]|\.\d)|\d{3}[ .\-\u00a0](?:\d{4}[ .\-\u00a0]\d{4}[ .\-\u00a0]\d{1,7}|\d{6}[ .\-\u00a0]\d{4,5})(?![\w\-]))"
        ),
        0.0,
        "checksum of a payment card",
        check=_card,
        context=_CARD_CONTEXT,
        with_context=0.99,
    ),
    Pattern(
        EntityType.CARD,
        re.compile(
            r"(?i)\b(?:card|visa|mastercard|amex)(?: (?:number|no\.?|num|nr))?(?: is| ending)?[\s:#=.]{1,3}(?P<value>\d{12,19}|\d{4}[ \-]\d{4}[ \-]\d{4}[ \-]\d{1,7})(?![\w\-])"
        ),
        0.75,
        "digits after a word for a card",
        words=("card", "visa", "amex"),
    ),
    Pattern(
        EntityType.IBAN,
        re.compile(rf"(?i)(?<![A-Za-z0-9])(?=[A-Z]{{2}}\d)(?:{_by_length()})(?![A-Za-z0-9])"),
        0.0,
        "checksum of an IBAN",
        check=_iban,
    ),
    Pattern(
        EntityType.IBAN,
        re.compile(
            r"(?i)\biban\b[\s:#]{0,4}(?:(?:number|no|is)[\s:#]{1,3})?(?P<value>[A-Z]{2}\d{2}(?:[ \-]?[A-Z0-9]{4}){2,7}(?:[ \-]?[A-Z0-9]{1,3})?)(?![A-Za-z0-9])"
        ),
        0.85,
        "after the word IBAN",
    ),
)
