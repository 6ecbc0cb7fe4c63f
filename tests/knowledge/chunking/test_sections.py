"""Chunking keeps every block, in order, whole where it can."""

from __future__ import annotations

import string

from hypothesis import given, settings
from hypothesis import strategies as st

from deskmind.knowledge.chunking import ChunkLimits, chunk
from deskmind.knowledge.loading import load
from deskmind.knowledge.models import LoadedDocument

_WORDS = st.text(alphabet=string.ascii_letters + " .!?\n|#-`é", min_size=1, max_size=400)
_DOCUMENTS = st.lists(
    st.tuples(st.sampled_from(["# ", "## ", "### ", "", "", "- ", "| a | b |\n|---|---|\n| "]), _WORDS),
    min_size=1,
    max_size=20,
)


def _document(parts: list[tuple[str, str]]) -> LoadedDocument | None:
    text = "\n\n".join(mark + body for mark, body in parts) + "\n\nend of it"
    return load(text.encode(), name="generated.md")[0]


@settings(max_examples=150, deadline=None)
@given(_DOCUMENTS, st.integers(5, 60))
def test_chunks_cover_every_block_in_order_without_overlap(parts: list[tuple[str, str]], size: int) -> None:
    document = _document(parts)
    assert document is not None
    chunks = chunk(document, ChunkLimits(target_words=size, max_words=size * 2))
    end = 0
    for number, piece in enumerate(chunks):
        assert piece.ordinal == number
        assert piece.start >= end
        assert document.text[end : piece.start].strip() == ""
        assert document.text[piece.start : piece.end] == piece.text
        assert piece.text in piece.embed_text
        assert piece.embed_text.startswith(document.title)
        end = piece.end
    assert document.text[end:].strip() == ""


@settings(max_examples=100, deadline=None)
@given(_DOCUMENTS)
def test_no_chunk_is_longer_than_the_limit(parts: list[tuple[str, str]]) -> None:
    document = _document(parts)
    assert document is not None
    for piece in chunk(document, ChunkLimits(target_words=20, max_words=40)):
        assert len(piece.text.split()) <= 40 or "\n" not in piece.text


def test_a_section_is_a_chunk_under_its_heading_path() -> None:
    body = "word " * 80
    document = load(
        f"# Guide\n\n## One\n\n{body}\n\n### Deep\n\n{body}\n\n## Two\n\n{body}".encode(), name="g.md"
    )[0]
    assert [piece.headings for piece in chunk(document)] == [("One",), ("One", "Deep"), ("Two",)]
    assert chunk(document)[1].embed_text.startswith("Guide > One > Deep\n")


def test_small_neighbouring_sections_are_joined_and_keep_their_names() -> None:
    document = load(b"# Guide\n\n## FAQ\n\n### A\n\nYes.\n\n### B\n\nNo.\n", name="g.md")[0]
    (piece,) = chunk(document)
    assert piece.headings == ("FAQ", "A / B")
    assert piece.embed_text.startswith("Guide > FAQ > A / B\n")
    assert piece.text == "Yes.\n\nNo."


def test_a_table_is_not_cut_while_it_fits_and_repeats_its_header_when_it_must_be() -> None:
    rows = "\n".join(f"| site {number} | code {number} |" for number in range(100))
    document = load(f"# T\n\n| site | code |\n|---|---|\n{rows}\n".encode(), name="t.md")[0]
    assert len(chunk(document, ChunkLimits(120, 2000))) == 1
    pieces = chunk(document, ChunkLimits(120, 180))
    assert len(pieces) > 2
    assert all("| site | code |" in piece.embed_text for piece in pieces)
    assert all(piece.text.startswith("|") and piece.text.endswith("|") for piece in pieces)


def test_long_code_is_cut_between_lines() -> None:
    code = "\n".join(f"command --option value-{number}" for number in range(200))
    pieces = chunk(load(f"# C\n\n```\n{code}\n```\n".encode(), name="c.md")[0])
    assert len(pieces) > 2
    assert all(line.startswith(("command", "```")) for piece in pieces for line in piece.text.splitlines())
