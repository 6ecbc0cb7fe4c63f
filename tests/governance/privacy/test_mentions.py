"""Finding people in texts, alike in Python and in PostgreSQL; and marks that name nobody."""

from __future__ import annotations

from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deskmind.app import Deskmind
from deskmind.errors import InvalidRequestError
from deskmind.governance.privacy.identifiers import Identifier, forms, identifier_of
from deskmind.governance.privacy.marks import MarkKeys, marked_mentions
from deskmind.governance.privacy.mentions import ERASED, Mentions, sql_pattern
from deskmind.keyring import Keyring, MemoryKeySource
from deskmind.scope import Scope

_PERSON = (
    Identifier("José de Vries", "name"),
    Identifier("jvries", "account"),
    Identifier("jose.vries@example.com", "account"),
    Identifier("+31 20 123 4567", "phone"),
)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Ask José de Vries.", f"Ask {ERASED}."),
        ("DE VRIES, JOSÉ or J. de Vries", f"{ERASED} or {ERASED}"),
        ("jose.vries@example.com; see /data/jvries_old/x", f"{ERASED}; see /data/{ERASED}_old/x"),
        ("Call 020-1234567 or +31 (20) 123 45 67!", f"Call {ERASED} or +{ERASED}!"),
        ("Jose\u0301 de Vries", ERASED),
        (
            "jvriesman, xjvries, 3120123456799 and Vries alone",
            "jvriesman, xjvries, 3120123456799 and Vries alone",
        ),
    ],
)
def test_a_person_is_masked_however_the_name_is_written(text: str, masked: str) -> None:
    assert Mentions.of(forms(_PERSON)).masked(text) == masked


def test_an_everyday_word_is_not_looked_for() -> None:
    assert not Mentions.of(forms([Identifier("support", "account"), Identifier("Al", "account")]))


@pytest.mark.parametrize("value", ["", "  ", "…", "x" * 201])
def test_what_is_no_identifier_is_refused(value: str) -> None:
    with pytest.raises(InvalidRequestError, match="no identifier"):
        identifier_of(value)


def test_kinds_are_told_by_the_form() -> None:
    kinds = [identifier_of(value).kind for value in ("Ann Lee", "ann@example.com", "+49 170 1234567", "4711")]
    assert kinds == ["name", "account", "phone", "account"]


_pieces = st.sampled_from(
    [
        "José",
        "JOSE",
        "de",
        "Vries",
        "VRIES",
        "jvries",
        "J.",
        "example",
        "com",
        "020",
        "1234567",
        "the",
        "printer",
        "é",
    ]
)
_between = st.sampled_from([" ", ", ", ".", "@", "-", "_", "", "\n"])


@given(st.lists(st.tuples(_pieces, _between), max_size=12))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_postgresql_masks_what_python_masks(app: Deskmind, parts: list[tuple[str, str]]) -> None:
    text = "".join(piece + gap for piece, gap in parts)
    wanted = forms(_PERSON[:3])
    pattern = sql_pattern(wanted)
    async with app.database.transaction(Scope.directory()) as connection:
        cursor = await connection.execute(
            "SELECT regexp_replace(normalize(%s, NFC), %s, %s, 'g'), normalize(%s, NFC) ~ %s",
            (text, pattern.mention, ERASED, text, pattern.loose),
        )
        row = await cursor.fetchone()
    assert row is not None
    masked = Mentions.of(wanted).masked(text)
    assert (row[0] == text) == (masked == text)
    assert row[1] or row[0] == text, "the loose pattern passes what the exact one finds"
    assert not list(Mentions.of(wanted).find(row[0]))


def test_marks_find_the_same_and_name_nobody() -> None:
    keys = MarkKeys(Keyring.open(MemoryKeySource()), uuid4())
    marks = keys.marks(_PERSON)
    text = "J. de Vries, jvries, jose.vries@example.com and 020 123 4567"
    assert marked_mentions(keys, marks).masked(text) == Mentions.of(forms(_PERSON)).masked(text)
    assert all(b"ries" not in mark.value for mark in marks)
    other = MarkKeys(Keyring.open(MemoryKeySource()), uuid4())
    assert not {mark.value for mark in marks} & {mark.value for mark in other.marks(_PERSON)}


def test_marks_of_a_rotated_key_still_find() -> None:
    ring, tenant = Keyring.open(MemoryKeySource()), uuid4()
    marks = MarkKeys(ring, tenant).marks(_PERSON)
    ring.rotate("privacy-mark")
    assert ERASED in marked_mentions(MarkKeys(ring, tenant), marks).masked("Ask jvries")
