"""Markdown (CommonMark with tables and strikethrough) to the tree and back.

Of HTML in Markdown only inline marks and line breaks are understood; they are also what is written where delimiters
alone would be ambiguous. Other tags stay text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from deskmind.connectors.text.tree import (
    BREAK,
    Block,
    Code,
    Heading,
    Items,
    Mark,
    Paragraph,
    Quote,
    Rule,
    Run,
    Table,
    tidy,
)

__all__ = ["parse", "write"]

_TAGS: dict[str, Mark] = {
    "strong": "strong",
    "b": "strong",
    "em": "em",
    "i": "em",
    "del": "strike",
    "s": "strike",
    "strike": "strike",
}
_TAG = re.compile(r"<(/?)([a-z]+)\s*/?>", re.IGNORECASE)
_OPENS: dict[str, Mark] = {"strong_open": "strong", "em_open": "em", "s_open": "strike"}
_CLOSES: dict[str, Mark] = {"strong_close": "strong", "em_close": "em", "s_close": "strike"}
_DELIMITERS: tuple[tuple[Mark, str, str], ...] = (
    ("strike", "~~", "del"),
    ("strong", "**", "strong"),
    ("em", "*", "em"),
)
_LIGHT = re.compile(r"[\\`*<>\[\]|]|&(?=#?\w+;)|(?<!\w)_|_(?!\w)|~(?=~)|(?<=~)~")
_FULL = re.compile(r"[!-/:-@\[-`{-~]")
_LINE_START = re.compile(r"^(\s*)(#{1,6}(?=\s|$)|[+\-=>](?=\s|$|[+\-=])|:?-+)", re.MULTILINE)
_NUMBER_START = re.compile(r"^(\s*\d+)([.)])", re.MULTILINE)
_FENCE = re.compile(r"`+")


@cache
def _parser() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    made.parse("x")  # it puts its rules together at the first text, which two threads may bring at once
    return made


def parse(text: str) -> tuple[Block, ...]:
    """The blocks of a Markdown text."""
    return _Reader(_parser().parse(text)).blocks("")


class _Reader:
    """Goes through markdown-it's tokens once."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def blocks(self, end: str) -> tuple[Block, ...]:
        found: list[Block] = []
        while self._at < len(self._tokens):
            token = self._take()
            if token.type == end:
                break
            block = self._block(token)
            if block is not None:
                found.append(block)
        return tuple(found)

    def _take(self) -> Token:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _block(self, token: Token) -> Block | None:
        readers: dict[str, Callable[[Token], Block | None]] = {
            "paragraph_open": lambda _: _paragraph(self._inline("paragraph_close")),
            "heading_open": lambda one: Heading(int(one.tag[1]), self._inline("heading_close")),
            "fence": lambda one: Code(one.content.removesuffix("\n"), one.info.strip().split(" ")[0]),
            "code_block": lambda one: Code(one.content.removesuffix("\n")),
            "blockquote_open": lambda _: Quote(self.blocks("blockquote_close")),
            "bullet_list_open": lambda _: Items(self._items("bullet_list_close")),
            "ordered_list_open": lambda one: Items(self._items("ordered_list_close"), _start(one)),
            "hr": lambda _: Rule(),
            "table_open": lambda _: self._table(),
            "html_block": lambda one: _paragraph(tidy(_html_text(one.content))),
        }
        reader = readers.get(token.type)
        return reader(token) if reader else None

    def _inline(self, end: str) -> tuple[Run, ...]:
        runs: tuple[Run, ...] = ()
        while (token := self._take()).type != end:
            if token.type == "inline":
                runs = tidy(_runs(token.children or []))
        return runs

    def _items(self, end: str) -> tuple[tuple[Block, ...], ...]:
        items: list[tuple[Block, ...]] = []
        while (token := self._take()).type != end:
            if token.type == "list_item_open":
                items.append(self.blocks("list_item_close"))
        return tuple(items)

    def _table(self) -> Table:
        rows: list[tuple[tuple[Run, ...], ...]] = []
        cells: list[tuple[Run, ...]] = []
        while (token := self._take()).type != "table_close":
            if token.type == "tr_open":
                cells = []
            elif token.type in {"th_open", "td_open"}:
                cells.append(self._inline(token.type.replace("open", "close")))
            elif token.type == "tr_close":
                rows.append(tuple(cells))
        return Table(tuple(rows))


def _paragraph(runs: tuple[Run, ...]) -> Paragraph | None:
    return Paragraph(runs) if runs else None


def _start(token: Token) -> int:
    start = token.attrGet("start")
    return int(start) if start is not None else 1


def _html_text(content: str) -> Iterable[Run]:
    for line in content.strip().splitlines():
        yield Run(line)
        yield BREAK


def _runs(tokens: Sequence[Token]) -> Iterable[Run]:
    marks: list[Mark] = []
    href = ""
    for token in tokens:
        if token.type in _OPENS:
            marks.append(_OPENS[token.type])
        elif token.type in _CLOSES:
            _drop(marks, _CLOSES[token.type])
        elif token.type == "link_open":
            href = str(token.attrGet("href") or "")
        elif token.type == "link_close":
            href = ""
        elif token.type == "html_inline":
            yield from _tag(token.content, marks, href)
        else:
            yield from _leaf(token, frozenset(marks), href)


def _leaf(token: Token, marks: frozenset[Mark], href: str) -> Iterable[Run]:
    match token.type:
        case "text":
            yield Run(token.content, marks, href)
        case "code_inline":
            yield Run(token.content, frozenset((*marks, "code")), href)
        case "softbreak":
            yield Run(" ", marks, href)
        case "hardbreak":
            yield BREAK
        case "image":
            yield Run(token.content or "image", frozenset({"image"}), str(token.attrGet("src") or ""))
        case _:
            pass


def _tag(content: str, marks: list[Mark], href: str) -> Iterable[Run]:
    found = _TAG.fullmatch(content.strip())
    name = found[2].lower() if found else ""
    if name == "br":
        yield BREAK
    elif found and name in _TAGS:
        if found[1]:
            _drop(marks, _TAGS[name])
        else:
            marks.append(_TAGS[name])
    else:
        yield Run(content, frozenset(marks), href)


def _drop(marks: list[Mark], mark: Mark) -> None:
    for place in range(len(marks) - 1, -1, -1):
        if marks[place] == mark:
            del marks[place]
            return


def write(blocks: Iterable[Block]) -> str:
    """Markdown that parses into the same blocks."""
    return "\n\n".join(_written(_apart(blocks)))


def _apart(blocks: Iterable[Block]) -> Iterable[tuple[Block, bool]]:
    """Blocks, each with whether it follows a list of its own kind, which Markdown would take for one list."""
    previous: Block | None = None
    other = False
    for block in blocks:
        alike = (
            isinstance(block, Items)
            and isinstance(previous, Items)
            and bool(block.start) == bool(previous.start)
        )
        other = not other if alike else False
        yield block, other
        previous = block


def _written(blocks: Iterable[tuple[Block, bool]]) -> Iterable[str]:
    for block, other in blocks:
        match block:
            case Paragraph(runs):
                yield _line(runs)
            case Heading(level, runs):
                yield f"{'#' * level} {_line(runs, single=True)}".rstrip()
            case Code(text, language):
                fence = "`" * max(3, max((len(one) for one in _FENCE.findall(text)), default=0) + 1)
                yield f"{fence}{language}\n{text}\n{fence}" if text else f"{fence}{language}\n{fence}"
            case Quote(inner):
                yield _prefixed(write(inner), "> ", "> ") if inner else ">"
            case Items(items, start):
                yield "\n".join(_item(item, number, start, other) for number, item in enumerate(items))
            case Rule():
                yield "---"
            case Table(rows):
                yield _table(rows)


def _item(blocks: tuple[Block, ...], number: int, start: int, other: bool) -> str:
    bullet = f"{start + number}{')' if other else '.'} " if start else f"{'*' if other else '-'} "
    match blocks:
        case (Paragraph(runs), Items(_, first)) if (
            first <= 1
        ):  # what a list may interrupt: bullets, or it begins with 1
            text, loose = f"{_line(runs)}\n{write(blocks[1:])}", ""
        case _:
            text, loose = write(blocks), "\n" if len(blocks) > 1 else ""
    return _prefixed(text, bullet, " " * len(bullet)) + loose


def _prefixed(text: str, first: str, rest: str) -> str:
    lines = text.split("\n")
    return "\n".join(
        (
            f"{first if place == 0 else rest}{line}".rstrip()
            if not line
            else f"{first if place == 0 else rest}{line}"
        )
        for place, line in enumerate(lines)
    )


def _table(rows: tuple[tuple[tuple[Run, ...], ...], ...]) -> str:
    lines = [f"| {' | '.join(_line(cell, single=True, cell=True) for cell in row)} |" for row in rows]
    width = len(rows[0]) if rows else 0
    return "\n".join([*lines[:1], f"|{' --- |' * width}", *lines[1:]])


def _line(runs: tuple[Run, ...], *, single: bool = False, cell: bool = False) -> str:
    """The runs in the lightest form that reads back as the same runs."""
    forms: tuple[Any, ...] = ((_LIGHT, False), (_FULL, False), (_FULL, True))
    text = ""
    for escaped, tags in forms:
        text = "".join(_chunks(runs, escaped, tags=tags, single=single, cell=cell))
        if not cell:
            text = _NUMBER_START.sub(r"\1\\\2", _LINE_START.sub(r"\1\\\2", text))
        if _reads_as(text, runs, cell=cell):
            return text
    return text


def _reads_as(text: str, runs: tuple[Run, ...], *, cell: bool) -> bool:
    if cell:
        table = parse(f"| {text} | x |\n| --- | --- |")
        return len(table) == 1 and isinstance(table[0], Table) and table[0].rows[0][0] == runs
    blocks = parse(text)
    return len(blocks) == 1 and blocks[0] == Paragraph(runs)


def _chunks(
    runs: Sequence[Run], escaped: re.Pattern[str], *, tags: bool, single: bool, cell: bool
) -> Iterable[str]:
    """Runs with their delimiters opened and closed as marks begin and end."""
    for group in _by_link(runs):
        inner = "".join(_marked(group, escaped, tags=tags, single=single, cell=cell))
        href = group[0].href
        if href and "image" not in group[0].marks:
            yield f"[{inner}]({_address(href)})"
        else:
            yield inner


def _by_link(runs: Sequence[Run]) -> Iterable[list[Run]]:
    group: list[Run] = []
    for run in runs:
        if group and (run.href != group[0].href or "image" in run.marks or "image" in group[0].marks):
            yield group
            group = []
        group.append(run)
    if group:
        yield group


def _marked(
    runs: Sequence[Run], escaped: re.Pattern[str], *, tags: bool, single: bool, cell: bool
) -> Iterable[str]:
    open_: list[Mark] = []
    for run in runs:
        wanted: list[Mark] = [mark for mark, _, _ in _DELIMITERS if mark in run.marks]
        while not set(open_) <= set(wanted):
            yield _delimiter(open_.pop(), tags=tags, closing=True)
        for mark in wanted:
            if mark not in open_:
                open_.append(mark)
                yield _delimiter(mark, tags=tags, closing=False)
        yield _leaf_text(run, escaped, single=single, cell=cell)
    while open_:
        yield _delimiter(open_.pop(), tags=tags, closing=True)


def _leaf_text(run: Run, escaped: re.Pattern[str], *, single: bool, cell: bool) -> str:
    if run == BREAK:
        return "<br>" if single else "\\\n"
    if "image" in run.marks:
        return f"![{_FULL.sub(_escape, run.text)}]({_address(run.href)})"
    if "code" in run.marks:
        return _code(run.text, cell=cell)
    return escaped.sub(_escape, run.text)


def _code(text: str, *, cell: bool) -> str:
    fence = "`" * (max((len(one) for one in _FENCE.findall(text)), default=0) + 1)
    pad = " " if text[:1] in "` " or text[-1:] in "` " else ""
    inner = text.replace("|", "\\|") if cell else text
    return f"{fence}{pad}{inner}{pad}{fence}"


def _delimiter(mark: Mark, *, tags: bool, closing: bool) -> str:
    for name, sign, tag in _DELIMITERS:
        if name == mark:
            return (f"</{tag}>" if closing else f"<{tag}>") if tags else sign
    return ""


def _escape(found: re.Match[str]) -> str:
    return f"\\{found[0]}"


def _address(href: str) -> str:
    return f"<{href}>" if re.search(r"[\s()<>]", href) else href
