"""Keys, tokens and passwords."""

from __future__ import annotations

import re
from typing import Final

from deskmind.governance.redaction.checks import entropy
from deskmind.governance.redaction.detectors.patterns import Pattern
from deskmind.governance.redaction.entities import EntityType

__all__ = ["PATTERNS"]

_PLACEHOLDER = re.compile(
    r"(?i)^(?:\*+|x+|\.+|<.*|\[.*|\{.*|your.*|none|null|example|changeme|is|was|not|has|reset|expired|and|for|to|the|a|an|my|it|policy|expires|must|should|will|can|no|yes)$"
)
_BITS = 3.2
_WORDS = (
    r"password|passwd|passwort|pwd|pw|passcode|passphrase|pin(?: code)?|kennwort|mot de passe|mdp|contraseña|clave|senha"
    r"|palavra-passe|wachtwoord|hasło|heslo|lösenord|adgangskode|kodeord|passord|salasana|jelszó|parola|parolă|şifre|lozinka|geslo"
    r"|пароль|κωδικός|パスワード|密码"
)
_BEGINNINGS = (
    *(
        "pass",
        "pw",
        "pin",
        "kennwort",
        "mot de p",
        "mdp",
        "contrase",
        "clave",
        "senha",
        "wachtwoord",
        "hasło",
        "heslo",
        "lösenord",
    ),
    *(
        "adgangskode",
        "kodeord",
        "salasana",
        "jelszó",
        "parol",
        "şifre",
        "lozinka",
        "geslo",
        "пароль",
        "κωδικός",
        "パスワード",
        "密码",
    ),
)

_WORD = re.compile(r"(?i)(?<![^\W_])(?:" + _WORDS + r")(?![^\W_])")
_SPECIAL = re.compile(r"[!#$%^&*@?~+]")


def _random(match: re.Match[str]) -> float | None:
    value = match["value"] if "value" in match.re.groupindex else match[0]
    return 0.9 if entropy(value) >= _BITS and any(map(str.isdigit, value)) else None


def _password(match: re.Match[str]) -> float | None:
    value = match["value"]
    if _PLACEHOLDER.match(value):
        return None
    return 0.9 if _kinds(value) >= 2 or match["sign"] in {":", "="} else None


def _mixed(match: re.Match[str]) -> float | None:
    return 0.9 if _kinds(match["value"]) >= 2 else None


def _after_account(match: re.Match[str]) -> float | None:
    return 0.8 if _kinds(match["value"]) >= 3 else None


def _near_a_word(match: re.Match[str]) -> float | None:
    value, text = match[0], match.string
    if _kinds(value) < 4 or not _SPECIAL.search(value):
        return None
    near = text[max(0, match.start() - 64) : match.start()], text[match.end() : match.end() + 40]
    return 0.75 if any(map(_WORD.search, near)) else None


def _with_digit(match: re.Match[str]) -> float | None:
    return 0.9 if any(map(str.isdigit, match[0])) else None


def _code(match: re.Match[str]) -> float | None:
    return None if re.fullmatch(r"(?:19|20)\d\d", match["value"]) else 0.8


def _kinds(value: str) -> int:
    """How many there are of digits, capitals, small letters and others."""
    tests = (str.isdigit, str.isupper, str.islower)
    return sum(any(map(test, value)) for test in tests) + (not value.isalnum())


PATTERNS: Final = (
    Pattern(
        EntityType.SECRET,
        re.compile(
            r"(?<![\w\-])(?:sk-[A-Za-z0-9_\-]{16,200}|sk_(?:live|test)_[A-Za-z0-9]{16,100}|gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_\w{30,255}|glpat-[\w\-]{18,60}"
            r"|xox[abeoprs]-[A-Za-z0-9\-]{10,200}|A(?:KIA|SIA|ROA)[A-Z0-9]{16}|AIza[\w\-]{35}|ya29\.[\w\-]{20,300}|dk_[\w\-.]{16,200}|hf_[A-Za-z0-9]{30,60}"
            r"|npm_[A-Za-z0-9]{36}|pypi-[\w\-]{40,300}|ATATT[\w\-=]{40,300}|SG\.[\w\-]{16,32}\.[\w\-]{32,64}|dop_v1_[a-f0-9]{64})(?![\w\-])"
        ),
        1.0,
        "known beginning of a key",
        needs="",
    ),
    Pattern(
        EntityType.SECRET,
        re.compile(r"(?<![\w\-])eyJ[\w\-]{10,4000}\.eyJ[\w\-]{10,4000}\.[\w\-]{5,4000}"),
        1.0,
        "JSON web token",
        needs="eyJ",
    ),
    Pattern(
        EntityType.SECRET,
        re.compile(  # also quoted in a mail, and in JSON with \\n for its ends of lines
            r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----(?:\\[nr]|[A-Za-z0-9+/=\s:,.>()]|-(?!----)){10,20000}+"
            r"-----END [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----"
        ),
        1.0,
        "private key",
        needs="-----BEGIN",
    ),
    Pattern(
        EntityType.SECRET,
        re.compile(
            r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----(?:(?:\\[nr]|[\s>]){1,8}+[A-Za-z\-]{2,20}+: [^\n\\]{0,100}+){0,5}"
            r"(?:(?:\\[nr]|[\s>]){1,8}+[A-Za-z0-9+/=]{24,100}+){1,400}+(?:(?:\\[nr]|[\s>]){1,8}+[A-Za-z0-9+/=]{4,23}+(?![^\s\\]))?"
        ),
        1.0,
        "private key whose end is missing",
        needs="-----BEGIN",
    ),
    Pattern(
        EntityType.SECRET,
        re.compile(
            r"(?i)\b(?:authorization|bearer|basic)[:\s]{1,3}(?:bearer |basic )?(?P<value>[A-Za-z0-9_\-.=+/]{20,4000})"
        ),
        0.0,
        "credential in a header",
        check=_random,
        needs="",
        words=("authorization", "bearer", "basic"),
    ),
    Pattern(
        EntityType.SECRET,
        re.compile(
            r"(?i)(?<![^\W_])(?:secret|token|(?:api|access|account|shared ?access|client|private|storage|subscription|primary|master|auth|signing|encryption)[ _\-]?(?:key|secret|token))(?:[_\-]?(?:key|id|value|access[_\-]?key))?(?![^\W_])"
            r"[\"']?(?: is)?\s{0,3}[:=]?\s{0,3}[\"']?(?P<value>[A-Za-z0-9_\-.=+/~]{16,500})"
        ),
        0.0,
        "random characters after a word for a key",
        check=_random,
        needs="",
        words=("key", "secret", "token"),
    ),
    Pattern(
        EntityType.URL,
        re.compile(
            r"(?i)\b[a-z][a-z0-9+.\-]{1,20}://[^\s:/@\"']{0,100}:[^\s:/@\"']{1,200}@[^\s\"'<>]{1,1000}"
        ),
        1.0,
        "address with a password",
        needs="://",
    ),
    Pattern(
        EntityType.PASSWORD,
        re.compile(
            r"(?i)(?<![^\W_])(?:"
            + _WORDS
            + r"|pass(?=\s{0,2}[:=])|(?:wi-?fi|wlan|wpa2?)[ \-]?key)\b[\"']?(?: (?:for|of|on|to) (?:[\w.\-]{1,20} ){1,5}?)?\s{0,3}(?P<sign>[:=]|->|=>|(?:is|was|has been|got) (?:re)?(?:set|changed) to|is|was|to|ist|lautet|war|est|es|é|è|to jest|är|er)\s{0,3}[\"']?(?P<value>[^\s\"'<>,;]{4,128}(?<![.?]))"
        ),
        0.0,
        "after a word for a password",
        check=_password,
        needs="",
        words=(*_BEGINNINGS, "key"),
    ),
    Pattern(
        EntityType.PASSWORD,
        re.compile(
            r"(?i)(?<![^\W_])(?:"
            + _WORDS
            + r") (?P<value>(?=[^\s\d]{0,40}\d)[^\s\"'<>,;:()\[\]/\\]{6,64}(?<![.?]))(?!\S)"
        ),
        0.0,
        "beside a word for a password",
        check=_after_account,
        words=_BEGINNINGS,
    ),
    Pattern(
        EntityType.PASSWORD,
        re.compile(
            r"(?i)\b(?:pass ?phrase|(?:seed|recovery) phrase)\b\s{0,2}(?:[:=]|is)\s{0,2}[\"']?(?P<value>[a-z]{2,12}(?:[ \-][a-z]{2,12}){2,23})(?=[\"'.,;\n]|\Z)"
        ),
        0.95,
        "words after a word for a pass phrase",
        needs="",
        words=("phrase",),
    ),
    Pattern(
        EntityType.PASSWORD,
        re.compile(
            r"(?i)\b(?:pin|pin code|(?:otp|totp|mfa|2fa|sms|tan|one[ \-]?time|verification|security|access|backup|recovery|unlock|activation|pairing|door|alarm|gate|bestätigungs|einmal)[ \-]?(?:pass)?(?:codes?|pins?)|puk|otp|tan)\b"
            r"(?: (?:for|of|to|on)(?: [\w.\-]{1,20}){1,4}?)?(?: ?(?:is|was|ist|lautet|est|es|[:=#]))?\s{0,2}(?P<value>\d{3,4}[ \-]\d{3,4}|\d{4,10})(?![\w%\-]|[.:/,]\d| (?:digit|character|stelle|number|user|time|attempt|minute|second|hour|day))"
        ),
        0.0,
        "digits after a word for a code",
        check=_code,
        words=("pin", "code", "otp", "puk", "tan", "passcode"),
    ),
    Pattern(
        EntityType.SECRET,
        re.compile(r"\d(?<![\w\-]\d)\d{5}(?:-\d{6}){7}(?![\w\-])"),
        1.0,
        "form of a recovery key of a disk",
        needs="-",
    ),
    Pattern(
        EntityType.SECRET,
        re.compile(r"(?<![\w\-])[A-Z0-9]{5}-(?=[A-Z0-9]{5}-)(?:[A-Z0-9]{5}-){3}[A-Z0-9]{5}(?![\w\-])"),
        0.0,
        "form of a product key",
        check=_with_digit,
        needs="-",
    ),
    Pattern(
        EntityType.PASSWORD,
        re.compile(
            r"(?<![^\s\"'(:=])(?=[^\s\d]{0,40}\d)[^\s\"'<>,;:()\[\]/\\=|]{7,64}(?<![.?])(?![^\s\"'),;.])"
        ),
        0.0,
        "form of a password not far from a word for one",
        check=_near_a_word,
        words=_BEGINNINGS,
    ),
    Pattern(
        EntityType.PASSWORD,
        re.compile(
            r"(?i)\b(?:mysql\w{0,6}|sshpass|psexec\w{0,3}|plink|pscp|docker login)\b[^\n]{0,80}?\s-pw?[ ]?[\"']?(?P<value>[^\s\"'\-][^\s\"']{3,63})"
        ),
        0.0,
        "password of a command",
        check=_mixed,
        needs="",
        words=("mysql", "sshpass", "psexec", "plink", "pscp", "docker login"),
    ),
    Pattern(
        EntityType.PASSWORD,
        re.compile(r"(?<!\S)(?:-u|--user)[ =][\"']?[\w.@\\\-]{1,64}:(?P<value>[^\s\"'@]{4,128})"),
        0.9,
        "password of a command",
        needs="-u",
    ),
    Pattern(
        EntityType.PASSWORD,
        re.compile(
            r"(?i)(?:\bnet user |/u(?:ser)?:)[^\s/]{1,64} (?:/p(?:ass(?:word)?)?:)?(?P<value>[^\s/*][^\s;,]{3,127})"
        ),
        0.0,
        "password of a command",
        check=_mixed,
        needs="",
        words=("net user ", "/user:", "/u:"),
    ),
    Pattern(
        EntityType.PASSWORD,
        re.compile(
            r"(?i)\b(?:log[io]n|credentials?|creds|zugangsdaten|account|identifiants)\b(?:[\s:=]{1,3}| (?:is|are|was|were|with|as|using|sind) {0,2}(?:as )?){1,2}[\w.@\\\-]{2,64} ?/ ?(?P<value>[^\s\"'<>,;/]{6,64}(?<![.?]))(?!/)"
        ),
        0.0,
        "behind the name of an account",
        check=_after_account,
        needs="/",
        words=("login", "logon", "cred", "zugangsdaten", "account", "identifiants"),
    ),
)
