"""Decoding and tidying text; building documents from blocks with exact offsets."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Mapping
from pathlib import PurePath

from deskmind.errors import DocumentTooLargeError, UnreadableDocumentError
from deskmind.knowledge.loading.encodings import guess_encoding
from deskmind.knowledge.loading.limits import LoadLimits
from deskmind.knowledge.models import Block, LoadedDocument

__all__ = ["DocumentBuilder", "decode", "tidy", "title_from_name"]

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def decode(name: str, data: bytes) -> str:
    """Text of a file, whatever its encoding.

    Raises:
        UnreadableDocumentError: no encoding fits.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        guessed = guess_encoding(data)
    if guessed is None:
        raise UnreadableDocumentError(
            f"{name} cannot be decoded.", why="Its text encoding is not known.", remedy="Save it as UTF-8."
        )
    return data.decode(guessed, "replace")


def tidy(text: str) -> str:
    """Without control characters (PostgreSQL cannot store NUL), with ``\\n`` line ends."""
    return _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def title_from_name(name: str) -> str:
    """``reset-vpn_token.md`` as ``reset vpn token``."""
    return re.sub(r"[-_]+", " ", PurePath(name).stem).strip() or name


class DocumentBuilder:
    """Collects blocks in reading order; the text is the blocks joined by blank lines."""

    def __init__(self, name: str, media_type: str, limits: LoadLimits) -> None:
        self._name = name
        self._media_type = media_type
        self._limits = limits
        self._blocks: list[Block] = []
        self._parts: list[str] = []
        self._length = 0
        self._headings: list[tuple[int, str]] = []

    @property
    def first_heading(self) -> str | None:
        """The first heading of the highest level seen, if the document begins with it."""
        return self._first

    _first: str | None = None

    def heading(self, level: int, text: str) -> None:
        """Enter a section."""
        text = " ".join(tidy(text).split())
        if not text:
            return
        if self._first is None and not self._blocks:
            self._first = text
        self._headings = [item for item in self._headings if item[0] < level]
        self._headings.append((level, text))

    def block(self, kind: str, text: str) -> None:
        """Add a block under the current headings."""
        text = tidy(text).strip("\n").rstrip()
        if not text.strip():
            return
        if self._parts:
            self._parts.append("\n\n")
            self._length += 2
        start = self._length
        self._parts.append(text)
        self._length += len(text)
        if self._length > self._limits.max_text_chars:
            raise DocumentTooLargeError(
                f"{self._name} has more than {self._limits.max_text_chars:,} characters of text.",
                remedy="Split the document, or raise ingest.max_text_chars.",
            )
        headings = tuple(heading for _, heading in self._headings)
        self._blocks.append(Block(text, kind, headings, start, self._length))

    def build(self, title: str | None = None, metadata: Mapping[str, str] | None = None) -> LoadedDocument:
        """The document.

        Raises:
            UnreadableDocumentError: it holds no text.
        """
        if not self._blocks:
            raise UnreadableDocumentError(
                f"{self._name} holds no text.",
                why="Nothing readable is left after its markup.",
                remedy="If it is a scan, run character recognition first; else leave it out.",
            )
        chosen = " ".join(tidy(title or self._first or title_from_name(self._name)).split())[:500]
        return LoadedDocument(
            title=chosen,
            text="".join(self._parts),
            blocks=tuple(_without_title(self._blocks, chosen)),
            media_type=self._media_type,
            metadata={tidy(key)[:100]: tidy(value)[:1000] for key, value in (metadata or {}).items()},
        )


def _without_title(blocks: Iterable[Block], title: str) -> Iterable[Block]:
    """A top heading that equals the title is not repeated in each path."""
    for block in blocks:
        if block.headings and block.headings[0].casefold() == title.casefold():
            yield Block(block.text, block.kind, block.headings[1:], block.start, block.end)
        else:
            yield block
