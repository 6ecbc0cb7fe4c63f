"""E-mail addresses, telephone numbers, web addresses, dates of birth."""

from __future__ import annotations

import re
from typing import Final

from deskmind.governance.redaction.detectors.patterns import Pattern
from deskmind.governance.redaction.entities import EntityType

__all__ = ["PATTERNS"]

_PHONE_CONTEXT = re.compile(
    r"(?i)\b(?:phones?|tel|telephone|mobile|cell(?:phone)?|fax|call(?:ed|ing|s)?|desk|office|home|work|direct|switchboard|helpdesk|ring|reach(?:ed)?|dial(?:led)?|callback|whatsapp"
    r"|extension|ext|hotline|contact|number is|numbers?:|no\.? is|call ?back|cb|voicemail|lvm|sms|text me|telefon|handy|mobil|numero|téléphone|teléfono)\b"
)
_OTHER_NUMBER = re.compile(
    r"(?i)(?:\b(?:kb|inc|ritm|chg|prb|req|version|build|error|code|port|pid|id|ticket|order|invoice|ref(?:erence)?|asset|serial|sn"
    r"|model|case|v|card|account|iban|ssn|social security|zip|postcode|room|floor|usd|eur|gbp|amount|total|(?<!direct )line|row|event|licen[cs]e"
    r"|passport|step|page|p\.)[\s#:.\-–]*(?:number|no\.?|num|is)?[\s#:.]*|[$€£#/\\=_.,@]|[A-Za-z]-?)\Z"
)
_PHONE_FIELD = re.compile(
    r"(?i)(?:phone|tel|telefon|mobile|cell|fax|handy)[\w\-]{0,10}[\"']?\s?[=:]\s?[\"']?\Z"
)
_SIZE = re.compile(r"^\d{3,5}\s?x\s?\d{3,5}$", re.I)
_DATE = re.compile(
    r"^(?:(?:19|20)\d\d[-/. ](?:0?[1-9]|1[0-2])[-/. ](?:0?[1-9]|[12]\d|3[01])(?:[ T].*)?|(?:0?[1-9]|[12]\d|3[01])[-/.](?:0?[1-9]|[12]\d|3[01])[-/.](?:19|20)?\d\d(?: .*)?)$"
)
_NO_PHONE = re.compile(
    r"^(?:\d{1,3}(?:\.\d{1,3}){3}|\d{3}-\d\d-\d{4}|\d{4}([ \-])\d{4}\1\d{4}(?:\1\d{1,4})?)$"
)  # IP, SSN, card
_YEARS = re.compile(r"^(?:19|20)\d\d ?[-–/] ?\d{2,6}$")


def _phone(match: re.Match[str]) -> float | None:
    shown = match[0]
    digits = sum(map(str.isdigit, shown))
    if (
        not 7 <= digits <= 17
        or _SIZE.match(shown)
        or _dated(shown)
        or _NO_PHONE.match(shown)
        or _released(shown)
    ):
        return None
    before = match.string[max(0, match.start() - 24) : match.start()]
    other = _OTHER_NUMBER.search(before) and not _PHONE_FIELD.search(before)
    if other or match.string[match.end() : match.end() + 1] in {
        "%",
        "$",
        "€",
        "£",
        "_",
        "@",
    }:
        return None
    groups = re.split(r"[^\d]+", shown.strip("()+ "))
    if shown.startswith("+") or (shown.startswith("00") and digits >= 10):
        return 0.85
    if "x" in shown.lower() or "(" in shown:
        return 0.75
    if re.fullmatch(r"1?[-. ]?[2-9]\d\d[-. ]\d{3}[-. ]\d{4}", shown):
        return 0.75
    if len(groups) == 1:  # one run of digits is a number of anything
        return 0.55 if re.fullmatch(r"0[1-9]\d{8,9}", shown) else 0.2
    if shown.startswith("0") and digits >= 9:
        return 0.65
    if re.fullmatch(r"[6-9]\d{4}[ -]\d{5}", shown):  # as mobile numbers are written in India
        return 0.6
    if (
        all(len(group) == 3 for group in groups[1:])
        and len(groups[0]) <= 3
        and " " in shown
        and digits < 10
        and groups[0][0] != "0"
    ):
        whole = len(groups) == 3 and len(groups[0]) == 3 and not shown.endswith("000")
        return 0.42 if whole else 0.3  # thousands are grouped like this too
    return 0.3 if digits == 7 and " " in shown else 0.5


def _dated(shown: str) -> bool:
    return _DATE.match(shown) is not None or _YEARS.match(shown) is not None


def _released(shown: str) -> bool:
    """Whether it is the number of a release: of parts between dots, one of them a single digit; or of a service request."""
    if re.fullmatch(r"[02-9]-\d{10}", shown):
        return True
    parts = re.split(r"[. ]", shown)
    return shown.count(".") >= 2 and not shown.startswith("+") and any(len(part) == 1 for part in parts[1:])


PATTERNS: Final = (
    Pattern(
        EntityType.EMAIL,
        re.compile(
            r"(?<![\w.+\-%])[\w.+\-%!#$&'*/=?^`{|}~]{1,64}@(?:[^\W_](?:[\w\-]{0,61}[^\W_])?\.){1,8}[^\W\d_][\w\-]{1,23}(?![\w@])"
        ),
        0.99,
        "form of an e-mail address",
        needs="@",
    ),
    Pattern(
        EntityType.EMAIL,
        re.compile(
            r"(?i)(?<![\w.+\-])[\w.+\-]{1,64} ?(?:\(at\)|\[at\]) ?[\w\-]{1,63}(?: ?(?:\(dot\)|\[dot\]|\.) ?[a-z]{2,24}){1,4}\b"
        ),
        0.9,
        "e-mail address written out",
        needs="at",
        words=("(at)", "[at]"),
    ),
    Pattern(
        EntityType.PHONE,
        re.compile(
            r"(?<![\w.,/\-#])(?<!\d:)(?:\+\d{1,15}|\(\+?\d{1,5}\)|\d{1,14})"
            r"(?:(?: ?[\-./] ?|[ \u00a0]|(?<=\))|(?=\())(?:\(\d{1,5}\)|\d{1,10})){0,7}"
            r"(?:\s?(?:x|ext\.?|extension)\s?\d{1,6})?(?![\w%@]|[.:/\-,]\d)(?! \d)"
        ),
        0.0,
        "form of a telephone number",
        check=_phone,
        context=_PHONE_CONTEXT,
        with_context=0.88,
    ),
    Pattern(
        EntityType.URL,
        re.compile(
            r"(?i)\b(?:https?|ftps?|sftp|wss?|ldaps?|smb|ssh|nfs|rdp|amqps?|mqtts?|rediss?)://[^\s<>\"'()\[\]{}|\\^`]{3,2000}(?<![.,;:!?])"
        ),
        0.95,
        "web address",
        needs="://",
    ),
    Pattern(
        EntityType.URL,
        re.compile(
            r"(?i)(?<![\w@.\-/])www\.(?:[a-z0-9\-]{1,63}\.){1,5}[a-z]{2,24}(?:/[^\s<>\"'()\[\]{}]{0,1000})?(?<![.,;:!?])"
        ),
        0.9,
        "web address",
        needs=".",
    ),
    Pattern(
        EntityType.URL,
        re.compile(
            r"(?i)(?<![\w@.\-/\\])(?:[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?\.){1,5}"
            r"(?:com|org|net|edu|gov|io|info|biz|eu|de|uk|fr|it|es|nl|be|ch|at|dk|se|no|fi|pl|cz|pt|br|au|ca|us|ru|jp|cn|in|nz|ie|hu|si|gr)"
            r"(?:\.(?:br|au|uk|nz|pt|jp|za))?(?:/[^\s<>\"'()\[\]{}]{0,1000})?(?<![.,;:!?])(?![\w@\-])"
        ),
        0.7,
        "name of a web site",
        needs=".",
    ),
    Pattern(
        EntityType.DATE_OF_BIRTH,
        re.compile(
            r"(?i)\b(?:born(?: on)?|birth ?(?:day|date)|b-?day|date of birth|d\.?o\.?b\.?|geb(?:oren)?\.?(?: am)?|geburts(?:datum|tag)|geboortedatum|geboren op"
            r"|né(?:e)? le|date de naissance|nacid[oa] el|fecha de nacimiento|nat[oa] il|data di nascita|data de nascimento)[\s:,\-=]{0,4}(?:(?:it'?s|is|was|on|my|ist|war|am|est|le)\s){0,3}"
            r"(?P<value>\d{1,4}[-/. ]\d{1,2}[-/. ]\d{2,4}"
            r"|\d{1,2}(?:st|nd|rd|th|er)?\.?[ \-]?(?:of |de )?[^\W\d_]{3,10}\.?(?: de)?,?[ \-]\d{4}|[^\W\d_]{3,10}\.? \d{1,2}(?:st|nd|rd|th)?,? \d{4})"
        ),
        0.9,
        "date after a word for birth",
        words=(
            *("born", "birth", "bday", "b-day", "dob", "d.o", "do.b", "geb", "né", "naissance"),
            *("nacid", "nacim", "nato il", "nata il", "nascit", "nascim"),
        ),
    ),
)
