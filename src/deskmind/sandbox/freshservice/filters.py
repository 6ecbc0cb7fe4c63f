"""Freshservice's filter language: `"priority:1 AND (status:2 OR agent_id:null) AND created_at:>'2026-01-31'"`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from deskmind.sandbox.freshservice.refusal import Refused, invalid, problem

Predicate = Callable[[Mapping[str, Any]], bool]

_TOKEN = re.compile(
    r"\s*(?:(?P<mark>[()])|(?P<term>\w+):(?P<sign>[<>])?(?P<value>'(?:\\.|[^'\\])*'|[^\s()]+)|(?P<word>AND|OR)\b)",
    re.IGNORECASE,
)
MOST = 512


def quoted(text: str, name: str = "query") -> str:
    """What is inside the double quotes that the vendor demands."""
    if len(text) < 2 or not (text.startswith('"') and text.endswith('"')):
        raise invalid(problem(name, "Query should be enclosed in double quotes"))
    if len(text) > MOST:
        raise invalid(problem(name, f"Query length should not exceed {MOST} characters"))
    return text[1:-1]


def compiled(text: str, fields: Mapping[str, str], name: str = "query") -> Predicate:
    """Whether a row fulfils the query. `fields` gives the kind of each: number, string, date or boolean."""
    return _Parser(text, fields, name).predicate()


class _Parser:
    def __init__(self, text: str, fields: Mapping[str, str], name: str) -> None:
        self._fields = fields
        self._name = name
        self._tokens = self._read(text)
        self._next = 0

    def predicate(self) -> Predicate:
        found = self._either()
        if self._next < len(self._tokens):
            raise self._invalid()
        return found

    def _invalid(self, message: str = "Given query is invalid") -> Refused:
        return invalid(problem(self._name, message))

    def _read(self, text: str) -> list[re.Match[str]]:
        found: list[re.Match[str]] = []
        at = 0
        text = text.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise self._invalid()
            found.append(match)
            at = match.end()
        return found

    def _peek(self) -> str:
        if self._next >= len(self._tokens):
            return ""
        match = self._tokens[self._next]
        return (match["mark"] or match["word"] or "term").upper()

    def _either(self) -> Predicate:
        parts = [self._all()]
        while self._peek() == "OR":
            self._next += 1
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else lambda row: any(part(row) for part in parts)

    def _all(self) -> Predicate:
        parts = [self._one()]
        while self._peek() == "AND":
            self._next += 1
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda row: all(part(row) for part in parts)

    def _one(self) -> Predicate:
        if self._peek() == "(":
            self._next += 1
            inner = self._either()
            if self._peek() != ")":
                raise self._invalid()
            self._next += 1
            return inner
        if self._peek() != "TERM":
            raise self._invalid()
        self._next += 1
        return self._term(self._tokens[self._next - 1])

    def _term(self, match: re.Match[str]) -> Predicate:
        field, sign, raw = match["term"], match["sign"], match["value"]
        kind = self._fields.get(field)
        if kind is None:
            raise self._invalid(f"Unexpected/invalid field '{field}' in query")
        wanted = self._value(field, kind, raw)
        if wanted is None:
            return lambda row: _held(row, field) in (None, "", [])
        if sign and kind not in ("number", "date"):
            raise self._invalid(f"Operator '{sign}' is not supported for the field '{field}'")
        if kind == "date":
            return _dated(field, sign, str(wanted))
        if sign == ">":
            return lambda row: _held(row, field) is not None and _held(row, field) >= wanted
        if sign == "<":
            return lambda row: _held(row, field) is not None and _held(row, field) <= wanted
        if kind == "string":
            return lambda row: _same(_held(row, field), str(wanted))
        return lambda row: _held(row, field) == wanted

    def _value(self, field: str, kind: str, raw: str) -> Any:
        """Text and dates stand in single quotes, numbers do not; `null` is what is empty."""
        if raw == "null":
            return None
        inside = re.sub(r"\\(.)", r"\1", raw[1:-1]) if raw.startswith("'") else None
        if kind == "number":
            if inside is not None or not re.fullmatch(r"-?\d+", raw):
                raise self._invalid(f"It should be a/an Positive Integer for the field '{field}'")
            return int(raw)
        if kind == "boolean":
            if raw not in ("true", "false"):
                raise self._invalid(f"It should be a/an Boolean for the field '{field}'")
            return raw == "true"
        if inside is None:
            raise self._invalid(f"The value of '{field}' should be enclosed in single quotes")
        if kind == "date" and not re.match(r"\d{4}-\d\d-\d\d", inside):
            raise self._invalid(f"It should be a/an Date for the field '{field}'")
        return inside


def _held(row: Mapping[str, Any], field: str) -> Any:
    if field in row:
        return row[field]
    return row.get("custom_fields", {}).get(field)


def _same(held: Any, wanted: str) -> bool:
    if isinstance(held, list):
        return any(_same(each, wanted) for each in held)  # pyright: ignore[reportUnknownVariableType]
    return str(held or "").lower() == wanted.lower()


def _dated(field: str, sign: str | None, wanted: str) -> Predicate:
    """`>` and `<` include the moment itself; a date alone is the whole day."""
    whole = len(wanted) <= 10

    def matches(row: Mapping[str, Any]) -> bool:
        held = str(_held(row, field) or "")
        if not held:
            return False
        shown = held[:10] if whole else held
        if sign == ">":
            return shown >= wanted
        if sign == "<":
            return shown <= wanted
        return shown == wanted

    return matches


TICKET_FIELDS = {
    "workspace_id": "number",
    "requester_id": "number",
    "email": "string",
    "agent_id": "number",
    "responder_id": "number",
    "group_id": "number",
    "priority": "number",
    "status": "number",
    "impact": "number",
    "urgency": "number",
    "tag": "string",
    "due_by": "date",
    "fr_due_by": "date",
    "created_at": "date",
    "updated_at": "date",
    "type": "string",
    "category": "string",
    "sub_category": "string",
    "department_id": "number",
    "affected_service": "string",
}
PERSON_FIELDS = {
    "first_name": "string",
    "last_name": "string",
    "name": "string",
    "job_title": "string",
    "email": "string",
    "primary_email": "string",
    "mobile_phone_number": "string",
    "work_phone_number": "string",
    "department_id": "number",
    "location_id": "number",
    "reporting_manager_id": "number",
    "time_zone": "string",
    "language": "string",
    "active": "boolean",
    "created_at": "date",
    "updated_at": "date",
}
ASSET_FIELDS = {
    "asset_type_id": "number",
    "department_id": "number",
    "location_id": "number",
    "user_id": "number",
    "agent_id": "number",
    "name": "string",
    "asset_tag": "string",
    "serial_number": "string",
    "created_at": "date",
    "updated_at": "date",
}
