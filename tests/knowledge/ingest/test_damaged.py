"""A file that its parser stumbles over is reported, and the others of its job are taken in."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import docx

from deskmind.desk import Desk


def _damaged() -> bytes:
    """A Word document one of whose compressed bytes is another."""
    document = docx.Document()
    document.add_paragraph("hello " * 5_000)
    buffer = io.BytesIO()
    document.save(buffer)
    data = bytearray(buffer.getvalue())
    member = zipfile.ZipFile(io.BytesIO(data)).getinfo("word/document.xml")
    data[member.header_offset + 30 + len(member.filename) + 8] ^= 0x55
    return bytes(data)


async def test_one_damaged_file_keeps_no_other_from_being_stored(operator: Desk, tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"{number}.md").write_text(f"# Note {number}\n\nThe printer of floor {number}.")
    (tmp_path / "2x.docx").write_bytes(_damaged())
    report = await operator.knowledge.ingest(tmp_path)
    assert (report.state, report.count("stored"), report.count("failed")) == ("done", 5, 1)
    (failure,) = report.failures
    assert failure.uri == str(tmp_path / "2x.docx")
    assert failure.problem is not None
    assert failure.problem["type"] == "urn:deskmind:problem:unreadable-document"
    assert "2x.docx cannot be read" in failure.problem["detail"]
    assert len(await operator.knowledge.documents()) == 5
