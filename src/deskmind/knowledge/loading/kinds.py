"""Which kind a file is: by its suffix, checked against its first bytes."""

from __future__ import annotations

from pathlib import PurePath

from deskmind.errors import UnreadableDocumentError, UnsupportedDocumentError

__all__ = ["DOCX", "SUPPORTED_SUFFIXES", "check_text", "media_type_of"]

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

SUPPORTED_SUFFIXES: dict[str, str] = {
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".html": "text/html",
    ".htm": "text/html",
    ".txt": "text/plain",
    ".text": "text/plain",
    ".log": "text/plain",
    ".pdf": "application/pdf",
    ".docx": DOCX,
    ".csv": "text/csv",
    ".jsonl": "application/jsonl",
    ".ndjson": "application/jsonl",
}

_SIGNATURES = (
    (b"%PDF-", "a PDF file"),
    (b"PK\x03\x04", "a ZIP archive or Office document"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"\x7fELF", "a Linux program"),
    (b"MZ", "a Windows program"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
    (b"SQLite format 3", "a SQLite database"),
)
_TEXT_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def media_type_of(name: str, head: bytes) -> str:
    """The media type of a file.

    Args:
        name: its name.
        head: its first bytes (PDF and DOCX are recognised without a suffix).

    Raises:
        UnsupportedDocumentError: no loader takes it.
    """
    suffix = PurePath(name).suffix.lower()
    if suffix in SUPPORTED_SUFFIXES:
        return SUPPORTED_SUFFIXES[suffix]
    if head.startswith(b"%PDF-"):
        return "application/pdf"
    raise UnsupportedDocumentError(
        f"{name} is of a kind that cannot be taken in.",
        why=f"Its suffix is '{suffix or 'missing'}'.",
        remedy=f"Convert it to one of {', '.join(sorted(SUPPORTED_SUFFIXES))}.",
    )


def check_text(name: str, data: bytes) -> None:
    """Refuse binary content under a text file's name.

    Raises:
        UnreadableDocumentError: the content is not text; says what it looks like.
    """
    head = data[:65_536]
    if head.startswith(_TEXT_MARKS):
        return
    looks_like = next((what for mark, what in _SIGNATURES if head.startswith(mark)), None)
    controls = sum(byte < 9 or 13 < byte < 32 for byte in head)
    utf16 = head.count(0) > len(head) * 0.2 and controls - head.count(0) < len(head) * 0.02
    if looks_like is None and (utf16 or controls <= len(head) * 0.02):
        return
    raise UnreadableDocumentError(
        f"{name} is not text.",
        why=f"Its content looks like {looks_like or 'binary data'}.",
        remedy="Give it the suffix that fits its content, or convert it to text.",
    )
