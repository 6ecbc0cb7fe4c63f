"""Rich text as HTML, for rendered fields and the knowledge base."""

from __future__ import annotations

from html import escape
from typing import Any

_TAGS = {
    "paragraph": "p",
    "bulletList": "ul",
    "orderedList": "ol",
    "listItem": "li",
    "blockquote": "blockquote",
    "table": "table",
    "tableRow": "tr",
    "tableHeader": "th",
    "tableCell": "td",
}
_MARKS = {"strong": "strong", "em": "em", "code": "code", "strike": "del", "underline": "u"}


def to_html(node: dict[str, Any] | None) -> str:
    """The HTML of a document or a part of one."""
    if node is None:
        return ""
    kind = node.get("type", "")
    if kind == "text":
        return _marked(escape(str(node.get("text", "")), quote=False), node.get("marks", []))
    inner = "".join(to_html(each) for each in node.get("content", []))
    if kind == "heading":
        level = node.get("attrs", {}).get("level", 1)
        return f"<h{level}>{inner}</h{level}>"
    if kind == "codeBlock":
        return f"<pre>{inner}</pre>"
    if kind in ("hardBreak", "rule"):
        return "<br/>" if kind == "hardBreak" else "<hr/>"
    tag = _TAGS.get(kind)
    return f"<{tag}>{inner}</{tag}>" if tag else inner


def _marked(text: str, marks: list[dict[str, Any]]) -> str:
    for mark in marks:
        kind = mark.get("type", "")
        if kind == "link":
            href = escape(str(mark.get("attrs", {}).get("href", "")))
            text = f'<a href="{href}">{text}</a>'
        elif kind in _MARKS:
            text = f"<{_MARKS[kind]}>{text}</{_MARKS[kind]}>"
    return text
