"""Markdown survives Atlassian's documents, HTML and journals, for every tree of the common constructs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deskmind.connectors import Kind, Ticket
from deskmind.connectors.core.source import decode
from deskmind.connectors.text import (
    adf_from_markdown,
    html_from_markdown,
    journal_from_markdown,
    markdown,
    markdown_from_adf,
    markdown_from_html,
    markdown_from_journal,
    markdown_from_plain,
    markdown_from_wiki,
)
from deskmind.connectors.text.tree import (
    BREAK,
    Block,
    Code,
    Heading,
    Items,
    Paragraph,
    Quote,
    Rule,
    Run,
    Table,
    tidy,
)

_WORDS = st.text(
    st.characters(
        codec="utf-8",
        exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp", "Co", "Cn"),
        exclude_characters="\ufeff",
    ),
    min_size=1,
    max_size=8,
).map(lambda word: word.strip() or "x")
_TEXTS = st.lists(_WORDS, min_size=1, max_size=4).map(" ".join)
_MARKS = st.frozensets(st.sampled_from(["strong", "em", "strike"]), max_size=3)
_ADDRESSES = st.sampled_from(["", "", "https://example.com/a_(b)?c=d&e=f", "https://example.com/x*y"])
_RUNS = st.one_of(
    st.builds(Run, _TEXTS, _MARKS, _ADDRESSES),
    st.builds(Run, _TEXTS, st.just(frozenset({"code"}))),
    st.just(Run(" ")),
    st.just(BREAK),
)
_LINES = st.lists(_RUNS, min_size=1, max_size=5).map(tidy).filter(bool)
_CELLS = st.lists(_RUNS.filter(lambda run: run != BREAK), min_size=1, max_size=3).map(tidy).filter(bool)
_PARAGRAPHS = st.builds(Paragraph, _LINES)
_CODE = st.builds(
    Code, st.lists(_TEXTS, min_size=1, max_size=3).map("\n".join), st.sampled_from(["", "python", "sh"])
)
_LEAVES = st.one_of(
    _PARAGRAPHS,
    st.builds(Heading, st.integers(1, 6), _CELLS),
    _CODE,
    st.just(Rule()),
    st.lists(st.tuples(_CELLS, _CELLS), min_size=1, max_size=3).map(lambda rows: Table(tuple(rows))),
)


def _containers(inner: st.SearchStrategy[Block]) -> st.SearchStrategy[Block]:
    blocks = st.lists(inner, min_size=1, max_size=3).map(tuple)
    items = st.lists(
        st.tuples(_PARAGRAPHS, st.lists(inner, max_size=1)).map(lambda pair: (pair[0], *pair[1])),
        min_size=1,
        max_size=3,
    ).map(tuple)
    return st.one_of(st.builds(Quote, blocks), st.builds(Items, items, st.sampled_from([0, 1, 4])))


_DOCUMENTS = st.lists(st.recursive(_LEAVES, _containers, max_leaves=5), max_size=4).map(tuple)


@given(_DOCUMENTS)
@settings(max_examples=50)
def test_a_tree_written_as_markdown_reads_back_as_the_same_tree(blocks: tuple[Block, ...]) -> None:
    text = markdown.write(blocks)
    assert markdown.parse(text) == blocks, text


@given(_DOCUMENTS)
@settings(max_examples=40)
def test_markdown_survives_every_vendors_form(blocks: tuple[Block, ...]) -> None:
    text = markdown.write(blocks)
    assert markdown.parse(markdown_from_html(html_from_markdown(text))) == blocks
    assert markdown.parse(markdown_from_journal(journal_from_markdown(text))) == blocks
    assert markdown.parse(markdown_from_adf(adf_from_markdown(text))) == blocks


def test_a_document_of_atlassian_keeps_its_text_where_a_node_has_no_equal() -> None:
    document = {
        "type": "doc",
        "version": 1,
        "content": [
            {
                "type": "panel",
                "attrs": {"panelType": "info"},
                "content": [
                    {
                        "type": "paragraph",
                        "content": [
                            {"type": "text", "text": "Ask "},
                            {"type": "mention", "attrs": {"id": "1", "text": "@Ann"}},
                        ],
                    },
                ],
            },
            {
                "type": "taskList",
                "content": [
                    {
                        "type": "taskItem",
                        "attrs": {"state": "DONE"},
                        "content": [{"type": "text", "text": "reboot"}],
                    }
                ],
            },
            {
                "type": "mystery",
                "content": [{"type": "paragraph", "content": [{"type": "text", "text": "kept"}]}],
            },
        ],
    }
    text = markdown_from_adf(document)
    assert "> Ask @Ann" in text
    assert "reboot" in text
    assert "kept" in text


def test_scripts_and_styles_of_html_are_not_text() -> None:
    text = markdown_from_html("<style>p{}</style><p>Restart <b>now</b><script>alert(1)</script></p>")
    assert text == "Restart **now**"


_NESTED = ("em", "span", "a", "div", "blockquote", "table><tr><td", "ul><li", "h1><div", "pre")


@pytest.mark.parametrize("tag", _NESTED)
@pytest.mark.parametrize("times", [20, 450, 5000])
def test_html_that_nests_without_end_keeps_its_text(tag: str, times: int) -> None:
    text = markdown_from_html(f"<p>before</p>{f'<{tag}>' * times}is <b>here</b><div>too</div>")
    assert text.startswith("before")
    assert "here" in text
    assert text.index("here") < text.index("too")


def test_scripts_are_not_text_however_deep_they_are() -> None:
    deep = "<div>" * 300
    text = markdown_from_html(
        f"{deep}seen<script>alert(1)</script><style>p{{}}</style><br>again<p>and</p>again"
    )
    assert text == "seen again and again"


@pytest.mark.parametrize(("start", "number"), [("4", 4), ("²", 1), ("1" * 5000, 1), ("-3", 1), ("٣", 3)])
def test_a_list_begins_with_the_number_that_its_html_names(start: str, number: int) -> None:
    assert markdown_from_html(f"<ol start='{start}'><li>item</li></ol>") == f"{number}. item"


def test_a_record_that_cannot_be_gone_through_does_not_take_the_others_with_it() -> None:
    deep: dict[str, Any] = {"type": "text", "text": "x"}
    for _ in range(3000):
        deep = {"type": "blockquote", "content": [deep]}
    rows = [{"id": "1", "body": deep}, {"id": "2", "body": {"type": "doc", "content": []}}]

    def read(row: dict[str, Any]) -> Ticket:
        text = markdown_from_adf(row["body"])
        return Ticket(vendor="jira", id=row["id"], key=row["id"], description=text)

    records, undecoded = decode(Kind.TICKET, rows, read, "id")
    assert ([one.id for one in records], [one.id for one in undecoded]) == (["2"], ["1"])


def test_markup_in_markdown_is_text_in_html() -> None:
    assert "<script" not in html_from_markdown("hello <script>alert(1)</script>\n\n<img src=x onerror=y>")


def test_plain_text_keeps_its_lines_and_shows_no_markup() -> None:
    text = markdown_from_plain("1. not a list\n* nor this\n\nuser_name is fine")
    assert markdown.parse(text) == (
        Paragraph((Run("1. not a list"), BREAK, Run("* nor this"))),
        Paragraph((Run("user_name is fine"),)),
    )
    assert "user_name" in text


def test_a_plain_comment_stays_plain_in_a_journal() -> None:
    assert journal_from_markdown("Restarted.\n\nWorks again.") == "Restarted.\n\nWorks again."
    assert journal_from_markdown("**Restarted**") == "[code]<p><strong>Restarted</strong></p>[/code]"


def test_wiki_markup_becomes_markdown() -> None:
    wiki = "h2. Steps\n# open *Settings*\n# run {{ipconfig}}\n{code:java}\nint a;\n{code}\n[docs|https://example.com]"
    text = markdown_from_wiki(wiki)
    assert text.startswith("## Steps\n1. open **Settings**\n1. run `ipconfig`")
    assert "```java\nint a;\n```" in text
    assert "[docs](https://example.com)" in text
