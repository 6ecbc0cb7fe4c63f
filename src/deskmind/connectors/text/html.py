"""HTML to the tree and back: what knowledge articles, Freshservice texts and Confluence pages use."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

from selectolax.lexbor import LexborHTMLParser, LexborNode

from deskmind.connectors.text import markdown
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

__all__ = ["html_from_markdown", "markdown_from_html", "parse", "write"]

_MARKS: dict[str, Mark] = {
    "strong": "strong",
    "b": "strong",
    "em": "em",
    "i": "em",
    "del": "strike",
    "s": "strike",
    "strike": "strike",
    "code": "code",
    "tt": "code",
    "kbd": "code",
}
_TAGS: tuple[tuple[Mark, str], ...] = (
    ("strike", "del"),
    ("strong", "strong"),
    ("em", "em"),
    ("code", "code"),
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_UNSEEN = frozenset(
    {"script", "style", "head", "title", "template", "noscript", "iframe", "object", "svg", "-comment"}
)
_BLOCKS = frozenset(
    "p div section article header footer main aside table ul ol dl pre blockquote hr h1 h2 h3 h4 h5 h6 figure form "
    "fieldset address details center".split()
)
_SPACE = re.compile(r"[ \t\r\n\f\v]+")
_DEEPEST = 100
"""So deep elements nest here; what is below keeps its text alone. An e-mail with as many replies is rare."""
_LONGEST_NUMBER = 9
"""Digits of an item's number, as in CommonMark."""
_PARTS = frozenset("li tr td th tbody thead tfoot caption colgroup".split())
"""What means something within its list or table alone."""


def markdown_from_html(text: str) -> str:
    """Markdown for an HTML text."""
    return markdown.write(parse(text)) if text.strip() else ""


def html_from_markdown(text: str) -> str:
    """HTML for a Markdown text; anything that is not one of its constructs is text in it, not markup."""
    return write(markdown.parse(text))


def parse(text: str) -> tuple[Block, ...]:
    """The blocks of an HTML text; what nests deeper than 100 elements is plain text in them."""
    root = LexborHTMLParser(text).body
    if root is None:
        return ()
    if text.count("<") > _DEEPEST:
        _flatten(root)
    return tuple(_blocks(root))


def _flatten(root: LexborNode) -> None:
    """Put its text in the place of each element that is too deep."""
    waiting = [(root, 0)]
    while waiting:
        node, depth = waiting.pop()
        if depth > _DEEPEST and node.tag not in _PARTS and node.tag not in _UNSEEN:
            node.replace_with(_plain(node))
        else:
            waiting.extend((child, depth + 1) for child in node.iter())


def _plain(root: LexborNode) -> str:
    """What is to be read in an element, without recursion."""
    pieces: list[str] = []
    waiting: list[LexborNode | None] = [root]
    while waiting:
        node = waiting.pop()
        if node is None or node.tag == "br":
            pieces.append(" ")
        elif node.tag == "-text":
            pieces.append(node.text_content or "")
        elif node.tag not in _UNSEEN:
            apart = [None] if node.tag in _BLOCKS or node.tag in _PARTS else []
            waiting += [*apart, *reversed(list(node.iter(include_text=True))), *apart]
    return "".join(pieces)


def _blocks(node: LexborNode) -> Iterable[Block]:
    runs: list[Run] = []
    for child in node.iter(include_text=True):
        if _is_block(child):
            yield from _flushed(runs)
            yield from _block(child)
        else:
            runs.extend(_inline(child, frozenset(), ""))
    yield from _flushed(runs)


def _is_block(node: LexborNode) -> bool:
    tag = node.tag or ""
    if tag in _BLOCKS:
        return True
    if tag in {"-text", "br", "img"} or tag in _UNSEEN:
        return False
    return any(_is_block(child) for child in node.iter())


def _flushed(runs: list[Run]) -> Iterable[Block]:
    tidied = tidy(_collapsed(runs))
    runs.clear()
    if tidied:
        yield Paragraph(tidied)


def _block(node: LexborNode) -> Iterable[Block]:
    tag = node.tag or ""
    if tag in _HEADINGS:
        yield Heading(_HEADINGS[tag], _runs(node))
    elif tag in {"ul", "ol"}:
        yield _list(node, ordered=tag == "ol")
    elif tag == "pre":
        yield _code(node)
    elif tag == "blockquote":
        yield Quote(tuple(_blocks(node)))
    elif tag == "hr":
        yield Rule()
    elif tag == "table":
        yield from _table(node)
    else:
        yield from _blocks(node)


def _list(node: LexborNode, *, ordered: bool) -> Items:
    items = tuple(tuple(_blocks(child)) for child in node.iter() if child.tag == "li")
    start = (node.attributes.get("start") or "1") if ordered else "0"
    return Items(items, int(start) if start.isdecimal() and len(start) <= _LONGEST_NUMBER else 1)


def _code(node: LexborNode) -> Code:
    inner = node.css_first("code")
    named = (inner.attributes.get("class") or "") if inner is not None else ""
    language = next((one[9:] for one in named.split() if one.startswith("language-")), "")
    return Code((node.text(deep=True) or "").removesuffix("\n"), language)


def _table(node: LexborNode) -> Iterable[Block]:
    rows = [
        tuple(_runs(cell) for cell in row.iter() if cell.tag in {"td", "th"})
        for row in node.css("tr")
        if _nearest_table(row) == node
    ]
    rows = [row for row in rows if row]
    if not rows:
        return
    width = max(len(row) for row in rows)
    yield Table(tuple(row + ((),) * (width - len(row)) for row in rows))


def _nearest_table(node: LexborNode) -> LexborNode | None:
    parent = node.parent
    while parent is not None and parent.tag != "table":
        parent = parent.parent
    return parent


def _runs(node: LexborNode) -> tuple[Run, ...]:
    runs: list[Run] = []
    for child in node.iter(include_text=True):
        if runs and _is_block(child):
            runs.append(BREAK)
        runs.extend(_inline(child, frozenset(), ""))
    return tidy(_collapsed(runs))


def _inline(node: LexborNode, marks: frozenset[Mark], href: str) -> Iterable[Run]:
    tag = node.tag or ""
    if tag == "-text":
        text = node.text_content or ""
        yield Run(_SPACE.sub(" ", text), marks, href)
    elif tag == "br":
        yield BREAK
    elif tag == "img":
        yield Run(
            node.attributes.get("alt") or "image", frozenset({"image"}), node.attributes.get("src") or ""
        )
    elif tag not in _UNSEEN:
        mark = _MARKS.get(tag)
        inner: frozenset[Mark] = frozenset((*marks, mark)) if mark else marks
        address = (node.attributes.get("href") or "") if tag == "a" else href
        for child in node.iter(include_text=True):
            yield from _inline(child, inner, address)


def _collapsed(runs: Iterable[Run]) -> Iterable[Run]:
    """Space after space shows as one."""
    ends_in_space = True
    for run in runs:
        text = run.text
        if run != BREAK and ends_in_space and "image" not in run.marks:
            text = text.lstrip(" ")
        if text:
            ends_in_space = run == BREAK or text.endswith(" ")
            yield Run(text, run.marks, run.href)


def write(blocks: Iterable[Block]) -> str:
    """HTML of blocks."""
    return "".join(_written(block) for block in blocks)


def _written(block: Block) -> str:
    match block:
        case Paragraph(runs):
            return f"<p>{_text(runs)}</p>"
        case Heading(level, runs):
            return f"<h{level}>{_text(runs)}</h{level}>"
        case Code(text, language):
            named = f' class="language-{html.escape(language)}"' if language else ""
            return f"<pre><code{named}>{html.escape(text, quote=False)}\n</code></pre>"
        case Quote(inner):
            return f"<blockquote>{write(inner)}</blockquote>"
        case Items(items, start):
            tag = "ol" if start else "ul"
            first = f' start="{start}"' if start > 1 else ""
            return f"<{tag}{first}>{''.join(f'<li>{write(item)}</li>' for item in items)}</{tag}>"
        case Rule():
            return "<hr>"
        case Table(rows):
            return f"<table>{''.join(_row(row, head=place == 0) for place, row in enumerate(rows))}</table>"


def _row(cells: Iterable[tuple[Run, ...]], *, head: bool) -> str:
    tag = "th" if head else "td"
    return f"<tr>{''.join(f'<{tag}>{_text(cell)}</{tag}>' for cell in cells)}</tr>"


def _text(runs: Iterable[Run]) -> str:
    return "".join(_run(run) for run in runs)


def _run(run: Run) -> str:
    if run == BREAK:
        return "<br>"
    if "image" in run.marks:
        return f'<img src="{html.escape(run.href)}" alt="{html.escape(run.text)}">'
    text = html.escape(run.text, quote=False)
    for mark, tag in reversed(_TAGS):
        if mark in run.marks:
            text = f"<{tag}>{text}</{tag}>"
    return f'<a href="{html.escape(run.href)}">{text}</a>' if run.href else text
