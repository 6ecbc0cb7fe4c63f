"""HTML through selectolax (lexbor)."""

from __future__ import annotations

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

from deskmind.errors import UnreadableDocumentError
from deskmind.knowledge.loading.limits import LoadLimits
from deskmind.knowledge.loading.text import DocumentBuilder, decode
from deskmind.knowledge.models import LoadedDocument

__all__ = ["load_html"]

_DROPPED = ("script", "style", "noscript", "nav", "template", "svg", "iframe", "form", "footer")
_HEADING = re.compile(r"h[1-6]")
_BLOCK_TAGS = {
    "p",
    "div",
    "section",
    "article",
    "main",
    "ul",
    "ol",
    "table",
    "pre",
    "blockquote",
    "dl",
    "body",
    "header",
    "aside",
    "figure",
    "details",
    "address",
    "center",
    "fieldset",
    "li",
    "dd",
    "dt",
    "td",
    "tr",
    "tbody",
}
_SPACE = re.compile(r"[ \t\n\r\f\xa0]+")
_MAX_DEPTH = 200
_MAX_NESTING = 1_000
_OPEN_OR_CLOSE = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,30})[^<>]{0,2000}>")
_UNCLOSED = frozenset(
    [
        "p",
        "li",
        "td",
        "tr",
        "th",
        "dt",
        "dd",
        "option",
        "br",
        "hr",
        "img",
        "input",
        "meta",
        "link",
        "col",
        "area",
        "base",
        "embed",
        "source",
        "track",
        "wbr",
        "thead",
        "tbody",
    ]
)


def load_html(data: bytes, name: str, limits: LoadLimits) -> list[LoadedDocument]:
    """One document; the title is the first heading of the text, else the ``title`` element."""
    text = decode(name, data)
    _check_depth(text, name)
    tree = LexborHTMLParser(text)
    tree.strip_tags(list(_DROPPED))
    named = tree.css_first("title")
    builder = DocumentBuilder(name, "text/html", limits)
    if tree.body is not None:
        _Reader(builder).read(tree.body, 0)
    document_title = named.text(strip=True) if named is not None else None
    return [builder.build(builder.first_heading or document_title or None)]


def _check_depth(text: str, name: str) -> None:
    """Refuse markup nested so deep that a parser needs quadratic time on it."""
    depth = 0
    for found in _OPEN_OR_CLOSE.finditer(text):
        if found[2].lower() in _UNCLOSED or found[0].endswith("/>"):
            continue
        depth = max(0, depth - 1) if found[1] else depth + 1
        if depth > _MAX_NESTING:
            raise UnreadableDocumentError(
                f"{name} nests its markup more than {_MAX_NESTING:,} levels deep.",
                why="No real page does; it would keep a parser busy for minutes.",
                remedy="Export the page anew, or save it as text.",
            )


class _Reader:
    def __init__(self, builder: DocumentBuilder) -> None:
        self._builder = builder
        self._inline: list[str] = []

    def read(self, node: LexborNode, depth: int) -> None:
        """Walk the children of a container, gathering loose text into paragraphs."""
        for child in node.iter(include_text=True):
            tag = child.tag or ""
            if _HEADING.fullmatch(tag):
                self._flush()
                self._builder.heading(int(tag[1]), child.text(deep=True))
            elif tag in _BLOCK_TAGS and depth < _MAX_DEPTH:
                self._flush()
                self._structure(child, tag, depth)
            elif tag in {"br", "hr"}:
                self._inline.append("\n")
            else:
                self._inline.append(_text(child))
        self._flush()

    def _structure(self, node: LexborNode, tag: str, depth: int) -> None:
        if tag in {"ul", "ol"}:
            self._builder.block("list", "\n".join(_items(node, ordered=tag == "ol", indent=0)))
        elif tag == "table":
            self._table(node)
        elif tag == "pre":
            self._builder.block("code", node.text(deep=True))
        elif tag == "blockquote":
            self._builder.block("quote", _flat(_text(node)))
        elif tag == "dl":
            self._builder.block("list", "\n".join(_definitions(node)))
        else:
            self.read(node, depth + 1)

    def _table(self, node: LexborNode) -> None:
        rows = [[_flat(_text(cell)) for cell in row.css("th, td")] for row in node.css("tr")]
        rows = [row for row in rows if any(row)]
        if not rows:
            return
        lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
        lines.insert(1, "|" + " --- |" * len(rows[0]))
        self._builder.block("table", "\n".join(lines))

    def _flush(self) -> None:
        lines = [_flat(line) for line in "".join(self._inline).split("\n")] if self._inline else []
        self._inline.clear()
        self._builder.block("paragraph", "\n".join(line for line in lines if line))


def _text(node: LexborNode) -> str:
    return _SPACE.sub(" ", node.text(deep=True))


def _flat(text: str) -> str:
    return " ".join(text.split())


def _items(node: LexborNode, *, ordered: bool, indent: int) -> list[str]:
    lines: list[str] = []
    number = 0
    for item in node.iter():
        if item.tag != "li":
            continue
        number += 1
        own, nested = _item(item, indent)
        lines.append(f"{'  ' * indent}{f'{number}.' if ordered else '-'} {own}")
        lines.extend(nested)
    return lines


def _item(item: LexborNode, indent: int) -> tuple[str, list[str]]:
    own: list[str] = []
    nested: list[str] = []
    for child in item.iter(include_text=True):
        if child.tag in {"ul", "ol"} and indent < _MAX_DEPTH:
            nested.extend(_items(child, ordered=child.tag == "ol", indent=indent + 1))
        else:
            own.append(_text(child))
            own.append(" ")
    return _flat("".join(own)), nested


def _definitions(node: LexborNode) -> list[str]:
    lines: list[str] = []
    for child in node.iter():
        if child.tag == "dt":
            lines.append(f"- {_flat(_text(child))}:")
        elif child.tag == "dd":
            lines.append(f"  {_flat(_text(child))}")
    return lines
