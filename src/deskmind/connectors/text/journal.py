"""ServiceNow's journals and text fields: plain text, with HTML between ``[code]`` and ``[/code]``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from deskmind.connectors.text import html, markdown
from deskmind.connectors.text.tree import BREAK, Block, Code, Paragraph, Run, tidy

__all__ = ["journal_from_markdown", "markdown_from_journal", "markdown_from_plain"]

_OPEN = re.compile(r"\[code\]", re.IGNORECASE)
_CLOSE = re.compile(r"\[/code\]", re.IGNORECASE)
_GAP = re.compile(r"\n\s*\n")


def journal_from_markdown(text: str) -> str:
    """Plain text where that says it all, else HTML in the form that the journal shows as such."""
    blocks = markdown.parse(text)
    if all(_is_plain(block) for block in blocks):
        plain = "\n\n".join(
            "".join(run.text for run in block.runs) for block in blocks if isinstance(block, Paragraph)
        )
        if _plain_blocks(plain) == blocks and not any(_coded(plain)):
            return plain
    return f"[code]{html.write(blocks).replace('[/code]', '[/code&#93;')}[/code]"


def markdown_from_journal(text: str) -> str:
    """Markdown of a journal entry."""
    blocks: list[Block] = []
    at = 0
    for start, code, end in _coded(text):
        blocks.extend(_plain_blocks(text[at:start]))
        blocks.extend(html.parse(code))
        at = end
    blocks.extend(_plain_blocks(text[at:]))
    return markdown.write(blocks)


def _coded(text: str) -> Iterator[tuple[int, str, int]]:
    """Each HTML with where its marks begin and end; goes through the text once, also where marks are not closed."""
    at = 0
    while (opened := _OPEN.search(text, at)) and (closed := _CLOSE.search(text, opened.end())):
        yield opened.start(), text[opened.end() : closed.start()], closed.end()
        at = closed.end()


def markdown_from_plain(text: str) -> str:
    """Markdown that shows as the plain text does."""
    return markdown.write(_plain_blocks(text))


def _is_plain(block: Block) -> bool:
    return isinstance(block, Paragraph) and all(not run.marks and not run.href for run in block.runs)


def _plain_blocks(text: str) -> tuple[Block, ...]:
    blocks: list[Block] = []
    for part in _GAP.split(text.replace("\r\n", "\n").strip("\n")):
        if _indented(part):
            blocks.append(Code(part))
        elif runs := tidy(_lines(part)):
            blocks.append(Paragraph(runs))
    return tuple(blocks)


def _indented(part: str) -> bool:
    """Whether every line of several is set in, as logs and listings are."""
    lines = part.split("\n")
    return len(lines) > 1 and all(line.startswith(("    ", "\t")) for line in lines)


def _lines(part: str) -> list[Run]:
    runs: list[Run] = []
    for line in part.split("\n"):
        if runs:
            runs.append(BREAK)
        runs.append(Run(" ".join(line.split())))
    return runs
