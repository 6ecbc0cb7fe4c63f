"""Structure-aware chunking.

A chunk is a section, several small neighbouring sections of one parent, or a part of a long one, cut between blocks.
Tables and code stay whole while they fit the limit; beyond it they are cut between lines, a table's header
repeated in what is embedded. Linear in the length of the document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from deskmind.knowledge.models import Block, Chunk, LoadedDocument

__all__ = ["ChunkLimits", "chunk"]

_WORD = re.compile(r"\S+")
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[A-Z0-9\"'(\[])")


@dataclass(frozen=True, slots=True)
class ChunkLimits:
    """Sizes in words.

    Attributes:
        target_words: neighbouring small sections are joined up to this.
        max_words: longer sections are cut. The local model reads 256 word pieces.
    """

    target_words: int = 120
    max_words: int = 180


@dataclass(slots=True)
class _Piece:
    """A run of text; ``prefix`` is embedded before it (a table's header), ``members`` are the sections joined in it."""

    start: int
    end: int
    words: int
    headings: tuple[str, ...]
    prefix: str = field(default="")
    members: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])

    def path(self) -> tuple[str, ...]:
        """The heading path; where sections were joined, ends with the names of all."""
        depth = len(self.headings)
        names = [" > ".join(member[depth:]) for member in self.members if len(member) > depth]
        return (*self.headings, " / ".join(dict.fromkeys(names))) if names else self.headings


def chunk(document: LoadedDocument, limits: ChunkLimits | None = None) -> list[Chunk]:
    """The chunks of a document, in order, without overlap, covering every block."""
    bounds = limits or ChunkLimits()
    pieces = list(_merge_sections(_sections(document, bounds), bounds))
    return [
        Chunk(
            ordinal=number,
            text=document.text[piece.start : piece.end],
            headings=piece.path(),
            start=piece.start,
            end=piece.end,
            embed_text=_embed_text(document, piece),
        )
        for number, piece in enumerate(pieces)
    ]


def _embed_text(document: LoadedDocument, piece: _Piece) -> str:
    head = " > ".join((document.title, *piece.path()))
    body = document.text[piece.start : piece.end]
    return "\n".join(part for part in (head, piece.prefix, body) if part)


def _sections(document: LoadedDocument, limits: ChunkLimits) -> Iterator[_Piece]:
    """Blocks of one heading path joined up to the limit, long ones cut."""
    open_piece: _Piece | None = None
    for block in document.blocks:
        for part in _parts(block, limits):
            joined = (
                open_piece is not None
                and open_piece.headings == part.headings
                and open_piece.words + part.words <= limits.max_words
                and not part.prefix
            )
            if joined and open_piece is not None:
                open_piece.end = part.end
                open_piece.words += part.words
                continue
            if open_piece is not None:
                yield open_piece
            open_piece = part
    if open_piece is not None:
        yield open_piece


def _merge_sections(pieces: Iterator[_Piece], limits: ChunkLimits) -> Iterator[_Piece]:
    """Small neighbouring sections of one parent become one chunk under the path they share."""
    held: _Piece | None = None
    for piece in pieces:
        if held is not None and _mergeable(held, piece, limits):
            held.end = piece.end
            held.words += piece.words
            held.members = [*(held.members or [held.headings]), piece.headings]
            held.headings = _common(held.headings, piece.headings)
            continue
        if held is not None:
            yield held
        held = piece
    if held is not None:
        yield held


def _mergeable(held: _Piece, piece: _Piece, limits: ChunkLimits) -> bool:
    small = min(held.words, piece.words) < limits.target_words // 4
    return small and not piece.prefix and held.words + piece.words <= limits.target_words


def _common(first: Sequence[str], second: Sequence[str]) -> tuple[str, ...]:
    shared: list[str] = []
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        shared.append(one)
    return tuple(shared)


def _parts(block: Block, limits: ChunkLimits) -> Iterator[_Piece]:
    words = _count(block.text)
    if words <= limits.max_words:
        yield _Piece(block.start, block.end, words, block.headings)
        return
    units = _lines(block.text) if block.kind in {"table", "code", "list"} else _sentences(block.text)
    prefix = "\n".join(block.text.split("\n", 2)[:2]) if block.kind == "table" else ""
    if _count(prefix) > limits.max_words // 3:
        prefix = ""  # it would push the rows themselves out of what the model reads
    yield from _packed(block, units, limits, prefix)


def _packed(
    block: Block, units: Iterator[tuple[int, int]], limits: ChunkLimits, prefix: str
) -> Iterator[_Piece]:
    start = end = words = 0
    first = True
    for unit_start, unit_end in (
        piece for unit in units for piece in _fit(block.text, unit, limits.max_words)
    ):
        count = _count(block.text[unit_start:unit_end])
        if words and words + count > limits.max_words:
            yield _Piece(
                block.start + start, block.start + end, words, block.headings, "" if first else prefix
            )
            first = False
            start, words = unit_start, 0
        elif not words:
            start = unit_start
        end, words = unit_end, words + count
    if words:
        yield _Piece(block.start + start, block.start + end, words, block.headings, "" if first else prefix)


def _lines(text: str) -> Iterator[tuple[int, int]]:
    position = 0
    for line in text.split("\n"):
        if line.strip():
            yield position, position + len(line)
        position += len(line) + 1


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    position = 0
    for found in _SENTENCE_END.finditer(text):
        if found.start() > position:
            yield position, found.start()
        position = found.end()
    if position < len(text):
        yield position, len(text)


_MAX_RUN = 2_000


def _fit(text: str, unit: tuple[int, int], max_words: int) -> Iterator[tuple[int, int]]:
    """A unit, or pieces of one that is itself longer than the limit (no sentence ends, endless words)."""
    start, end = unit
    if end - start <= _MAX_RUN and _count(text[start:end]) <= max_words:
        yield unit
        return
    words = 0
    begin = start
    last = start
    for found in _WORD.finditer(text, start, end):
        if words >= max_words or (words and found.end() - begin > _MAX_RUN):
            yield begin, last
            begin, words = found.start(), 0
        words += 1
        last = found.end()
        while last - begin > _MAX_RUN:
            yield begin, begin + _MAX_RUN
            begin += _MAX_RUN
    if last > begin:
        yield begin, last


def _count(text: str) -> int:
    # an endless run of characters counts as the words it could be
    return max(len(text.split()), len(text) // 40)
