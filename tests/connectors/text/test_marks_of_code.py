"""Marks of code, links and the like: read as their grammar says, and a text is gone through once whatever is in it.

The grammar is written down here as patterns that say it plainly and would look at a long text again and again.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deskmind.connectors.text import html, markdown, markdown_from_journal, markdown_from_wiki
from deskmind.connectors.text.journal import _plain_blocks
from deskmind.connectors.text.wiki import _HEADING, _ITEM

_CODE = re.compile(r"\[code\](.*?)\[/code\]", re.DOTALL | re.IGNORECASE)
_BLOCK = re.compile(r"\{(code|noformat)(?::([^}]*))?\}\n?(.*?)\n?\{\1\}", re.DOTALL)
_INLINE = (
    (re.compile(r"\[([^\]|\n]+)\|([^\]|\s]+)(?:\|[^\]]*)?\]"), r"[\1](\2)"),
    (re.compile(r"\[(https?://[^\]\s|]+)\]"), r"<\1>"),
    (re.compile(r"\{\{([^}\n]+)\}\}"), r"`\1`"),
    (re.compile(r"(?<![\w*])\*(\S(?:[^*\n]*\S)?)\*(?![\w*])"), r"**\1**"),
    (re.compile(r"(?<![\w_])_(\S(?:[^_\n]*\S)?)_(?![\w_])"), r"*\1*"),
    (re.compile(r"(?<![\w-])-(\S(?:[^-\n]*\S)?)-(?![\w-])"), r"~~\1~~"),
)

_WORDS = "{code} {code:java} {code:a|b {noformat} {noformat: } { {{ }} [ ] | a b - _ * ** x|y ---- http:// [http://x"
_BLANKS = (" ", "\n", "\r\n", "\t", "h1. ", "# ", "bq. ", "[docs|https://example.com/a_b]", "\u2028", "\x0b")
_WIKI = st.lists(st.sampled_from([*_WORDS.split(), *_BLANKS]), max_size=20).map("".join)
_JOURNAL = st.lists(
    st.sampled_from(
        ["[code]", "[/code]", "[CODE]", "[/Code]", "a", "<b>x</b>", "\n", "\n\n", " ", "[", "]", "*"]
    ),
    max_size=12,
).map("".join)


def wiki_by_grammar(text: str) -> str:
    parts: list[str] = []
    at = 0
    for found in _BLOCK.finditer(text):
        parts.append(lines_by_grammar(text[at : found.start()]))
        language = (found[2] or "").split("|")[0]
        parts.append(f"\n```{language if language.isalnum() else ''}\n{found[3]}\n```\n")
        at = found.end()
    parts.append(lines_by_grammar(text[at:]))
    return "".join(parts).strip()


def lines_by_grammar(text: str) -> str:
    return "\n".join(line_by_grammar(line) for line in text.replace("\r\n", "\n").split("\n"))


def line_by_grammar(line: str) -> str:
    if found := _HEADING.match(line):
        return f"{'#' * int(found[1])} {inline_by_grammar(found[2])}"
    if line.strip() == "----":
        return "---"
    if line.startswith("bq. "):
        return f"> {inline_by_grammar(line[4:])}"
    if found := _ITEM.match(line):
        indent = "    " * (len(found[1]) - 1)
        return f"{indent}{'1.' if found[1][-1] == '#' else '-'} {inline_by_grammar(found[2])}"
    return inline_by_grammar(line)


def inline_by_grammar(line: str) -> str:
    for pattern, replacement in _INLINE:
        line = pattern.sub(replacement, line)
    return line


def journal_by_grammar(text: str) -> str:
    blocks: list[object] = []
    at = 0
    for found in _CODE.finditer(text):
        blocks += [*_plain_blocks(text[at : found.start()]), *html.parse(found[1])]
        at = found.end()
    return markdown.write([*blocks, *_plain_blocks(text[at:])])  # type: ignore[list-item]


@given(_WIKI)
@settings(max_examples=600, deadline=None)
def test_wiki_markup_is_read_as_its_grammar_says(text: str) -> None:
    assert markdown_from_wiki(text) == wiki_by_grammar(text)


@given(_JOURNAL)
@settings(max_examples=150, deadline=None)
def test_a_journal_is_read_as_its_grammar_says(text: str) -> None:
    assert markdown_from_journal(text) == journal_by_grammar(text)


@pytest.mark.parametrize(
    "mark",
    [
        "{code:a",
        "{code:a}",
        "{noformat:x}{code:y}",
        "[",
        "[a|",
        "[a|b|",
        "{{",
        "}{{",
        "[http://",
        "[http://x|",
        "_",
        "*",
        "-x ",
    ],
)
def test_marks_that_are_never_closed_are_text_however_many_there_are(mark: str) -> None:
    """By the plain patterns each of these takes from minutes to hours."""
    text = markdown_from_wiki(mark * 200_000)
    assert text == (mark * 200_000).strip()


def test_code_that_is_never_closed_is_text_however_often_it_begins() -> None:
    text = markdown_from_journal("[code]" * 200_000)
    assert text.replace("\\", "") == "[code]" * 200_000
