"""Signatures after Standard Webhooks, and what a receiver must not accept."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskmind.errors import AuthenticationError, ConfigurationError
from deskmind.webhooks import verify
from deskmind.webhooks.signing import key_of, new_secret, signed_headers

_BODY = json.dumps({"type": "run.failed", "data": {"run_id": "1"}}).encode()
_NOW = 1_700_000_000
_TEXT = st.text(st.characters(codec="ascii", min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)


def test_the_published_example_of_the_convention_is_accepted() -> None:
    """The vector of the specification's reference libraries."""
    body = b'{"test": 2432232314}'
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    with pytest.raises(AuthenticationError, match="no event"):  # it is signed rightly, and has no type
        verify(body, headers, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", now=1614265330)


@given(identity=_TEXT, secrets=st.lists(st.binary(min_size=24, max_size=64), min_size=1, max_size=3))
def test_what_one_of_the_secrets_signed_is_accepted(identity: str, secrets: list[bytes]) -> None:
    written = [f"whsec_{base64.b64encode(one).decode()}" for one in secrets]
    headers = {name.upper(): value for name, value in signed_headers(secrets, identity, _NOW, _BODY).items()}
    for one in written:
        event = verify(_BODY, headers, one, now=_NOW + 299)
        assert (event.id, event.type, event.sent_at) == (identity, "run.failed", _NOW)
        assert event.data == {"run_id": "1"}
    assert verify(_BODY, headers, ["whsec_YWJj", written[-1]], now=_NOW).id == identity


@given(
    place=st.integers(0, len(_BODY) - 1),
    byte=st.integers(1, 255),
    part=st.sampled_from(["body", "webhook-id", "webhook-timestamp", "webhook-signature"]),
)
def test_what_was_changed_anywhere_is_refused(place: int, byte: int, part: str) -> None:
    secret = new_secret()
    headers = signed_headers([key_of(secret)], "one", _NOW, _BODY)
    body = bytearray(_BODY)
    if part == "body":
        body[place] ^= byte
    elif part == "webhook-timestamp":
        headers[part] = str(_NOW + byte)
    else:
        headers[part] = headers[part][:-2] + chr(65 + byte % 26) + chr(97 + byte % 26)
    with pytest.raises(AuthenticationError):
        verify(bytes(body), headers, secret, now=_NOW)


@pytest.mark.parametrize("apart", [-301, 301])
def test_what_is_too_old_or_from_the_future_is_refused(apart: int) -> None:
    secret = new_secret()
    headers = signed_headers([key_of(secret)], "one", _NOW, _BODY)
    with pytest.raises(AuthenticationError, match="ago, or ahead"):
        verify(_BODY, headers, secret, now=_NOW + apart)


@pytest.mark.parametrize(
    "changed",
    [
        {"webhook-id": ""},
        {"webhook-timestamp": "soon"},
        {"webhook-timestamp": "-1"},
        {"webhook-timestamp": "１７０００００００"},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1a,\udcff é"},
    ],
)
def test_headers_of_any_form_are_refused_and_nothing_else_happens(changed: dict[str, str]) -> None:
    secret = new_secret()
    headers = signed_headers([key_of(secret)], "one", _NOW, _BODY)
    with pytest.raises(AuthenticationError):
        verify(_BODY, {**headers, **changed}, secret, now=_NOW)


@pytest.mark.parametrize("body", [b"", b"[]", b'"x"', b"{}", b"\xff"])
def test_what_is_signed_and_no_event_is_refused(body: bytes) -> None:
    secret = new_secret()
    headers = signed_headers([key_of(secret)], "one", _NOW, body)
    with pytest.raises(AuthenticationError):
        verify(body, headers, secret, now=_NOW)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_not base64", "whsec_YWJ"])
def test_a_secret_of_another_form_is_said_to_be_one(secret: str) -> None:
    with pytest.raises(ConfigurationError):
        verify(_BODY, {}, secret)


def test_secrets_are_long_and_differ() -> None:
    made: set[Any] = {new_secret() for _ in range(100)}
    assert len(made) == 100
    assert all(len(key_of(one)) == 32 for one in made)
