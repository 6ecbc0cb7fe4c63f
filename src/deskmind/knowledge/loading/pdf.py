"""PDF through pypdf."""

from __future__ import annotations

import io
import logging
import re

from pypdf import PdfReader
from pypdf.errors import DependencyError, PyPdfError

from deskmind.errors import DocumentTooLargeError, EncryptedDocumentError, UnreadableDocumentError
from deskmind.knowledge.loading.limits import LoadLimits
from deskmind.knowledge.loading.text import DocumentBuilder
from deskmind.knowledge.models import LoadedDocument

__all__ = ["load_pdf"]

_PARAGRAPH = re.compile(r"\n[ \t]*\n")
_HYPHEN = re.compile(r"(\w)-\n(\w)")

logging.getLogger("pypdf").setLevel(logging.CRITICAL)


def load_pdf(data: bytes, name: str, limits: LoadLimits) -> list[LoadedDocument]:
    """One document; pages become paragraphs, the title comes from the document's properties.

    Raises:
        EncryptedDocumentError: it needs a password.
        DocumentTooLargeError: it has too many pages.
        UnreadableDocumentError: it is broken or holds only images.
    """
    builder = DocumentBuilder(name, "application/pdf", limits)
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise _encrypted(name)
        if len(reader.pages) > limits.max_pages:
            raise DocumentTooLargeError(
                f"{name} has {len(reader.pages):,} pages.",
                why=f"At most {limits.max_pages:,} are accepted.",
                remedy="Split the document.",
            )
        for page in reader.pages:
            for paragraph in _PARAGRAPH.split(_HYPHEN.sub(r"\1\2", page.extract_text())):
                builder.block(
                    "paragraph", "\n".join(line.strip() for line in paragraph.splitlines() if line.strip())
                )
        title = str(reader.metadata.title) if reader.metadata is not None and reader.metadata.title else None
        pages = len(reader.pages)
    except DependencyError:
        raise _encrypted(name) from None
    except (
        PyPdfError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        RecursionError,
        OSError,
    ) as error:
        raise UnreadableDocumentError(
            f"{name} is not a readable PDF.",
            why=f"It is damaged or cut off ({type(error).__name__}).",
            remedy="Open it in a viewer and save it anew.",
        ) from error
    return [builder.build(title, {"pages": str(pages)})]


def _encrypted(name: str) -> EncryptedDocumentError:
    return EncryptedDocumentError(
        f"{name} is encrypted.", why="It needs a password.", remedy="Save a copy without password protection."
    )
