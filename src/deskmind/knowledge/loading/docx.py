"""DOCX through python-docx."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator

import docx
from docx.opc.exceptions import OpcError
from docx.table import Table
from docx.text.paragraph import Paragraph

from deskmind.errors import DocumentTooLargeError, EncryptedDocumentError, UnreadableDocumentError
from deskmind.knowledge.loading.kinds import DOCX
from deskmind.knowledge.loading.limits import LoadLimits
from deskmind.knowledge.loading.text import DocumentBuilder
from deskmind.knowledge.models import LoadedDocument

__all__ = ["load_docx"]

_HEADING = re.compile(r"Heading ([1-9])")
_OLE = b"\xd0\xcf\x11\xe0"
_MAX_MEMBERS = 10_000


def load_docx(data: bytes, name: str, limits: LoadLimits) -> list[LoadedDocument]:
    """One document; headings by paragraph style.

    Raises:
        DocumentTooLargeError: it unpacks to too much (a zip bomb).
        EncryptedDocumentError: it needs a password.
        UnreadableDocumentError: it is broken.
    """
    if data.startswith(_OLE):
        raise EncryptedDocumentError(
            f"{name} is encrypted or of the old .doc format.",
            why="It is a compound file, not a ZIP archive.",
            remedy="Save it as .docx without password protection.",
        )
    builder = DocumentBuilder(name, DOCX, limits)
    try:
        _check_unpacked(data, name, limits)
        document = docx.Document(io.BytesIO(data))
        for item in document.iter_inner_content():
            if isinstance(item, Table):
                builder.block("table", _table(item))
            else:
                _paragraph(item, builder)
        properties = document.core_properties
        metadata = {"author": properties.author} if properties.author else {}
        title = properties.title or None
    except (
        zipfile.BadZipFile,
        OpcError,
        SyntaxError,
        KeyError,
        ValueError,
        EOFError,
        OSError,
        AttributeError,
        NotImplementedError,
    ) as error:
        raise UnreadableDocumentError(
            f"{name} is not a readable Word document.",
            why=f"It is damaged or cut off ({type(error).__name__}).",
            remedy="Open it in a word processor and save it anew.",
        ) from error
    return [builder.build(title, metadata)]


def _check_unpacked(data: bytes, name: str, limits: LoadLimits) -> None:
    """Unpack piece by piece and count: the sizes in the archive's directory may lie."""
    total = 0
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        declared = sum(member.file_size for member in members)
        if declared > limits.max_unpacked_bytes or len(members) > _MAX_MEMBERS:
            raise _bomb(name, limits)
        for member in members:
            with archive.open(member) as file:
                while piece := file.read(1 << 20):
                    total += len(piece)
                    if total > limits.max_unpacked_bytes:
                        raise _bomb(name, limits)


def _bomb(name: str, limits: LoadLimits) -> DocumentTooLargeError:
    return DocumentTooLargeError(
        f"{name} unpacks to more than {limits.max_unpacked_bytes:,} bytes.",
        why="A small file that unpacks to a huge one is a common attack.",
        remedy="If it is genuine, split it, or raise ingest.max_unpacked_bytes.",
    )


def _paragraph(item: Paragraph, builder: DocumentBuilder) -> None:
    style = item.style.name if item.style is not None and item.style.name else ""
    heading = _HEADING.match(style)
    if style == "Title":
        builder.heading(0, item.text)
    elif heading is not None:
        builder.heading(int(heading[1]), item.text)
    elif style.startswith("List"):
        builder.block(
            "list", f"{'1.' if 'Number' in style else '-'} {item.text}" if item.text.strip() else ""
        )
    else:
        builder.block("paragraph", item.text)


def _table(table: Table) -> str:
    return "\n".join(_rows(table))


def _rows(table: Table) -> Iterator[str]:
    for number, row in enumerate(table.rows):
        cells = [" ".join(cell.text.split()).replace("|", "\\|") for cell in row.cells]
        yield "| " + " | ".join(cells) + " |"
        if number == 0:
            yield "|" + " --- |" * len(cells)
