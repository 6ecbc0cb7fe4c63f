"""Choosing the loader."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Protocol, cast

from deskmind.errors import (
    DeskmindError,
    DocumentTooLargeError,
    UnreadableDocumentError,
    UnsupportedDocumentError,
)
from deskmind.knowledge.loading.kinds import DOCX, check_text, media_type_of
from deskmind.knowledge.loading.limits import LoadLimits
from deskmind.knowledge.models import LoadedDocument

__all__ = ["Loader", "load"]


class Loader(Protocol):
    """Reads the bytes of one kind of file."""

    def __call__(self, data: bytes, name: str, limits: LoadLimits) -> list[LoadedDocument]:
        """The documents of a file."""
        ...


# module and function, imported when first used: parsers are heavy
_LOADERS: dict[str, tuple[str, str]] = {
    "text/markdown": ("markdown", "load_markdown"),
    "text/html": ("html", "load_html"),
    "application/xhtml+xml": ("html", "load_html"),
    "text/plain": ("plain", "load_plain"),
    "application/pdf": ("pdf", "load_pdf"),
    DOCX: ("docx", "load_docx"),
    "text/csv": ("records", "load_csv"),
    "application/jsonl": ("records", "load_jsonl"),
    "application/x-ndjson": ("records", "load_jsonl"),
}


def load(
    data: bytes, *, name: str, media_type: str | None = None, limits: LoadLimits | None = None
) -> list[LoadedDocument]:
    """The documents of a file: one, or one a record for CSV and JSON lines. Blocking and pure.

    Args:
        data: the file's bytes.
        name: its name; the suffix tells the kind unless ``media_type`` does.
        media_type: such as ``text/html``.
        limits: bounds on sizes.

    Raises:
        DocumentError: the file cannot be taken in; the message says why and what to do.
    """
    bounds = limits or LoadLimits()
    if not data.strip():
        raise UnreadableDocumentError(f"{name} is empty.", remedy="Leave it out, or check that it was saved.")
    if len(data) > bounds.max_file_bytes:
        raise DocumentTooLargeError(
            f"{name} has {len(data):,} bytes.",
            why=f"At most {bounds.max_file_bytes:,} are accepted.",
            remedy="Split the file, or raise ingest.max_file_bytes.",
        )
    kind = (media_type or "").partition(";")[0].strip().lower() or media_type_of(name, data[:16])
    if kind not in _LOADERS:
        raise UnsupportedDocumentError(
            f"{name} is of a kind that cannot be taken in.",
            why=f"Its media type is '{kind}'.",
            remedy=f"Convert it to one of {', '.join(sorted(_LOADERS))}.",
        )
    if kind not in {"application/pdf", DOCX}:
        check_text(name, data)
    module, function = _LOADERS[kind]
    loader = cast(
        "Callable[[bytes, str, LoadLimits], list[LoadedDocument]]",
        getattr(import_module(f"deskmind.knowledge.loading.{module}"), function),
    )
    try:
        return loader(data, name, bounds)
    except (DeskmindError, MemoryError, OSError):
        raise
    except Exception as error:  # parsers raise whatever a damaged file makes them stumble over
        raise UnreadableDocumentError(
            f"{name} cannot be read.",
            why=f"It is damaged, or made of what its parser does not know ({type(error).__name__}).",
            remedy="Open it in the program that made it and save it anew.",
        ) from error
