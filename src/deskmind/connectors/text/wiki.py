"""Jira's older wiki markup to Markdown: what interface version 2 and the service desk's portal give."""

from __future__ import annotations

import re

__all__ = ["markdown_from_wiki"]

_BLOCK = re.compile(r"\{(code|noformat)(?::([^}]*))?\}\n?(.*?)\n?\{\1\}", re.DOTALL)
_INLINE = (
    (re.compile(r"\[([^\]|\n]+)\|([^\]|\s]+)(?:\|[^\]]*)?\]"), r"[\1](\2)"),
    (re.compile(r"\[(https?://[^\]\s|]+)\]"), r"<\1>"),
    (re.compile(r"\{\{([^}\n]+)\}\}"), r"`\1`"),
    (re.compile(r"(?<![\w*])\*(\S(?:[^*\n]*\S)?)\*(?![\w*])"), r"**\1**"),
    (re.compile(r"(?<![\w_])_(\S(?:[^_\n]*\S)?)_(?![\w_])"), r"*\1*"),
    (re.compile(r"(?<![\w-])-(\S(?:[^-\n]*\S)?)-(?![\w-])"), r"~~\1~~"),
)
_HEADING = re.compile(r"^h([1-6])\.\s+(.*)$")
_ITEM = re.compile(r"^([*#-]+)\s+(.*)$")


def markdown_from_wiki(text: str) -> str:
    """Markdown of wiki markup; what is not understood stays as it is."""
    parts: list[str] = []
    at = 0
    for found in _BLOCK.finditer(text):
        parts.append(_lines(text[at : found.start()]))
        language = (found[2] or "").split("|")[0]
        parts.append(f"\n```{language if language.isalnum() else ''}\n{found[3]}\n```\n")
        at = found.end()
    parts.append(_lines(text[at:]))
    return "".join(parts).strip()


def _lines(text: str) -> str:
    return "\n".join(_line(line) for line in text.replace("\r\n", "\n").split("\n"))


def _line(line: str) -> str:
    if found := _HEADING.match(line):
        return f"{'#' * int(found[1])} {_inline(found[2])}"
    if line.strip() == "----":
        return "---"
    if line.startswith("bq. "):
        return f"> {_inline(line[4:])}"
    if found := _ITEM.match(line):
        indent = "    " * (len(found[1]) - 1)
        return f"{indent}{'1.' if found[1][-1] == '#' else '-'} {_inline(found[2])}"
    return _inline(line)


def _inline(line: str) -> str:
    for pattern, replacement in _INLINE:
        line = pattern.sub(replacement, line)
    return line
