"""Plain text: paragraphs at blank lines."""

from __future__ import annotations

from deskmind.knowledge.loading.limits import LoadLimits
from deskmind.knowledge.loading.text import DocumentBuilder, decode, tidy
from deskmind.knowledge.models import LoadedDocument

__all__ = ["load_plain"]


def load_plain(data: bytes, name: str, limits: LoadLimits) -> list[LoadedDocument]:
    """One document."""
    builder = DocumentBuilder(name, "text/plain", limits)
    paragraph: list[str] = []
    for line in tidy(decode(name, data)).split("\n"):
        if line.strip():
            paragraph.append(line.rstrip())
        else:
            builder.block("paragraph", "\n".join(paragraph))
            paragraph.clear()
    builder.block("paragraph", "\n".join(paragraph))
    return [builder.build()]
