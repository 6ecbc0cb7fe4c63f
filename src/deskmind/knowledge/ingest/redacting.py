"""Masking a document before it is stored and embedded; what was masked cannot be had back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from deskmind.governance.privacy import Mentions
from deskmind.governance.redaction import Redactor
from deskmind.governance.redaction.measures import count_redactions
from deskmind.knowledge.models import Block, LoadedDocument
from deskmind.observability.story import note

__all__ = ["masked_document", "masked_facts", "suppressed_document"]


def masked_document(document: LoadedDocument, redactor: Redactor) -> LoadedDocument:
    """The document with its title, headings, blocks and facts masked, and offsets that fit.

    Args:
        document: as loaded.
        redactor: one that masks; what it finds in one block it masks in all.
    """
    session = redactor.session()
    texts = [document.title, *document.metadata.values()]
    for block in document.blocks:
        texts += (*block.headings, block.text)
    masked = session.protect_all(texts)
    count_redactions("stored", session.replaced)
    for entity, count in session.replaced.items():
        note("redaction", type=str(entity), count=count)
    facts = {name: masked[value] for name, value in document.metadata.items()}
    return _with_texts(replace(document, title=masked[document.title], metadata=facts), masked)


def suppressed_document(document: LoadedDocument, mentions: Mentions) -> LoadedDocument:
    """The document without mentions of people who were erased; the same object when there are none."""
    texts = [document.title, *document.metadata, *document.metadata.values()]
    for block in document.blocks:
        texts += (*block.headings, block.text)
    masked = {text: mentions.masked(text) for text in texts}
    if (
        all(text == without for text, without in masked.items())
        and mentions.masked(document.text) == document.text
    ):
        return document
    facts = {masked[name]: masked[value] for name, value in document.metadata.items()}
    return _with_texts(replace(document, title=masked[document.title], metadata=facts), masked)


def masked_facts(facts: Mapping[str, str], redactor: Redactor) -> dict[str, str]:
    """Facts that came with a file, masked."""
    masked = redactor.session().protect_all(facts.values())
    return {name: masked[value] for name, value in facts.items()}


def _with_texts(document: LoadedDocument, masked: Mapping[str, str]) -> LoadedDocument:
    parts: list[str] = []
    blocks: list[Block] = []
    length = end = 0
    for block in document.blocks:
        between, text = document.text[end : block.start], masked[block.text]
        start = length + len(between)
        length, end = start + len(text), block.end
        parts += (between, text)
        headings = tuple(masked[heading] for heading in block.headings)
        blocks.append(Block(text, block.kind, headings, start, length))
    return replace(document, text="".join(parts), blocks=tuple(blocks))
