"""The Atlassian Document Format (version 1) to the tree and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

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

__all__ = ["adf_from_markdown", "markdown_from_adf", "parse", "write"]

_MARKS: dict[str, Mark] = {"strong": "strong", "em": "em", "strike": "strike", "code": "code"}
_ORDER: tuple[Mark, ...] = ("strong", "em", "strike", "code")
_Node = Mapping[str, Any]


def markdown_from_adf(document: Any) -> str:
    """Markdown of a document; a plain string, which older interfaces give, is taken as it is."""
    if not isinstance(document, Mapping):
        return str(document or "")
    return markdown.write(parse(cast("_Node", document)))


def adf_from_markdown(text: str) -> dict[str, Any]:
    """A document for a Markdown text."""
    return write(markdown.parse(text))


def parse(document: _Node) -> tuple[Block, ...]:
    """The blocks of a document; of nodes that have no equal their text is kept."""
    return tuple(_blocks(_content(document)))


def _content(node: _Node) -> Sequence[_Node]:
    content: Any = node.get("content")
    if not isinstance(content, list):
        return []
    return [cast("_Node", one) for one in cast("list[Any]", content) if isinstance(one, Mapping)]


def _attributes(node: _Node) -> Mapping[str, Any]:
    found = node.get("attrs")
    return cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else {}


def _blocks(nodes: Iterable[_Node]) -> Iterable[Block]:
    loose: list[Run] = []
    for node in nodes:
        inline = list(_inline(node))
        if inline:
            loose.extend(inline)
            continue
        if runs := tidy(loose):
            yield Paragraph(runs)
        loose = []
        yield from _block(node)
    if runs := tidy(loose):
        yield Paragraph(runs)


def _block(node: _Node) -> Iterable[Block]:
    attributes, content = _attributes(node), _content(node)
    match node.get("type"):
        case "paragraph":
            if runs := _runs(content):
                yield Paragraph(runs)
        case "heading":
            yield Heading(min(6, max(1, int(attributes.get("level", 1)))), _runs(content))
        case "codeBlock":
            text = "".join(str(one.get("text", "")) for one in content)
            yield Code(text, str(attributes.get("language") or ""))
        case "blockquote" | "panel":
            yield Quote(tuple(_blocks(content)))
        case "bulletList":
            yield Items(tuple(tuple(_blocks(_content(one))) for one in content))
        case "orderedList":
            yield Items(tuple(tuple(_blocks(_content(one))) for one in content), _first(attributes))
        case "rule":
            yield Rule()
        case _:
            yield from _container(node)


def _container(node: _Node) -> Iterable[Block]:
    """Blocks whose frame has no equal: what is in it stays."""
    attributes, content = _attributes(node), _content(node)
    match node.get("type"):
        case "taskList" | "decisionList":
            yield Items(tuple(_task(one) for one in content))
        case "table":
            yield from _table(content)
        case "expand" | "nestedExpand":
            if title := str(attributes.get("title") or ""):
                yield Paragraph((Run(title, frozenset({"strong"})),))
            yield from _blocks(content)
        case "blockCard" | "embedCard":
            if address := str(attributes.get("url") or ""):
                yield Paragraph((Run(address, href=address),))
        case _:
            yield from _blocks(content)


def _first(attributes: Mapping[str, Any]) -> int:
    order = attributes.get("order", 1)
    return order if isinstance(order, int) and order > 0 else 1


def _task(node: _Node) -> tuple[Block, ...]:
    done = _attributes(node).get("state") == "DONE"
    sign = "[x] " if done else "[ ] "
    runs = _runs(_content(node))
    return (Paragraph(tidy((Run(sign), *runs))),) if node.get("type") == "taskItem" else (Paragraph(runs),)


def _table(content: Sequence[_Node]) -> Iterable[Block]:
    rows = [tuple(_cell(cell) for cell in _content(row)) for row in content]
    rows = [row for row in rows if row]
    if rows:
        width = max(len(row) for row in rows)
        yield Table(tuple(row + ((),) * (width - len(row)) for row in rows))


def _cell(node: _Node) -> tuple[Run, ...]:
    runs: list[Run] = []
    for block in _blocks(_content(node)):
        if runs:
            runs.append(BREAK)
        runs.extend(_flat(block))
    return tidy(runs)


def _flat(block: Block) -> Iterable[Run]:
    """A block's text on one line of a cell."""
    match block:
        case Paragraph(runs) | Heading(_, runs):
            yield from runs
        case Code(text, _):
            for line in text.splitlines():
                yield Run(line, frozenset({"code"}))
                yield BREAK
        case Quote(blocks):
            for inner in blocks:
                yield from _flat(inner)
                yield BREAK
        case Items(items, _):
            for item in items:
                for inner in item:
                    yield from _flat(inner)
                    yield BREAK
        case Rule() | Table(_):
            return


def _runs(nodes: Iterable[_Node]) -> tuple[Run, ...]:
    return tidy(run for node in nodes for run in _inline(node))


def _inline(node: _Node) -> Iterable[Run]:
    attributes = _attributes(node)
    match node.get("type"):
        case "text":
            yield _text(node)
        case "hardBreak":
            yield BREAK
        case "mention":
            yield Run(f"@{str(attributes.get('text') or attributes.get('id') or '').lstrip('@')}")
        case "emoji":
            yield Run(str(attributes.get("text") or attributes.get("shortName") or ""))
        case "inlineCard":
            address = str(attributes.get("url") or "")
            yield Run(address, href=address)
        case "status":
            yield Run(str(attributes.get("text") or ""), frozenset({"strong"}))
        case "date":
            yield Run(str(attributes.get("timestamp") or ""))
        case "media" | "mediaInline":
            yield Run(
                str(attributes.get("alt") or "image"), frozenset({"image"}), str(attributes.get("url") or "")
            )
        case _:
            return


def _text(node: _Node) -> Run:
    marks: set[Mark] = set()
    href = ""
    found = node.get("marks")
    for one in cast("list[Any]", found) if isinstance(found, list) else []:
        mark = cast("_Node", one)
        if mark.get("type") == "link":
            href = str(_attributes(mark).get("href") or "")
        elif (name := _MARKS.get(str(mark.get("type")))) is not None:
            marks.add(name)
    return Run(str(node.get("text", "")), frozenset(marks), href)


def write(blocks: Iterable[Block]) -> dict[str, Any]:
    """A document of blocks."""
    return {"version": 1, "type": "doc", "content": [_written(block) for block in blocks]}


def _written(block: Block) -> dict[str, Any]:
    match block:
        case Paragraph(runs):
            return _node("paragraph", _nodes(runs))
        case Heading(level, runs):
            return {**_node("heading", _nodes(runs)), "attrs": {"level": level}}
        case Code(text, language):
            node = _node("codeBlock", [{"type": "text", "text": text}] if text else [])
            return {**node, "attrs": {"language": language}} if language else node
        case Quote(inner):
            return _node("blockquote", [_written(one) for one in inner] or [_node("paragraph", [])])
        case Items(items, start):
            content = [
                _node("listItem", [_written(one) for one in item] or [_node("paragraph", [])])
                for item in items
            ]
            if not start:
                return _node("bulletList", content)
            return {**_node("orderedList", content), "attrs": {"order": start}}
        case Rule():
            return {"type": "rule"}
        case Table(rows):
            return _node("table", [_row(row, head=place == 0) for place, row in enumerate(rows)])


def _row(cells: Iterable[tuple[Run, ...]], *, head: bool) -> dict[str, Any]:
    name = "tableHeader" if head else "tableCell"
    return _node("tableRow", [_node(name, [_node("paragraph", _nodes(cell))]) for cell in cells])


def _node(name: str, content: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": name, "content": content}


def _nodes(runs: Iterable[Run]) -> list[dict[str, Any]]:
    return [_inline_node(run) for run in runs]


def _inline_node(run: Run) -> dict[str, Any]:
    if run == BREAK:
        return {"type": "hardBreak"}
    if "image" in run.marks:
        return {"type": "text", "text": run.text, "marks": [{"type": "link", "attrs": {"href": run.href}}]}
    # the schema lets code stand with links alone
    wanted = [mark for mark in _ORDER if mark in run.marks]
    kept = ["code"] if "code" in wanted else wanted
    marks: list[dict[str, Any]] = [{"type": mark} for mark in kept]
    if run.href:
        marks.append({"type": "link", "attrs": {"href": run.href}})
    return {"type": "text", "text": run.text, **({"marks": marks} if marks else {})}
