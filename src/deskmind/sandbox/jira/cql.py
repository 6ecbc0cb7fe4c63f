"""A small part of Confluence's CQL, over JQL's syntax: type, space, title, text, label, id, created, lastmodified."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from deskmind.sandbox.jira.call import Call
from deskmind.sandbox.jira.jql_dates import instant
from deskmind.sandbox.jira.jql_syntax import Both, Clause, Not, Tree, Value, parse
from deskmind.sandbox.jira.refusal import Refused
from deskmind.sandbox.jira.wiki import Page, Wiki

_FIELDS = (
    "type",
    "space",
    "space.key",
    "title",
    "text",
    "label",
    "id",
    "content",
    "created",
    "lastmodified",
    "creator",
    "ancestor",
    "parent",
)


def search(call: Call, wiki: Wiki, text: str) -> list[Page]:
    """The pages that a query finds and the caller sees; 400 in Confluence's words."""
    try:
        query = parse(text)
    except Refused:
        raise _refused(text) from None
    keep = _compile(call, wiki, query.where, text) if query.where else None
    found = wiki.visible(call.sight, lambda page: page.status == "current" and (keep is None or keep(page)))
    for name, descending in reversed(query.order):
        found.sort(key=lambda page, by=name: _rank(page, by.lower()), reverse=descending)
    return found


def _refused(text: str) -> Refused:
    said = f"Could not parse cql : {text}"
    return Refused(
        400, {"statusCode": 400, "data": {"authorized": True, "valid": False, "errors": []}, "message": said}
    )


def _rank(page: Page, name: str) -> Any:
    return {"created": page.created, "lastmodified": page.updated, "title": page.title.lower()}.get(
        name, page.id
    )


def _compile(call: Call, wiki: Wiki, tree: Tree, text: str) -> Callable[[Page], bool]:
    if isinstance(tree, Clause):
        return _clause(call, wiki, tree, text)
    if isinstance(tree, Not):
        inner = _compile(call, wiki, tree.part, text)
        return lambda page: not inner(page)
    parts = [_compile(call, wiki, part, text) for part in tree.parts]
    if isinstance(tree, Both) and tree.every:
        return lambda page: all(part(page) for part in parts)
    return lambda page: any(part(page) for part in parts)


def _clause(call: Call, wiki: Wiki, clause: Clause, text: str) -> Callable[[Page], bool]:
    name = clause.field.lower()
    if name not in _FIELDS or not clause.operands:
        raise _refused(text)
    negated = clause.operator in ("!=", "!~", "NOT IN")
    if name in ("created", "lastmodified"):
        return _moment(call, name, clause)
    wanted = [_word(call, each) for each in clause.operands]
    if name in ("title", "text") and clause.operator in ("~", "!~"):
        words = [word for each in wanted for word in re.findall(r"[\w*]+", each.lower())]
        patterns = [re.compile(rf"\b{_pattern(word)}\b", re.IGNORECASE) for word in words]
        return lambda page: all(each.search(_text(page, name)) for each in patterns) is not negated
    return lambda page: bool(_values(wiki, page, name) & set(wanted)) is not negated


def _pattern(word: str) -> str:
    return re.escape(word).replace(r"\*", r"\w*")


def _word(call: Call, value: Value) -> str:
    return (
        call.sight.account
        if value.text.lower() == "currentuser" and value.arguments is not None
        else value.text
    )


def _text(page: Page, name: str) -> str:
    return page.title if name == "title" else f"{page.title} {re.sub(r'<[^>]+>', ' ', page.body)}"


def _values(wiki: Wiki, page: Page, name: str) -> set[str]:
    match name:
        case "type":
            return {"page"}
        case "space" | "space.key":
            return {wiki.spaces[page.space_id].key}
        case "label":
            return set(page.labels)
        case "creator":
            return {page.author}
        case "ancestor":
            return {each.id for each in wiki.ancestors(page)}
        case "parent":
            return {page.parent or ""}
        case "title":
            return {page.title}
        case _:
            return {page.id}


def _moment(call: Call, name: str, clause: Clause) -> Callable[[Page], bool]:
    zone = call.links.zone
    at = instant(name, clause.operands[0], zone, call.site.clock())

    def compare(page: Page) -> bool:
        held = page.created if name == "created" else page.updated
        match clause.operator:
            case ">":
                return held > at
            case ">=":
                return held >= at
            case "<":
                return held < at
            case "<=":
                return held <= at
            case _:
                return (held.date() == at.date()) is (clause.operator != "!=")

    return compare
