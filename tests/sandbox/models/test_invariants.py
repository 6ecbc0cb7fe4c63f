"""What holds for any text and any schema."""

from __future__ import annotations

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskmind.sandbox.models import Reply, ToolCall, tokens, vectors
from deskmind.sandbox.models.schema import fill


@given(text=st.text(), per_chunk=st.integers(1, 5))
def test_pieces_join_to_the_text_and_their_tokens_to_its_count(text, per_chunk):
    found = tokens.pieces(text, per_chunk)
    assert "".join(found) == text
    assert sum(tokens.count(piece) for piece in found) == tokens.count(text)
    assert all(tokens.count(piece) <= per_chunk for piece in found)


@given(text=st.text(), arguments=st.dictionaries(st.text(), st.text()))
def test_an_answer_has_at_least_one_token(text, arguments):
    assert Reply(text).output_tokens() == max(1, tokens.count(text))
    assert Reply(tool_calls=(ToolCall("f", arguments),)).output_tokens() >= 2


@given(text=st.text(), size=st.integers(1, 64))
def test_vectors_have_length_one_or_are_zero(text, size):
    vector = vectors.embed(text, "any", size)
    assert len(vector) == size
    assert sum(value * value for value in vector) == pytest.approx(1, abs=1e-4)


_bounds = st.tuples(st.integers(-50, 50), st.integers(0, 50))
_numbers = st.builds(
    lambda kind, pair: {"type": kind, "minimum": pair[0], "maximum": pair[0] + pair[1]},
    st.sampled_from(["integer", "number"]),
    _bounds,
)
_open_numbers = st.builds(
    lambda kind, pair: {"type": kind, "exclusiveMinimum": pair[0], "exclusiveMaximum": pair[0] + pair[1] + 2},
    st.sampled_from(["integer", "number"]),
    _bounds,
)
_strings = st.builds(
    lambda low, more: {"type": "string", "minLength": low, "maxLength": low + more},
    st.integers(0, 30),
    st.integers(0, 30),
)
_plain = st.one_of(
    _numbers,
    _open_numbers,
    _strings,
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
    st.just({"type": ["string", "null"]}),
    st.just({"type": "number", "exclusiveMinimum": 1}),
    st.just({"type": "integer", "multipleOf": 5, "minimum": 7}),
    st.builds(lambda values: {"enum": values}, st.lists(st.integers(), min_size=1)),
    st.builds(lambda value: {"const": value}, st.text()),
)


def _nested(inner):
    objects = st.builds(
        lambda parts, extra: {
            "type": "object",
            "properties": parts,
            "required": [*parts, *extra],
        },
        st.dictionaries(st.text(max_size=5), inner, max_size=4),
        st.just([]),
    )
    arrays = st.builds(
        lambda part, low, more: {"type": "array", "items": part, "minItems": low, "maxItems": low + more},
        inner,
        st.integers(0, 3),
        st.integers(0, 3),
    )
    choices = st.builds(
        lambda key, parts: {key: parts},
        st.just("anyOf"),
        st.lists(inner, min_size=1, max_size=3),
    )
    both = st.builds(lambda part: {"allOf": [part]}, inner)
    return st.one_of(objects, arrays, choices, both)


@given(schema=st.recursive(_plain, _nested, max_leaves=8), words=st.lists(st.text(min_size=1)))
def test_a_filled_schema_is_fitting(schema, words):
    jsonschema.validate(fill(schema, words), schema)


def test_a_schema_that_refers_to_itself_ends():
    schema = {
        "$ref": "#/$defs/node",
        "$defs": {
            "node": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
                    "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
                },
                "required": ["name", "children", "next"],
            }
        },
    }
    jsonschema.validate(fill(schema, ["a"]), schema)


def test_known_formats_and_nothing_to_say():
    schema = {"properties": {"when": {"type": "string", "format": "date-time"}, "mail": {"format": "email"}}}
    assert fill(schema, []) == {"when": "2026-01-02T03:04:05Z", "mail": "someone@example.com"}
