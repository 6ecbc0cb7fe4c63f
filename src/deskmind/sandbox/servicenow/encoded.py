"""Encoded queries as they are written: `active=true^priority<=2^ORstate=1^ORDERBYDESCsys_updated_on`."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["TEXT", "Condition", "Join", "Query", "RelatedCount", "Term", "parse"]

TEXT = "123TEXTQUERY321"
"""The name that stands for the text index in place of a field."""

_OPERATORS = (
    "ISNOTEMPTY", "ISEMPTY", "EMPTYSTRING", "ANYTHING", "STARTSWITH", "ENDSWITH", "NOT IN", "NOT LIKE", "NOTLIKE",
    "NOT ON", "NOTON", "NSAMEAS", "SAMEAS", "BETWEEN", "INSTANCEOF", "CONTAINS", "DOES NOT CONTAIN", "RELATIVEGE",
    "RELATIVEGT", "RELATIVELE", "RELATIVELT", "DYNAMIC", "GT_OR_EQUALS_FIELD", "LT_OR_EQUALS_FIELD", "GT_FIELD",
    "LT_FIELD", "LIKE", "IN", "ON", "!=", "<=", ">=", "!*", "=", "<", ">", "*", "%",
)  # fmt: skip
_CONDITION = re.compile(
    rf"(?P<field>{TEXT}|[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*)(?P<operator>{'|'.join(map(re.escape, _OPERATORS))})(?P<value>.*)",
    re.DOTALL,
)
_ORDER = re.compile(r"ORDERBY(?P<descending>DESC)?(?P<field>[a-z][a-z0-9_.]*)")
_JOIN = re.compile(r"JOIN\w+\.(?P<mine>\w+)=(?P<table>\w+)\.(?P<theirs>\w+)!(?P<query>.*)", re.DOTALL)
_RELATED = re.compile(r"RLQUERY(?P<table>\w+)\.(?P<field>\w+),(?P<operator>[<>=!]+)(?P<count>\d+)(?:,m2m)?")
_CARET = re.compile(r"(?<!\^)\^(?!\^)")


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of a field, which may be dot-walked."""

    field: str
    operator: str
    value: str


@dataclass(frozen=True, slots=True)
class Join:
    """Rows whose `mine` is the `theirs` of some row of another table that matches `query`."""

    mine: str
    table: str
    theirs: str
    query: Query


@dataclass(frozen=True, slots=True)
class RelatedCount:
    """Rows that so many rows of another table refer to."""

    table: str
    field: str
    operator: str
    count: int
    query: Query


Term = Condition | Join | RelatedCount


@dataclass(frozen=True, slots=True)
class Query:
    """Alternatives (`^NQ`) of conjunctions (`^`) of alternatives (`^OR`), an order, and whether a part was invalid."""

    alternatives: tuple[tuple[tuple[Term, ...], ...], ...]
    order: tuple[tuple[str, bool], ...] = ()
    invalid: bool = False


def parse(text: str) -> Query:
    """The query that `text` encodes. Parts that are none are left out, as the vendor does, and noted as `invalid`."""
    return _Parser(text).query()


class _Parser:
    def __init__(self, text: str) -> None:
        self._words = [word.replace("^^", "^") for word in _CARET.split(text)]
        self._alternatives: list[list[list[Term]]] = [[]]
        self._order: list[tuple[str, bool]] = []
        self._invalid = False

    def query(self) -> Query:
        words = iter(self._words)
        for word in words:
            if related := _RELATED.fullmatch(word):
                inner: list[str] = []
                for word_inside in words:
                    if word_inside == "ENDRLQUERY":
                        break
                    inner.append(word_inside)
                self._and(_related(related, "^".join(inner)))
            elif word.startswith("JOIN") and (join := _JOIN.fullmatch("^".join([word, *words]))):
                self._and(Join(join["mine"], join["table"], join["theirs"], parse(join["query"])))
            else:
                self._word(word)
        kept = tuple(tuple(tuple(group) for group in groups) for groups in self._alternatives)
        return Query(kept, tuple(self._order), self._invalid)

    def _word(self, word: str) -> None:
        if word in ("", "EQ") or word.startswith("GROUPBY"):
            return
        if order := _ORDER.fullmatch(word):
            self._order.append((order["field"], order["descending"] is not None))
        elif word.startswith("NQ"):
            self._alternatives.append([])
            self._word(word[2:])
        elif word.startswith("OR") and (found := _CONDITION.fullmatch(word[2:])):
            groups = self._alternatives[-1]
            if groups:
                groups[-1].append(_condition(found))
            else:
                self._and(_condition(found))
        elif found := _CONDITION.fullmatch(word):
            self._and(_condition(found))
        else:
            self._invalid = True

    def _and(self, term: Term) -> None:
        self._alternatives[-1].append([term])


def _condition(found: re.Match[str]) -> Condition:
    return Condition(found["field"], found["operator"], found["value"])


def _related(found: re.Match[str], inner: str) -> RelatedCount:
    return RelatedCount(found["table"], found["field"], found["operator"], int(found["count"]), parse(inner))
