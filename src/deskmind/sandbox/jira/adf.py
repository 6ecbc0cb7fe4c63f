"""Rich text: Atlassian Document Format (API 3) to and from wiki text (API 2)."""

from __future__ import annotations

import re
from typing import Any

from deskmind.sandbox.jira.shape import mapping

Node = dict[str, Any]

_INLINE = re.compile(
    r"\{\{(?P<code>[^}]+)\}\}|\[(?P<label>[^|\]\n]+)\|(?P<href>[^\]\s]+)\]|\*(?P<strong>[^*\n]+)\*|_(?P<em>[^_\n]+)_"
)
_WRAP = {"strong": "*", "em": "_", "strike": "-", "underline": "+"}


def is_document(value: object) -> bool:
    """Whether a value is an ADF document in form."""
    held = mapping(value)
    return held.get("type") == "doc" and isinstance(held.get("content"), list)


def document(*blocks: Node) -> Node:
    """A document of these blocks."""
    return {"type": "doc", "version": 1, "content": list(blocks)}


def paragraphs(text: str) -> Node:
    """A document with one paragraph for each line that says something."""
    return document(*(_paragraph(line) for line in text.split("\n") if line.strip()))


def from_wiki(text: str) -> Node:
    """The document that wiki text describes: headings, lists, quotes, code blocks, marks and links."""
    blocks: list[Node] = []
    lines = iter(text.replace("\r\n", "\n").split("\n"))
    for line in lines:
        if line.startswith(("{code", "{noformat")):
            blocks.append(_code_block(line, lines))
        elif line.strip():
            _add_block(blocks, line)
    return document(*blocks)


def to_wiki(node: Node | None) -> str:
    """The wiki text of a document."""
    if node is None:
        return ""
    return "\n\n".join(part for part in (_block(each) for each in node.get("content", [])) if part)


def plain(node: Node | None) -> str:
    """The words alone, as the index and notification texts have them."""
    if node is None:
        return ""
    own = str(node.get("text", ""))
    return own + " ".join(plain(each) for each in node.get("content", []))


def _paragraph(line: str) -> Node:
    return {"type": "paragraph", "content": _inline(line)}


def _add_block(blocks: list[Node], line: str) -> None:
    heading = re.match(r"h([1-6])\.\s+(.*)", line)
    item = re.match(r"([*#-])\s+(.*)", line)
    if heading:
        attrs = {"level": int(heading[1])}
        blocks.append({"type": "heading", "attrs": attrs, "content": _inline(heading[2])})
    elif item:
        _add_item(blocks, "orderedList" if item[1] == "#" else "bulletList", item[2])
    elif line.startswith("bq. "):
        blocks.append({"type": "blockquote", "content": [_paragraph(line[4:])]})
    elif line.strip() == "----":
        blocks.append({"type": "rule"})
    else:
        blocks.append(_paragraph(line))


def _add_item(blocks: list[Node], kind: str, text: str) -> None:
    item = {"type": "listItem", "content": [_paragraph(text)]}
    if blocks and blocks[-1]["type"] == kind:
        blocks[-1]["content"].append(item)
    else:
        blocks.append({"type": kind, "content": [item]})


def _code_block(opening: str, lines: Any) -> Node:
    closing = "{code}" if opening.startswith("{code") else "{noformat}"
    held: list[str] = []
    for line in lines:
        if line.strip() == closing:
            break
        held.append(line)
    language = re.match(r"\{code:(?:.*\|)?([a-z]+)", opening)
    text = "\n".join(held)
    content = [{"type": "text", "text": text}] if text else []
    attrs = {"language": language[1]} if language else {}
    return {"type": "codeBlock", "attrs": attrs, "content": content}


def _inline(text: str) -> list[Node]:
    found: list[Node] = []
    end = 0
    for match in _INLINE.finditer(text):
        if match.start() > end:
            found.append({"type": "text", "text": text[end : match.start()]})
        found.append(_marked(match))
        end = match.end()
    if end < len(text):
        found.append({"type": "text", "text": text[end:]})
    return found


def _marked(match: re.Match[str]) -> Node:
    if match["href"]:
        mark: Node = {"type": "link", "attrs": {"href": match["href"]}}
        return {"type": "text", "text": match["label"], "marks": [mark]}
    kind = next(name for name in ("code", "strong", "em") if match[name])
    return {"type": "text", "text": match[kind], "marks": [{"type": kind}]}


def _block(node: Node) -> str:
    inner: list[Node] = node.get("content", [])
    match node.get("type"):
        case "heading":
            return f"h{node.get('attrs', {}).get('level', 1)}. {_line(inner)}"
        case "bulletList" | "orderedList":
            return _list(node, "")
        case "codeBlock":
            language = node.get("attrs", {}).get("language")
            opening = f"{{code:{language}}}" if language else "{code}"
            return f"{opening}\n{_line(inner)}\n{{code}}"
        case "blockquote":
            return "\n".join("bq. " + _block(each) for each in inner)
        case "rule":
            return "----"
        case "paragraph":
            return _line(inner)
        case _:
            return "\n".join(_block(each) for each in inner) if inner else _line([node])


def _list(node: Node, depth: str) -> str:
    mark = depth + ("#" if node["type"] == "orderedList" else "*")
    lines: list[str] = []
    for item in node.get("content", []):
        for child in item.get("content", []):
            nested = child.get("type") in ("bulletList", "orderedList")
            lines.append(_list(child, mark) if nested else f"{mark} {_block(child)}")
    return "\n".join(lines)


def _line(nodes: list[Node]) -> str:
    return "".join(_text(node) for node in nodes)


def _text(node: Node) -> str:
    match node.get("type"):
        case "hardBreak":
            return "\n"
        case "mention":
            return f"[~accountid:{node.get('attrs', {}).get('id', '')}]"
        case "emoji":
            return str(node.get("attrs", {}).get("shortName", ""))
        case "inlineCard":
            return str(node.get("attrs", {}).get("url", ""))
        case _:
            return _with_marks(str(node.get("text", "")), node.get("marks", []))


def _with_marks(text: str, marks: list[Node]) -> str:
    for mark in marks:
        kind = mark.get("type", "")
        if kind == "code":
            text = f"{{{{{text}}}}}"
        elif kind == "link":
            text = f"[{text}|{mark.get('attrs', {}).get('href', '')}]"
        elif kind in _WRAP:
            text = f"{_WRAP[kind]}{text}{_WRAP[kind]}"
    return text
