"""What may be written to a ticket, and how Freshservice refuses the rest."""

from __future__ import annotations

from typing import Any

from deskmind.sandbox.freshservice.account import Account, Row
from deskmind.sandbox.freshservice.refusal import invalid, problem

STATUSES = {2: "Open", 3: "Pending", 4: "Resolved", 5: "Closed", 6: "In Progress"}
PRIORITIES = {1: "Low", 2: "Medium", 3: "High", 4: "Urgent"}
LEVELS = {1: "Low", 2: "Medium", 3: "High"}
SOURCES = {1: "Email", 2: "Portal", 3: "Phone", 4: "Chat", 5: "Feedback widget", 9: "Walk-up", 10: "Slack"}
TYPES = ("Incident", "Service Request", "Major Incident")
_CHOICES: dict[str, tuple[Any, ...]] = {
    "status": tuple(STATUSES),
    "priority": tuple(PRIORITIES),
    "source": tuple(SOURCES),
    "impact": tuple(LEVELS),
    "urgency": tuple(LEVELS),
    "type": TYPES,
}
_TEXTS = (
    "subject",
    "description",
    "category",
    "sub_category",
    "item_category",
    "resolution_notes",
    "phone",
    "name",
    "email",
)
_NUMBERS = (
    "requester_id",
    "requested_for_id",
    "responder_id",
    "group_id",
    "department_id",
    "email_config_id",
    "workspace_id",
)
_LISTS = (
    "cc_emails",
    "tags",
    "assets",
    "problem",
    "custom_fields",
    "attachments",
    "due_by",
    "fr_due_by",
    "planned_start_date",
    "planned_end_date",
    "planned_effort",
)
WRITABLE = frozenset((*_CHOICES, *_TEXTS, *_NUMBERS, *_LISTS))
_REFERENCES = {"responder_id": "agents", "group_id": "groups", "department_id": "departments"}
CUSTOM = {"affected_service": "string", "resolution_code": "string"}


def checked(account: Account, body: Row, *, new: bool) -> Row:
    """The values to store; 400 with each field's error."""
    errors = [
        problem(name, "Unexpected/invalid field in request", "invalid_field")
        for name in body
        if name not in WRITABLE
    ]
    errors += _missing(body) if new else []
    for name, value in body.items():
        errors += _wrong(account, name, value)
    if errors:
        raise invalid(*errors)
    return {
        name: value for name, value in body.items() if name not in ("email", "phone", "name", "attachments")
    }


def requester(account: Account, body: Row) -> int:
    """The requester by id or address; an unknown address becomes a new requester, as at the vendor."""
    if body.get("requester_id"):
        if account.person(body["requester_id"]) is None:
            raise invalid(problem("requester_id", "There is no contact matching the given requester_id"))
        return int(body["requester_id"])
    email = str(body.get("email") or "").lower()
    for table, field in (("requesters", "primary_email"), ("agents", "email")):
        for row in account.table(table).values():
            if email and str(row[field]).lower() == email:
                return int(row["id"])
    from deskmind.sandbox.freshservice.people import new_requester

    name = str(body.get("name") or email.partition("@")[0])
    return int(new_requester(account, {"first_name": name, "primary_email": email})["id"])


def _missing(body: Row) -> list[dict[str, str]]:
    errors: list[dict[str, str]] = []
    if not any(body.get(name) for name in ("requester_id", "email", "phone")):
        said = "Please fill at least 1 of requester_id, phone, email fields"
        errors.append(problem("requester_id", said, "missing_field"))
    needed = ("subject", "description", "status", "priority")
    errors += [
        problem(name, _expected(name), "missing_field") for name in needed if body.get(name) in (None, "")
    ]
    return errors


def _expected(name: str) -> str:
    if name in _CHOICES:
        return f"It should be one of these values: '{','.join(map(str, _CHOICES[name]))}'"
    return "It should be a/an String"


def _wrong(account: Account, name: str, value: Any) -> list[dict[str, str]]:
    if value is None or value == "":
        return []
    if name in _CHOICES and value not in _CHOICES[name]:
        return [problem(name, _expected(name))]
    if name in _TEXTS and not isinstance(value, str):
        return [problem(name, "It should be a/an String", "datatype_mismatch")]
    if name in _NUMBERS and (isinstance(value, bool) or not isinstance(value, int)):
        return [problem(name, "It should be a/an Positive Integer", "datatype_mismatch")]
    if name in _REFERENCES and value not in account.table(_REFERENCES[name]):
        return [problem(name, "It is either invalid or inaccessible")]
    if name in ("tags", "cc_emails") and not isinstance(value, list):
        return [problem(name, "It should be a/an Array", "datatype_mismatch")]
    if name == "custom_fields":
        return [
            problem(f"custom_fields.{each}", "Unexpected/invalid field in request", "invalid_field")
            for each in (value if isinstance(value, dict) else {})  # pyright: ignore[reportUnknownVariableType]
            if each not in CUSTOM
        ]
    return []
