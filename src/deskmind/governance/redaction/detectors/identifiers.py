"""Numbers that stand for a person or a thing: national ids, licences, employee and asset numbers, user names."""

from __future__ import annotations

import re
from typing import Final

from deskmind.governance.redaction.checks import ssn_valid
from deskmind.governance.redaction.detectors.patterns import Pattern
from deskmind.governance.redaction.entities import EntityType

__all__ = ["PATTERNS"]

_SSN_CONTEXT = re.compile(r"(?i)\b(?:ssn|social security|social|taxpayer|itin|sin|tax id)\b")

_NO_ACCOUNT = frozenset(
    "admin administrator root guest system service user username none null unknown n na and or is not the field empty blank required"
    " missing wrong invalid incorrect cannot can unable failed locked same see as".split()
)


def _ssn(match: re.Match[str]) -> float | None:
    return 0.9 if ssn_valid(match[0][:3], match["group"], match["serial"]) else None


def _bare_ssn(match: re.Match[str]) -> float | None:
    digits = match["value"]
    return 0.85 if ssn_valid(digits[:3], digits[3:5], digits[5:]) else None


def _long_enough(match: re.Match[str]) -> float | None:
    return 0.85 if len(match["value"]) >= 6 else None


def _account(match: re.Match[str]) -> float | None:
    return None if match["value"].lower() in _NO_ACCOUNT else 0.75


PATTERNS: Final = (
    Pattern(
        EntityType.SSN,
        re.compile(r"\d(?<![\w\-.]\d)\d{2}([\- ])(?P<group>\d{2})\1(?P<serial>\d{4})(?![\w\-]|\.\d)"),
        0.0,
        "form and ranges of a social security number",
        check=_ssn,
        context=_SSN_CONTEXT,
        with_context=1.0,
    ),
    Pattern(
        EntityType.SSN,
        re.compile(
            r"(?i)\b(?:ssn|social security(?: (?:number|no\.?|num))?)[\s:#]{1,3}(?:is |number |no )?(?P<value>\d{9})(?!\d)"
        ),
        0.0,
        "after a word for social security",
        check=_bare_ssn,
        words=("ssn", "social security"),
    ),
    Pattern(
        EntityType.DRIVER_LICENSE,
        re.compile(
            r"(?i)\b(?:driver'?s?|driving)(?:'s)?[ \-]licen[cs]e(?: (?:number|no\.?|id|num))?(?: is)?[\s:#]{1,4}(?P<value>[A-Z]{0,3}\d[A-Z0-9\-]{4,18})\b"
        ),
        0.9,
        "after a word for a driving licence",
        words=("licen",),
    ),
    Pattern(
        EntityType.NATIONAL_ID,
        re.compile(
            r"(?i)\b(?:passport|national id(?:entity)?|identity card|id card|nino|national insurance|ni(?= n)|nhs|personnummer|cpr|hetu|bsn|pesel|dni|nie|codice fiscale|nif|cpf|steuer-?id|tax (?:id|number)|aadhaar)"
            r"(?: (?:number|no\.?|nr\.?|num|card))?(?: is)?[\s:#]{1,4}(?P<value>(?:[A-Z]{0,6}|(?-i:[A-Z]{2}) )\d[A-Z0-9]{0,14}(?:[ .\-/](?=[A-Z]{0,4}\d|[A-Z](?!\w))[A-Z0-9]{1,12}){0,5})\b"
        ),
        0.0,
        "after a word for a national id",
        check=_long_enough,
        words=(
            "passport",
            "national id",
            "identity card",
            "id card",
            "nino",
            "national insurance",
            "ni n",
            "nhs",
            "personnummer",
            "cpr",
            "hetu",
            "bsn",
            "pesel",
            "dni",
            "nie",
            "codice fiscale",
            "nif",
            "cpf",
            "steuer",
            "tax ",
            "aadhaar",
        ),
    ),
    Pattern(
        EntityType.NATIONAL_ID,
        re.compile(
            r"(?<![\w])(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D](?!\w)"
        ),
        0.85,
        "form of a national insurance number",
    ),
    Pattern(
        EntityType.EMPLOYEE_ID,
        re.compile(
            r"(?i)\b(?:employee|emp|staff|personnel|payroll|badge|worker|matricule|personal(?:nummer|nr\.?)|mitarbeiter(?:nummer|nr\.?))(?:[ \-]?(?:id|number|no\.?|nr\.?|num|#))?(?: (?:is|was|reads))?[\s:#,]{1,4}(?:(?:nr|no)\.? )?(?P<value>(?!(?:19|20)\d\d\b)[A-Z]{0,4}-?\d[A-Z0-9\-]{2,12})\b"
        ),
        0.85,
        "after a word for an employee number",
        words=("emp", "staff", "person", "payroll", "badge", "worker", "matricule", "mitarbeiter"),
    ),
    Pattern(
        EntityType.ASSET,
        re.compile(
            r"(?i)\b(?:asset(?: tag)?|serial|service tag|s/?n|inventory|inventar(?:nummer|nr\.?)|serien(?:nummer|nr\.?))(?: (?:id|number|no\.?|nr\.?|tag))?(?: (?:is|was|reads))?[\s:#]{1,4}(?P<value>(?=[A-Z\-]{0,12}\d)[A-Z0-9][A-Z0-9\-]{3,20})\b"
        ),
        0.8,
        "after a word for an asset",
        words=("asset", "serial", "service tag", "s/n", "sn", "invent", "serien"),
    ),
    Pattern(
        EntityType.USERNAME,
        re.compile(
            r"(?i)\b(?:user ?(?:name|id)|login(?: name)?|logon|account name|sam ?account ?name|upn|benutzer(?:name|kennung)?|anmeldename|kennung|identifiant|nom d'utilisateur|usuario)\b(?: is)?[\s]{0,2}[:=]?[\s]{1,2}[\"']?(?P<value>[a-z][a-z0-9_]{0,30}(?:[._\-\\][a-z0-9]{1,30}|\d)[a-z0-9._\-]{0,20})\b"
        ),
        0.75,
        "after a word for a user name",
        needs="",
        words=(
            "user",
            "login",
            "logon",
            "account",
            "upn",
            "benutzer",
            "anmelde",
            "kennung",
            "identifiant",
            "utilisateur",
            "usuario",
        ),
    ),
    Pattern(
        EntityType.USERNAME,
        re.compile(
            r"(?i)(?:\b(?:user[ _]?(?:name|id)|login[ _]?(?:name|id)|account[ _]name|sam ?account ?name|upn|benutzer(?:name|kennung)|anmeldename|nom d'utilisateur|identifiant|usuario)[\"']?\s{0,2}[:=]\s{0,2}[\"']?"
            r"|\b(?:user|login|logon|account|benutzer|uid|usr)\s{0,2}[:=]\s{0,2}(?=[\w.\-]{2,31}[\"']?[\s,;/|]{1,3}(?:pass|pwd?\b|kennwort))|/u(?:ser)?:(?:[\w.\-]{1,30}\\)?)(?P<value>[a-z][\w.\-]{1,30})(?=[\s\"',;/|)]|\.?\Z)"
        ),
        0.0,
        "field of a user name",
        check=_account,
        needs="",
        words=(
            *(
                "username",
                "user name",
                "user_name",
                "userid",
                "user id",
                "user_id",
                "user:",
                "user=",
                "user =",
            ),
            *("login", "logon", "account name", "account_name", "accountname", "account:", "account="),
            *("upn", "benutzer", "anmeldename", "utilisateur", "identifiant", "usuario", "uid", "usr", "/u:"),
        ),
    ),
    Pattern(
        EntityType.USERNAME,
        re.compile(
            r"\b(?:[Uu]ser|[Aa]ccount)[ :=]{1,2}(?!(?:win|office|o|m|sp|v|id|kb|h|step|test)\d)(?P<value>[a-z]{1,15}\d{1,6}(?![\w.])|[a-z][a-z0-9]{0,15}[._](?!(?:json|exe|dll|xml|txt|ini|cfg|conf|log|ps1|csv|pdf|com|net|org|io)\b)[a-z][a-z0-9]{1,20})(?![\w@]|\.\w)"
        ),
        0.6,
        "in the manner of accounts after a word for a user",
        needs="",
        words=("user", "account"),
    ),
    Pattern(
        EntityType.USERNAME,
        re.compile(
            r"(?:\b[A-Za-z]:\\{1,2}(?:[Uu]sers|Benutzer|Documents and Settings)\\{1,2}|\\(?:home|homes|profiles|users)\\|(?<![\w.])/(?:home|Users)/)"
            r"(?!(?i:public|default|shared|all users|administrator|admin|guest|runner|user|username)\b)(?P<value>[A-Za-z][\w.\-]{1,30})(?=[\\/\s\"',;:)]|\Z)"
        ),
        0.8,
        "whose folder it is",
        needs="",
        words=("users", "benutzer", "settings", "home", "profiles"),
    ),
    Pattern(
        EntityType.USERNAME,
        re.compile(r"(?<![\w\\:/\-])[A-Z][A-Z0-9\-]{1,14}\\(?P<value>[A-Za-z][\w.\-]{1,30})(?![\w\\])"),
        0.8,
        "account with its domain",
        needs="\\",
    ),
)
