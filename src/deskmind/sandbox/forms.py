"""Reading `multipart/form-data`: its fields and files, from a body that has been read."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message

__all__ = ["Part", "parts"]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form; `filename` is empty for a plain field."""

    name: str
    filename: str
    content_type: str
    content: bytes

    @property
    def text(self) -> str:
        """The content of a plain field."""
        return self.content.decode("utf-8", "replace")


def parts(content_type: str, content: bytes) -> list[Part]:
    """The parts in their order; `ValueError` if the header names no boundary or the body does not keep to it."""
    header = _header(content_type)
    boundary = header.get_boundary()
    if header.get_content_type() != "multipart/form-data" or not boundary:
        raise ValueError("the content is no form with a boundary")
    pieces = content.split(b"--" + boundary.encode())
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise ValueError("the form has no end")
    return [_part(piece) for piece in pieces[1:-1]]


def _part(piece: bytes) -> Part:
    head, _, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    fields = Message()
    for line in head.decode("utf-8", "replace").split("\r\n"):
        name, _, value = line.partition(":")
        if name:
            fields[name.strip()] = value.strip()
    disposition = _header(fields.get("Content-Disposition", ""), "Content-Disposition")
    name = disposition.get_param("name", "", "Content-Disposition")
    filename = disposition.get_filename() or ""
    kind = fields.get("Content-Type", "")
    return Part(str(name), filename, kind, content.removesuffix(b"\r\n"))


def _header(value: str, name: str = "Content-Type") -> Message:
    made = Message()
    made[name] = value
    return made
