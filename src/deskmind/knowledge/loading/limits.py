"""How much of a file is taken in."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LoadLimits"]


@dataclass(frozen=True, slots=True)
class LoadLimits:
    """Bounds on one file.

    Attributes:
        max_file_bytes: of the file itself.
        max_unpacked_bytes: of what a packed file (DOCX) unpacks to.
        max_text_chars: of the text found.
        max_pages: of a PDF.
        max_records: of a CSV or JSON-lines file.
    """

    max_file_bytes: int = 50 * 2**20
    max_unpacked_bytes: int = 200 * 2**20
    max_text_chars: int = 5_000_000
    max_pages: int = 2_000
    max_records: int = 100_000
