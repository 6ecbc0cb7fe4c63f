"""Checkpoints: what is signed is what is stated, by the key that is named."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.governance.audit.logs import AT, KEY, NEXT_KEY, TENANT, events, sealed

from deskmind.governance.audit import Checkpoint, SigningKey, VerifyKey
from deskmind.governance.audit.checkpoint import origin_of

roots = st.binary(min_size=32, max_size=32)


@given(st.integers(0, 2**63), roots)
def test_a_note_says_what_was_signed(size: int, root: bytes) -> None:
    checkpoint = KEY.sign(origin_of(TENANT), size, root, AT)
    assert (checkpoint.origin, checkpoint.size, checkpoint.root) == (origin_of(TENANT), size, root)
    assert checkpoint.at == AT
    assert Checkpoint.parse(checkpoint.note) == checkpoint
    assert checkpoint.signed_by([NEXT_KEY.public, KEY.public]) == KEY.public


def test_the_form_is_that_of_transparency_logs() -> None:
    lines = sealed(events(3)).note.split("\n")
    assert lines[0] == f"deskmind.audit/{TENANT}"
    assert lines[1] == "3"
    assert len(base64.b64decode(lines[2])) == 32
    assert lines[3] == "2026-01-31T09:15:00.000000Z"
    assert lines[4] == ""
    assert lines[5].startswith("\N{EM DASH} deskmind.audit ")
    signature = base64.b64decode(lines[5].rsplit(" ", 1)[1])
    assert (signature[:4], len(signature)) == (KEY.public.key_id, 68)
    assert lines[6:] == [""]


@given(st.data())
def test_a_note_that_was_changed_is_not_signed(data: st.DataObject) -> None:
    note = sealed(events(5)).note
    at = data.draw(st.integers(0, len(note) - 1))
    letter = data.draw(st.sampled_from("AZaz09+/=-\n "))
    changed = note[:at] + letter + note[at + 1 :]
    try:
        signed = Checkpoint.parse(changed).signed_by([KEY.public])
    except ValueError:
        return
    assert signed is None or changed == note


def test_another_key_of_the_same_name_signed_nothing() -> None:
    assert sealed(events(3)).signed_by([NEXT_KEY.public]) is None
    assert sealed(events(3), key=NEXT_KEY).signed_by([KEY.public]) is None


def test_keys_are_one_word_that_checks_itself() -> None:
    word = str(KEY.public)
    assert VerifyKey.parse(f" {word}\n") == KEY.public
    name, key_id, encoded = word.split("+", 2)
    for wrong in (
        "",
        name,
        f"{name}+00000000+{encoded}",
        f"other+{key_id}+{encoded}",
        f"{name}+{key_id}+!",
        word[:-4],
    ):
        with pytest.raises(ValueError, match=r"."):
            VerifyKey.parse(wrong)
    with pytest.raises(ValueError, match="spaces"):
        SigningKey(bytes(32), "two words")


def test_a_secret_does_not_print() -> None:
    secret = bytes(range(32))
    assert secret.hex() not in repr(SigningKey(secret))
    assert not hasattr(SigningKey(secret), "__dict__")


@pytest.mark.parametrize(
    "note",
    ["", "a\n1\nb\n", "o\n01\n{r}\n{t}\n\n", "o\n-1\n{r}\n{t}\n\n", "o\n1\nAAAA\n{t}\n\n", "o\n1\n{r}\nyesterday\n\n",
     "o\n٣\n{r}\n{t}\n\n", "o\n1\n{r}\n{t}\nmore\n\n", "\n1\n{r}\n{t}\n\n", "o\n1\n{r}\n2026-01-31T09:15:00\n\n"],
)  # fmt: skip
def test_what_is_no_checkpoint_is_refused(note: str) -> None:
    root, at = base64.b64encode(bytes(32)).decode(), "2026-01-31T09:15:00.000000Z"
    with pytest.raises(ValueError, match=r"."):
        Checkpoint.parse(note.format(r=root, t=at))


def test_a_time_without_zone_is_not_signed() -> None:
    with pytest.raises(ValueError, match="time zone"):
        KEY.sign("log", 0, bytes(32), AT.replace(tzinfo=None))
