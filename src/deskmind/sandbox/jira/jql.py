"""JQL applied: a parsed query to a predicate over issues and an order."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from deskmind.sandbox.jira import jql_dates, jql_values
from deskmind.sandbox.jira.fields import BY_CLAUSE, BY_ID, Field
from deskmind.sandbox.jira.issue import Issue
from deskmind.sandbox.jira.jql_syntax import Clause, Not, Query, Tree, Value, parse, refused
from deskmind.sandbox.jira.sight import Sight
from deskmind.sandbox.jira.site import Site

Predicate = Callable[[Issue], bool]

_TEXT = ("summary", "description", "comment")
_EQUALITY = ("=", "!=", "IN", "NOT IN", "IS", "IS NOT")
_ORDERED = (*_EQUALITY, "<", ">", "<=", ">=")
_MATCHING = ("~", "!~", "IS", "IS NOT")
_OPERATORS: dict[str, tuple[str, ...]] = {
    "text": _MATCHING,
    "rich": _MATCHING,
    "comment": ("~", "!~"),
    "datetime": _ORDERED,
    "date": _ORDERED,
    "number": _ORDERED,
    "timespent": _ORDERED,
    "priority": _ORDERED,
    "key": _ORDERED,
    "attachment": ("IS", "IS NOT"),
    "links": (*_EQUALITY,),
}
_DATES = ("datetime", "date")
_MANY = ("labels", "components", "users", "organizations", "links")


def search(site: Site, sight: Sight, jql: str, reconcile: tuple[int, ...] = ()) -> list[Issue]:
    """The issues that the caller sees and the query finds, in its order, as the index has them."""
    query = parse(jql)
    matches = predicate(site, sight, query)
    found = [issue for issue in site.indexed(reconcile) if sight.sees(issue) and matches(issue)]
    return ordered(site, sight, query, found)


def predicate(site: Site, sight: Sight, query: Query) -> Predicate:
    """Whether an issue fulfils the query; names are resolved once, here."""
    return _compile(site, sight, query.where) if query.where else lambda _: True


def ordered(site: Site, sight: Sight, query: Query, found: list[Issue]) -> list[Issue]:
    """In the query's order; without one, the newest first."""
    found.sort(key=lambda issue: issue.id, reverse=True)
    for name, descending in reversed(query.order):
        field = _field(name, site, sight)
        filled = [issue for issue in found if jql_values.rank(site, field, issue)[0] == 0]
        empty = [issue for issue in found if jql_values.rank(site, field, issue)[0] == 1]
        filled.sort(key=lambda issue, by=field: jql_values.rank(site, by, issue), reverse=descending)
        found = filled + empty
    return found


def is_bounded(jql: str) -> bool:
    """Whether the query restricts anything: the newer search refuses what does not."""
    return parse(jql).where is not None


def _field(name: str, site: Site, sight: Sight) -> Field:
    field = BY_CLAUSE.get(name.lower()) or BY_ID.get(name)
    hidden = sight.user is None and name.lower() not in ("project", "key")
    if field is None or (hidden and not site.projects):
        raise refused(f"Field '{name}' does not exist or you do not have permission to view it.")
    return field


def _compile(site: Site, sight: Sight, tree: Tree) -> Predicate:
    if isinstance(tree, Clause):
        return _clause(site, sight, tree)
    if isinstance(tree, Not):
        inner = _compile(site, sight, tree.part)
        return lambda issue: not inner(issue)
    parts = [_compile(site, sight, part) for part in tree.parts]
    if tree.every:
        return lambda issue: all(part(issue) for part in parts)
    return lambda issue: any(part(issue) for part in parts)


def _clause(site: Site, sight: Sight, clause: Clause) -> Predicate:
    if clause.field.lower() == "text":
        return _text_anywhere(sight, clause)
    field = _field(clause.field, site, sight)
    if clause.operator not in _OPERATORS.get(field.kind, _EQUALITY):
        raise refused(
            f"The operator '{clause.operator.lower()}' is not supported by the '{clause.field}' field."
        )
    if clause.operator in ("IS", "IS NOT"):
        return _emptiness(site, field, clause.operator == "IS")
    if clause.operator in ("~", "!~"):
        return _text(sight, (field,), clause)
    if field.kind in _DATES:
        return _date(site, sight, field, clause)
    if field.kind in ("number", "timespent"):
        return _number(site, field, clause)
    if clause.operator in ("<", ">", "<=", ">="):
        return _ranked(site, sight, field, clause)
    return _equality(site, sight, field, clause)


def _emptiness(site: Site, field: Field, empty: bool) -> Predicate:
    return lambda issue: (jql_values.held(site, field, issue) in (None, "", [])) is empty


def _equality(site: Site, sight: Sight, field: Field, clause: Clause) -> Predicate:
    """`!=` and `NOT IN` leave out issues without a value, as Jira does."""
    wanted = _wanted(site, sight, field, clause.operands)
    negated = clause.operator in ("!=", "NOT IN")
    if field.kind == "resolution":
        wanted = frozenset(None if each == "unresolved" else each for each in wanted)

    def matches(issue: Issue) -> bool:
        value = jql_values.held(site, field, issue)
        if field.kind in _MANY:
            many: list[Any] = value or []
            return bool(many) and (not wanted.isdisjoint(many)) is not negated
        if value is None and field.kind != "resolution":
            return False
        return (value in wanted) is not negated

    return matches


def _wanted(site: Site, sight: Sight, field: Field, operands: tuple[Value, ...]) -> frozenset[Any]:
    found: frozenset[Any] = frozenset()
    for operand in operands:
        found |= jql_values.named(site, sight, field, operand)
    return found


def _compare(operator: str, left: Any, right: Any) -> bool:
    match operator:
        case "<":
            return left < right
        case ">":
            return left > right
        case "<=":
            return left <= right
        case ">=":
            return left >= right
        case _:
            return (left == right) is (operator in ("=", "IN"))


def _date(site: Site, sight: Sight, field: Field, clause: Clause) -> Predicate:
    zone = sight.user.timezone() if sight.user else ZoneInfo("Etc/UTC")
    moments = [jql_dates.instant(clause.field, each, zone, site.clock()) for each in clause.operands]

    def matches(issue: Issue) -> bool:
        value = jql_values.held(site, field, issue)
        if value is None:
            return False
        if field.kind == "date":
            return any(
                _compare(clause.operator, value, each.astimezone(zone).date().isoformat()) for each in moments
            )
        return any(_compare(clause.operator, value, each) for each in moments)

    return matches


def _number(site: Site, field: Field, clause: Clause) -> Predicate:
    try:
        numbers = [float(each.text) for each in clause.operands]
    except ValueError:
        raise refused(
            f"Value '{clause.operands[0].text}' is invalid for the '{clause.field}' field."
        ) from None

    def matches(issue: Issue) -> bool:
        value = jql_values.held(site, field, issue)
        return value is not None and any(_compare(clause.operator, value, each) for each in numbers)

    return matches


def _ranked(site: Site, sight: Sight, field: Field, clause: Clause) -> Predicate:
    """Priorities by their order, keys by their number."""
    target = next(iter(jql_values.named(site, sight, field, clause.operands[0])))
    if field.kind == "priority":
        order = list(site.priorities)
        place = -order.index(target)
        return lambda issue: _compare(clause.operator, -order.index(issue.values["priority"]), place)
    other = site.issues[target]
    place = jql_values.rank(site, field, other)[1]
    return lambda issue: (
        issue.project_id == other.project_id
        and _compare(clause.operator, jql_values.rank(site, field, issue)[1], place)
    )


def _text_anywhere(sight: Sight, clause: Clause) -> Predicate:
    if clause.operator not in ("~", "!~"):
        raise refused(f"The operator '{clause.operator.lower()}' is not supported by the 'text' field.")
    return _text(sight, tuple(BY_ID[name] for name in _TEXT), clause)


def _text(sight: Sight, fields: tuple[Field, ...], clause: Clause) -> Predicate:
    patterns = [_pattern(each) for each in _terms(clause.operands[0].text)]
    if not patterns:
        raise refused(f"The value '{clause.operands[0].text}' for the '{clause.field}' field is not valid.")
    negated = clause.operator == "!~"

    def matches(issue: Issue) -> bool:
        text = "\n".join(jql_values.words(field, issue, sight) for field in fields)
        return all(pattern.search(text) for pattern in patterns) is not negated

    return matches


def _terms(text: str) -> list[str]:
    return [phrase or word for phrase, word in re.findall(r'"([^"]+)"|([^\s"]+)', text)]


def _pattern(term: str) -> re.Pattern[str]:
    """Whole words, a phrase, or a beginning before `*`."""
    escaped = re.escape(term).replace(r"\*", r"\w*").replace(r"\?", r"\w")
    return re.compile(rf"(?<!\w){escaped}(?!\w)", re.IGNORECASE)
