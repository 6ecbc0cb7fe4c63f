"""JSON on the wire: what comes out says the same as what went in, whatever it is."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskmind.gateway.wire import decode, encode

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(_VALUES)
def test_any_value_comes_back_as_it_was(value: object) -> None:
    assert decode(encode(value)) == value


@given(_VALUES)
def test_others_read_what_is_written(value: object) -> None:
    assert json.loads(encode(value)) == value


@pytest.mark.parametrize("value", [2**80, -(2**90), {1: "a"}])
def test_what_the_fast_encoder_refuses_is_written_all_the_same(value: object) -> None:
    assert json.loads(encode(value)) == json.loads(json.dumps(value))


def test_half_a_surrogate_pair_does_not_stop_a_request() -> None:
    assert decode(encode({"text": "broken \ud83d end"})) == {"text": "broken ? end"}


def test_a_half_surrogate_from_a_client_is_read() -> None:
    assert decode(b'"\\ud83d"') == "\ufffd"


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_no_reader_meets_a_number_that_json_does_not_have(value: float) -> None:
    assert json.loads(encode([value])) == [None]


@pytest.mark.parametrize("data", [b"", b"{", b"{'a': 1}", b'"\xff"', b"[1,]"])
def test_what_is_not_json_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(data)


def test_a_value_without_a_form_is_refused() -> None:
    with pytest.raises(TypeError):
        encode({"when": object()})
