"""Markdown through markdown-it-py, with YAML front matter."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, cast

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from deskmind.knowledge.loading.limits import LoadLimits
from deskmind.knowledge.loading.text import DocumentBuilder, decode, tidy
from deskmind.knowledge.models import LoadedDocument
from deskmind.plain_yaml import PlainLoader

__all__ = ["load_markdown"]

_MAX_VALUE = 1_000
_STUMBLES = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What PyYAML's constructors let out of values such as ``!!bool maybe`` and ``!!int ''``."""
_FRONT = re.compile(r"\A---[ \t]*\n(.{0,20000}?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_MAX_LINE = 20_000
_BLOCKS = {
    "paragraph_open": "paragraph",
    "bullet_list_open": "list",
    "ordered_list_open": "list",
    "table_open": "table",
    "fence": "code",
    "code_block": "code",
    "blockquote_open": "quote",
    "html_block": "html",
}
_LINK = re.compile(r"!?\[([^\]\[]{0,500})\]\(([^()\s]{0,1000})(?:[ ]\"[^\"]{0,200}\")?\)")
_MARKS = re.compile(r"(\*\*|__)(?=\S)(.{1,300}?)(?<=\S)\1")
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,500}>|<!--.{0,2000}?-->", re.DOTALL)


def load_markdown(data: bytes, name: str, limits: LoadLimits) -> list[LoadedDocument]:
    """One document; the title is the front matter's, else the first heading."""
    text = tidy(decode(name, data))
    metadata, body = _front_matter(text)
    builder = DocumentBuilder(name, "text/markdown", limits)
    lines = body.split("\n")
    if max(map(len, lines)) > _MAX_LINE:
        # a parser is of no use on one endless line, and may be slow on it
        builder.block("paragraph", body)
    else:
        parser = MarkdownIt("commonmark", {"maxNesting": 20}).enable("table").disable("inline")
        _read(parser.parse(body), lines, builder)
    title = metadata.pop("title", None)
    return [builder.build(title, metadata)]


def _read(tokens: Sequence[Token], lines: Sequence[str], builder: DocumentBuilder) -> None:
    for position, token in enumerate(tokens):
        if token.level != 0 or token.map is None:
            continue
        if token.type == "heading_open":
            builder.heading(int(token.tag[1]), _plain(tokens[position + 1].content))
        elif token.type in _BLOCKS:
            raw = "\n".join(lines[token.map[0] : token.map[1]])
            kind = _BLOCKS[token.type]
            if kind == "html":
                builder.block("paragraph", _TAG.sub(" ", raw).strip())
            else:
                builder.block(kind, raw if kind == "code" else _plain(raw))


def _front_matter(text: str) -> tuple[dict[str, str], str]:
    found = _FRONT.match(text)
    if found is None:
        return {}, text
    try:
        parsed: Any = yaml.load(found[1], PlainLoader)  # noqa: S506 (a safe loader)
        if not isinstance(parsed, dict):
            return {}, text
        fields = cast("dict[Any, Any]", parsed)
        flat = {str(key): _flat(value) for key, value in fields.items()}
    except (yaml.YAMLError, *_STUMBLES):
        return {}, text
    return {key: value for key, value in flat.items() if value is not None}, text[found.end() :]


def _flat(value: Any) -> str | None:
    """A value as text: a scalar, or the scalars of a list; None where there is none."""
    if isinstance(value, list):
        items = cast("list[Any]", value)
        value = ", ".join(str(item) for item in items if _is_scalar(item)) or None
    return str(value)[:_MAX_VALUE] if _is_scalar(value) else None


def _is_scalar(value: Any) -> bool:
    return value is not None and not isinstance(value, dict | list | set | tuple)


def _plain(text: str) -> str:
    """Without emphasis marks, tags and link targets; addresses in text stay."""
    return _TAG.sub("", _MARKS.sub(r"\2", _LINK.sub(_link, text)))


def _link(found: re.Match[str]) -> str:
    label, target = found[1], found[2]
    return (
        f"{label} ({target})"
        if target.startswith(("http://", "https://")) and label != target
        else label or target
    )
