"""JQL's syntax: text to a tree of clauses, refused in the vendor's words."""

from __future__ import annotations

import re
from dataclasses import dataclass

from deskmind.sandbox.jira.refusal import Refused

_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
    |(?P<operator>!=|!~|<=|>=|=|~|<|>|\(|\)|,|&&|\|\||!)
    |(?P<word>cf\[\d+\]|[^\s"'=!~<>(),&|]+))""",
    re.VERBOSE,
)
_OPERATORS = ("=", "!=", "<", ">", "<=", ">=", "~", "!~")
_VALID = "'=', '!=', '<', '>', '<=', '>=', '~', '!~', 'IN', 'NOT IN', 'IS' and 'IS NOT'"


@dataclass(frozen=True, slots=True)
class Value:
    """An operand: what was written, and whether in quotes; or a function with its arguments."""

    text: str
    quoted: bool = False
    arguments: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Clause:
    """`field operator operands`; the operator is upper case (`NOT IN`, `IS NOT`)."""

    field: str
    operator: str
    operands: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Both:
    """Clauses that must all hold, or of which one must."""

    every: bool
    parts: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """A clause that must not hold."""

    part: Tree


Tree = Clause | Both | Not


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query: what to find, and in which order (field, descending)."""

    where: Tree | None
    order: tuple[tuple[str, bool], ...]


def refused(*said: str) -> Refused:
    """The search endpoints' 400."""
    return Refused(400, {"errorMessages": list(said), "errors": {}})


def parse(text: str) -> Query:
    """The query; `Refused` with status 400 where it is no JQL."""
    return _Parser(text).query()


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    quoted: bool
    at: int

    @property
    def word(self) -> str:
        return "" if self.quoted else self.text.upper()


class _Parser:
    def __init__(self, text: str) -> None:
        self._source = text
        self._tokens = list(_tokens(text))
        self._next = 0

    def query(self) -> Query:
        where = None if self._peek() in ("", "ORDER") else self._either()
        order = self._order() if self._peek() == "ORDER" else ()
        if self._next < len(self._tokens):
            raise self._error("Expecting either 'OR' or 'AND' but got")
        return Query(where, order)

    def _peek(self) -> str:
        return self._tokens[self._next].word if self._next < len(self._tokens) else ""

    def _take(self) -> _Token:
        if self._next >= len(self._tokens):
            said = f"Error in the JQL Query: Unexpected end of query. (line 1, character {len(self._source) + 1})"
            raise refused(said)
        self._next += 1
        return self._tokens[self._next - 1]

    def _error(self, said: str) -> Refused:
        at = min(self._next, len(self._tokens) - 1)
        token = self._tokens[at]
        return refused(f"Error in the JQL Query: {said} '{token.text}'. (line 1, character {token.at + 1})")

    def _either(self) -> Tree:
        parts = [self._all()]
        while self._peek() in ("OR", "||"):
            self._next += 1
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Both(every=False, parts=tuple(parts))

    def _all(self) -> Tree:
        parts = [self._one()]
        while self._peek() in ("AND", "&&"):
            self._next += 1
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else Both(every=True, parts=tuple(parts))

    def _one(self) -> Tree:
        if self._peek() in ("NOT", "!"):
            self._next += 1
            return Not(self._one())
        if self._peek() == "(":
            self._next += 1
            inner = self._either()
            self._expect(")")
            return inner
        return self._clause()

    def _clause(self) -> Clause:
        field = self._take()
        if not field.quoted and field.text in "=!~<>(),":
            self._next -= 1
            raise self._error("Expecting a field name but got")
        operator = self._operator()
        if operator in ("IN", "NOT IN"):
            return Clause(field.text, operator, self._operand_list())
        if operator in ("IS", "IS NOT"):
            self._expect("EMPTY", "NULL")
            return Clause(field.text, operator, ())
        operand = self._operand()
        if not operand.quoted and operand.arguments is None and operand.text.upper() in ("EMPTY", "NULL"):
            return Clause(field.text, "IS" if operator == "=" else "IS NOT", ())
        return Clause(field.text, operator, (operand,))

    def _operator(self) -> str:
        word = self._peek()
        if word in _OPERATORS or word == "IN":
            self._next += 1
            return word
        if word == "IS":
            self._next += 1
            if self._peek() == "NOT":
                self._next += 1
                return "IS NOT"
            return "IS"
        if word == "NOT":
            self._next += 1
            self._expect("IN")
            return "NOT IN"
        if self._next >= len(self._tokens):
            self._take()
        token = self._tokens[self._next]
        raise refused(
            f"Error in the JQL Query: Expecting operator but got '{token.text}'. "
            f"The valid operators are {_VALID}. (line 1, character {token.at + 1})"
        )

    def _operand_list(self) -> tuple[Value, ...]:
        if self._peek() != "(":
            return (self._operand(),)
        self._expect("(")
        found = [self._operand()]
        while self._peek() == ",":
            self._next += 1
            found.append(self._operand())
        self._expect(")")
        return tuple(found)

    def _operand(self) -> Value:
        token = self._take()
        if not token.quoted and token.text in (
            "=",
            "!=",
            "~",
            "<",
            ">",
            "(",
            ")",
            ",",
            "<=",
            ">=",
            "!~",
            "!",
        ):
            self._next -= 1
            raise self._error("Expecting either a value, list or function but got")
        if token.quoted or self._peek() != "(":
            return Value(token.text, token.quoted)
        self._next += 1
        arguments: list[str] = []
        while self._peek() != ")":
            taken = self._take()
            if taken.text != "," or taken.quoted:
                arguments.append(taken.text)
        self._next += 1
        return Value(token.text, arguments=tuple(arguments))

    def _order(self) -> tuple[tuple[str, bool], ...]:
        self._next += 1
        self._expect("BY")
        found: list[tuple[str, bool]] = []
        while True:
            field = self._take().text
            descending = self._peek() == "DESC"
            if self._peek() in ("ASC", "DESC"):
                self._next += 1
            found.append((field, descending))
            if self._peek() != ",":
                return tuple(found)
            self._next += 1

    def _expect(self, *words: str) -> None:
        token = self._take()
        if token.word not in words:
            self._next -= 1
            raise self._error(f"Expecting '{words[0]}' but got")


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise refused(
                "Error in the JQL Query: The quoted string has not been completed, or a reserved character was "
                f"not escaped. (line 1, character {at + 1})"
            )
        quoted = match["string"] is not None
        raw = match["string"] or match["operator"] or match["word"]
        shown = re.sub(r"\\(.)", r"\1", raw[1:-1]) if quoted else raw
        found.append(_Token(shown, quoted, match.start(match.lastgroup or 0)))
        at = match.end()
    return found
