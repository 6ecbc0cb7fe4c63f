"""Prompts as files: the way there and back changes nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskmind.errors import PromptError, PromptSyntaxError
from deskmind.prompts import PromptTemplate, Variable, prompt_from_file, prompt_to_file, shared_prompts

_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00{"), max_size=80)
_LINES = st.lists(
    st.sampled_from(
        ["", " x", "x ", "\t", "- a: b", "# c", "'\"", "…", "---", "a: |", "\r", "\x85", "\u2028"]
    )
).map("\n".join)
_DATA = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | _TEXT
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=5,
)
_VARIABLES = st.one_of(
    st.builds(Variable, description=_TEXT),
    st.builds(
        Variable, required=st.just(False), default=st.none() | _TEXT, max_chars=st.integers(1000, 10**6)
    ),
    st.builds(Variable, st.just("list"), required=st.just(False), default=st.lists(_DATA, max_size=3)),
)
_PROMPTS = st.builds(
    PromptTemplate,
    st.from_regex(r"[a-z][a-z0-9_.-]{0,20}", fullmatch=True),
    st.lists(
        st.tuples(st.sampled_from(["system", "user", "assistant"]), _TEXT | _LINES), min_size=1, max_size=4
    ),
    st.dictionaries(st.from_regex(r"v[a-z0-9_]{0,9}", fullmatch=True), _VARIABLES, max_size=3),
    _TEXT | _LINES,
)


@given(_PROMPTS)
def test_the_round_trip_is_exact(template: PromptTemplate) -> None:
    text = prompt_to_file(template)
    again = prompt_from_file(text)
    assert again == template
    assert again.as_dict() == template.as_dict()
    assert again.content_hash == template.content_hash
    assert prompt_to_file(again) == text


def test_a_file_reads_well() -> None:
    template = PromptTemplate("greet", [("user", "Hello {{ person }}!\n\nBye.\n")], {"person": Variable()})
    assert prompt_to_file(template) == (
        "name: greet\nvariables:\n  person:\n    type: string\nmessages:\n"
        "- role: user\n  content: |\n    Hello {{ person }}!\n\n    Bye.\n"
    )


def test_the_shipped_files_are_as_we_would_write_them() -> None:
    for template in shared_prompts().values():
        assert prompt_from_file(prompt_to_file(template)) == template


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: [", "not valid YAML"),
        ("- a\n- b", "does not describe"),
        ("name: x\nname: y\nmessages: []", "given twice"),
        ("name: &a x\nmessages: [*a, *a]", "aliases"),
        ("name: !!python/object/apply:os.system [ls]", "not valid YAML"),
        ("name: x\nmessages:\n- {role: user, content: x, name: y}", "nothing else"),
        ("name: x\nmessages:\n- {role: user, content: 5}", "not text"),
        ("name: x\nvariables: {a: {typ: string}}\nmessages:\n- {role: user, content: x}", "typ"),
        ("[" * 3000, "not valid YAML"),
        ("name: x\x00", "not valid YAML"),
    ],
)
def test_what_is_no_prompt_is_refused(text: str, message: str) -> None:
    with pytest.raises(PromptError, match=message):
        prompt_from_file(text)


def test_a_template_that_is_wrong_names_its_line() -> None:
    with pytest.raises(PromptSyntaxError, match="Message 1, line 2"):
        prompt_from_file("name: x\nmessages:\n- role: user\n  content: |\n    a\n    {{ y }}\n")
