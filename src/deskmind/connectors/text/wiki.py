"""Jira's older wiki markup to Markdown: what interface version 2 and the service desk's portal give."""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["markdown_from_wiki"]

_OPEN = re.compile(r"\{(code|noformat)([:}])")
_BRACKETS = (
    (
        re.compile(r"(?<![^|])([^\[|]*+)\[([^\]|]+)\|([^\]|\s]+)(?:\|[^\]]*)?\]"),
        r"\1[\2](\3)",
    ),
    (
        re.compile(r"(?<![^\s|])((?:(?!\[https?://)[^\]\s|])*+)\[(https?://[^\]\s|]+)\]"),
        r"\1<\2>",
    ),
)
_INLINE = (
    (re.compile(r"(?<![^}])((?:(?!\{\{)[^}])*+)\{\{([^}]+)\}\}"), r"\1`\2`"),
    (re.compile(r"(?<![\w*])\*(\S(?:[^*]*\S)?)\*(?![\w*])"), r"**\1**"),
    (re.compile(r"(?<![\w_])_(\S(?:[^_]*\S)?)_(?![\w_])"), r"*\1*"),
    (re.compile(r"(?<![\w-])-(\S(?:[^-]*\S)?)-(?![\w-])"), r"~~\1~~"),
)
"""Each begins where a part of the line begins that may hold a match, so that a line is gone through once, whatever is in it."""
_HEADING = re.compile(r"^h([1-6])\.\s+(.*)$")
_ITEM = re.compile(r"^([*#-]+)\s+(.*)$")


def markdown_from_wiki(text: str) -> str:
    """Markdown of wiki markup; what is not understood stays as it is."""
    parts: list[str] = []
    at = 0
    for start, language, code, end in _blocks(text):
        parts.append(_lines(text[at:start]))
        parts.append(f"\n```{language if language.isalnum() else ''}\n{code}\n```\n")
        at = end
    parts.append(_lines(text[at:]))
    return "".join(parts).strip()


def _blocks(text: str) -> Iterator[tuple[int, str, str, int]]:
    """Blocks of code: where each begins, its language, its text and where it ends. A mark that is never closed opens none."""
    at = 0
    unclosed: set[str] = set()
    while opened := _OPEN.search(text, at):
        name, at = opened[1], opened.end()
        if name in unclosed:
            continue
        brace = text.find("}", at - 1)
        if brace < 0:
            return
        close = f"{{{name}}}"
        closed = text.find(close, brace + 1)
        if closed < 0:
            unclosed.add(name)
            continue
        code = text[brace + 1 : closed].removeprefix("\n").removesuffix("\n")
        at = closed + len(close)
        yield opened.start(), text[opened.end() : brace].split("|", maxsplit=1)[0], code, at


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
    for pattern, replacement in _BRACKETS:
        *parts, rest = line.split("]")  # a link ends with the first bracket that closes
        line = "".join([*(pattern.sub(replacement, f"{part}]") for part in parts), rest])
    for pattern, replacement in _INLINE:
        line = pattern.sub(replacement, line)
    return line
