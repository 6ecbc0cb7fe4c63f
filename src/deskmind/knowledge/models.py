"""What travels between the stages of knowledge: loaded documents, chunks, passages, answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Answer", "Block", "Chunk", "Citation", "LoadedDocument", "Passage", "Sentence"]


@dataclass(frozen=True, slots=True)
class Block:
    """One structural unit of a document: a paragraph, list item run, table or code block.

    Attributes:
        text: plain text of the block (Markdown kept for tables and code fences).
        kind: ``paragraph``, ``list``, ``table``, ``code`` or ``quote``.
        headings: the heading path the block stands under, outermost first (the title not included).
        start: offset in characters into ``LoadedDocument.text``.
        end: offset in characters, exclusive; ``document.text[start:end] == text``.
    """

    text: str
    kind: str
    headings: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class LoadedDocument:
    """A document as a loader read it, before chunking.

    Attributes:
        title: the document's own title, else one derived from its file name.
        text: the normalised plain text, UTF-8, ``\\n`` line ends; offsets refer to it.
        blocks: in reading order, not overlapping.
        media_type: such as ``text/markdown``.
        metadata: small string facts (front matter, author, page count).
    """

    title: str
    text: str
    blocks: tuple[Block, ...]
    media_type: str
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Chunk:
    """A section-sized piece of a document, the unit of retrieval.

    Attributes:
        ordinal: position in the document, from 0.
        text: ``document.text[start:end]``.
        headings: heading path, outermost first.
        start: offset in characters, inclusive.
        end: offset in characters, exclusive.
        embed_text: what is embedded and indexed: title, heading path and text.
    """

    ordinal: int
    text: str
    headings: tuple[str, ...]
    start: int
    end: int
    embed_text: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk that was retrieved for a query.

    Attributes:
        chunk_id: opaque identifier.
        document_id: opaque identifier.
        title: the document's title.
        uri: where the document came from (path, URL or vendor key).
        headings: heading path of the chunk.
        text: the chunk's text.
        start: offset in characters of the chunk in the document's text.
        end: offset, exclusive.
        score: fused score, higher is better, 0 to 1.
        dense: cosine similarity to the query, -1 to 1; None when the vector side did not see it.
        lexical: BM25 score, 0 upwards; None when no term matched.
        metadata: the document's metadata.
        sentence_scores: cosine similarity of each quotable unit (``deskmind.knowledge.sentences``) to the query, in
            order; empty without an embedder.
    """

    chunk_id: str
    document_id: str
    title: str
    uri: str
    headings: tuple[str, ...]
    text: str
    start: int
    end: int
    score: float
    dense: float | None = None
    lexical: float | None = None
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    sentence_scores: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Citation:
    """Where a sentence of an answer stands.

    Attributes:
        number: as shown in the answer, from 1.
        document_id: opaque identifier.
        title: the document's title.
        uri: where the document came from.
        section: heading path joined with `` > ``, empty for text before the first heading.
        start: offset in characters of the quoted text in the document's text.
        end: offset, exclusive.
        quote: the quoted text.
    """

    number: int
    document_id: str
    title: str
    uri: str
    section: str
    start: int
    end: int
    quote: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence or step of an answer with the number of its citation."""

    text: str
    citation: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What ``ask`` returns.

    Attributes:
        question: as asked.
        found: False when the knowledge the asker may see does not answer the question.
        text: the answer with ``[n]`` markers, or the honest "not found" sentence.
        sentences: the parts of the answer in order; empty when not found.
        citations: one for each distinct place quoted.
        confidence: calibrated probability that the answer is supported, 0 to 1.
        mode: ``extractive`` or ``generated``.
        passages: what was retrieved, best first.
        request_id: correlation id of the request.
        model: the configured name of the model that worded it; empty for an extractive answer.
        note: what the reader should know of how it came about, such as that no model answered.
        remembered: whether it was worded earlier, for a question that asks the same.
    """

    question: str
    found: bool
    text: str
    sentences: tuple[Sentence, ...]
    citations: tuple[Citation, ...]
    confidence: float
    mode: str
    passages: tuple[Passage, ...] = ()
    request_id: str = ""
    model: str = ""
    note: str = ""
    remembered: bool = False
