"""What has a form: found where the form and its check fit, left alone where they do not."""

from __future__ import annotations

import base64
import random
import textwrap

import pytest

from deskmind.governance.redaction import (
    EntityType,
    Finding,
    NationalIdDetector,
    PatternDetector,
    Redactor,
    resolve,
)

_REDACTOR = Redactor([PatternDetector(), NationalIdDetector()])

# put together here, so that no scanner takes this file for a leak
_TOKEN = "gh" + "p_16C7e42F292c6912E7710c838347Ae178B4a"
_ACCESS_KEY = "AK" + "IAIOSFODNN7EXAMPLE"

_FOUND = [
    (
        EntityType.EMAIL,
        "write to anna.o'neil+it@mail.saltmarsh.example today",
        "anna.o'neil+it@mail.saltmarsh.example",
    ),
    (EntityType.EMAIL, "jo (at) example (dot) com", "jo (at) example (dot) com"),
    (EntityType.PHONE, "call +41 (0)44 668 18 00 now", "+41 (0)44 668 18 00"),
    (EntityType.PHONE, "mobile: 0171-2345678", "0171-2345678"),
    (EntityType.PHONE, "(212) 555-0187 ext. 12", "(212) 555-0187 ext. 12"),
    (EntityType.CARD, "amex 3782 822463 10005.", "3782 822463 10005"),
    (EntityType.CARD, "5555555555554444", "5555555555554444"),
    (EntityType.IBAN, "GB82 WEST 1234 5698 7654 32", "GB82 WEST 1234 5698 7654 32"),
    (EntityType.SSN, "SSN 219-09-9999", "219-09-9999"),
    (EntityType.IP, "host 2001:db8::8a2e:370:7334 down", "2001:db8::8a2e:370:7334"),
    (EntityType.IP, "ping 10.0.0.254 fails", "10.0.0.254"),
    (EntityType.MAC, "mac 00-1B-44-11-3A-B7", "00-1B-44-11-3A-B7"),
    (EntityType.HOST, "on print01.corp.local", "print01.corp.local"),
    (EntityType.URL, "see https://x.example/a?b=c.", "https://x.example/a?b=c"),
    (EntityType.URL, "postgres://app:s3cret@db.example/x", "postgres://app:s3cret@db.example/x"),
    (
        EntityType.SECRET,
        f"key {_TOKEN}",
        _TOKEN,
    ),
    (EntityType.SECRET, _ACCESS_KEY, _ACCESS_KEY),
    (EntityType.PASSWORD, "my password is Summer2024!", "Summer2024!"),
    (EntityType.PASSWORD, "pwd: hunter2", "hunter2"),
    (EntityType.DATE_OF_BIRTH, "date of birth: 3 May 1980", "3 May 1980"),
    (EntityType.NATIONAL_ID, "hetu 131052-308T", "131052-308T"),
    (EntityType.NATIONAL_ID, "codice RSSMRA85T10A562S", "RSSMRA85T10A562S"),
    (EntityType.NATIONAL_ID, "CPF 529.982.247-25", "529.982.247-25"),
    (EntityType.EMPLOYEE_ID, "employee id E-20817", "E-20817"),
    (EntityType.ASSET, "asset tag SM-004512", "SM-004512"),
    (EntityType.USERNAME, "CORP\\jdoe42 is locked", "jdoe42"),
]


@pytest.mark.parametrize(
    ("entity", "text", "value"), _FOUND, ids=[f"{entity}-{value[:20]}" for entity, _, value in _FOUND]
)
def test_it_is_found_whole(entity: EntityType, text: str, value: str) -> None:
    found = {(item.type, text[item.start : item.end]) for item in _REDACTOR.find(text)}
    assert (entity, value) in found


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112 fails its checksum",
        "GB82 WEST 1234 5698 7654 33 fails too",
        "000-12-3456 and 666-12-3456 and 900-12-3456 were never given out",
        "version 10.0.19045.3",
        "999.300.1.2 is no address",
        "12:30:45 is a time, a::b a scope",
        "password reset is needed; the password expires",
        "2024-05-17 and 17.05.2024 and 2019-2023",
        "raised INC0012345 and RITM0010023",
        "131052-308X has a wrong check character",
        "a token bucket, an api key rotation policy",
    ],
)
def test_what_only_looks_like_it_is_left(text: str) -> None:
    assert [text[item.start : item.end] for item in _REDACTOR.find(text)] == []


@pytest.mark.parametrize(
    "piece",
    [
        "1",
        "1 ",
        "1-",
        "a@",
        "a.",
        "12 Abc ",
        "ab:",
        "http://",
        "password is ",
        "+1(",
        "-----BEGIN PRIVATE KEY-----",
        "GB12",
        "rue Abc ",
        "name is ",
        "de ",
        "x'",
        "pw A1!bcdef ",
        "mysql -p",
        "passphrase: ab ",
        "otp 1234",
        "/user:a ",
        "pc-a-",
        "ABCD1-",
        "Am Abc 1, 1010 ",
    ],
)
def test_texts_made_to_be_slow_come_to_an_end(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    assert all(0 <= found.start < found.end <= len(text) for found in Redactor().find(text))


def test_a_long_text_is_searched_to_its_end_and_across_its_pieces() -> None:
    filler = "The quick brown fox. " * 953
    text = f"{filler}ask ann@example.com {filler}and bob@example.com"
    assert [text[found.start : found.end] for found in _REDACTOR.find(text)] == [
        "ann@example.com",
        "bob@example.com",
    ]


def test_what_reaches_beyond_a_surer_finding_is_found_there_too() -> None:
    text = "to PO Box 12, Nairobi, Ann Lee"
    street = Finding(3, len(text), EntityType.ADDRESS, 0.85, "form", "places")
    name = Finding(23, 30, EntityType.PERSON, 0.95, "directory", "directory")
    assert [(text[item.start : item.end], item.type) for item in resolve([street, name], text)] == [
        ("PO Box 12, Nairobi", EntityType.ADDRESS),
        ("Ann Lee", EntityType.PERSON),
    ]


def test_a_name_that_a_surer_finding_cuts_is_none() -> None:
    text = "auf IBAN DE89 3704"
    name = Finding(4, 11, EntityType.PERSON, 0.6, "form", "names")
    account = Finding(9, len(text), EntityType.IBAN, 1.0, "checksum", "pattern")
    assert resolve([name, account], text) == [account]


_LINES = textwrap.wrap(base64.b64encode(random.Random(7).randbytes(1_190)).decode(), 64)
_KEY = "\n".join(("-----BEGIN RSA PRIVATE KEY-----", *_LINES, "-----END RSA PRIVATE KEY-----"))
_PGP = _KEY.replace("RSA PRIVATE KEY", "PGP PRIVATE KEY BLOCK")


@pytest.mark.parametrize(
    "text",
    [
        _KEY,
        '{"private_key": "' + _KEY.replace("\n", "\\n") + '\\n"}',
        "> " + _KEY.replace("\n", "\n> "),
        _PGP.replace("BLOCK-----\n", "BLOCK-----\nVersion: GnuPG v2 (Linux)\n\n", 1),
        _KEY.replace("KEY-----\n", "KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,AB12\n\n", 1),
        _KEY[: _KEY.index("-----END")],
        _KEY[:700],
    ],
    ids=["plain", "in JSON", "quoted", "PGP", "encrypted", "without its end", "cut"],
)
def test_a_private_key_goes_whole_however_it_is_written(text: str) -> None:
    said = _REDACTOR.redact(f"It is this:\n{text}\nThe queue is full.").text
    assert [line for line in _LINES if line in said] == []
    assert said.startswith("It is this:")
    assert said.endswith("The queue is full.")


@pytest.mark.parametrize("before", [0, 19_000, 19_500, 19_990, 20_100, 39_500])
def test_a_key_or_a_token_goes_whole_wherever_it_stands_in_a_long_text(before: int) -> None:
    drawn = random.Random(before)
    token = ".".join(
        begin + base64.urlsafe_b64encode(drawn.randbytes(size)).decode().rstrip("=")
        for begin, size in (("eyJ", 300), ("eyJ", 900), ("", 300))
    )
    for secret, parts in ((_KEY, _LINES), (token, token.split("."))):
        said = _REDACTOR.redact(f"{'word ' * (before // 5)}{secret} and {'word ' * 5_000}").text
        assert [part for part in parts if part[-20:] in said] == []
        assert said.count("word ") == before // 5 + 5_000
