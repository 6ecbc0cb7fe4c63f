"""Problems and changes, with their notes, and the fields of forms."""

from __future__ import annotations

from typing import Any

from deskmind.sandbox.freshservice.account import Row
from deskmind.sandbox.freshservice.call import Call, Route, answer
from deskmind.sandbox.freshservice.conversations import conversation, place
from deskmind.sandbox.freshservice.refusal import invalid, problem
from deskmind.sandbox.freshservice.resource import Resource
from deskmind.sandbox.freshservice.ticket_input import LEVELS, PRIORITIES, SOURCES, STATUSES, TYPES
from deskmind.sandbox.web import Reply

_COMMON: dict[str, Any] = {
    "agent_id": None,
    "requester_id": None,
    "group_id": None,
    "subject": None,
    "description": "",
    "description_text": "",
    "priority": 1,
    "impact": 1,
    "status": 1,
    "department_id": None,
    "category": None,
    "sub_category": None,
    "item_category": None,
    "custom_fields": {},
    "assets": [],
    "workspace_id": 2,
}
PROBLEM: dict[str, Any] = {
    **_COMMON,
    "due_by": None,
    "known_error": False,
    "analysis_fields": {},
    "associated_change": None,
}
CHANGE: dict[str, Any] = {
    **_COMMON,
    "risk": 1,
    "change_type": 1,
    "approval_status": 4,
    "planned_start_date": None,
    "planned_end_date": None,
    "planning_fields": {},
    "blackout_window": {},
    "maintenance_window": {},
}
_REQUIRED = ("subject", "description", "requester_id", "priority", "status", "impact")
PROBLEMS = Resource(
    "problems",
    "problems",
    "problem",
    "problems",
    PROBLEM,
    required=(*_REQUIRED, "due_by"),
    sees=lambda call, row: call.scope.sees(row),
    numbered=True,
)
CHANGES = Resource(
    "changes",
    "changes",
    "change",
    "changes",
    CHANGE,
    required=(*_REQUIRED, "planned_start_date", "planned_end_date", "risk", "change_type"),
    filters=("requester_id",),
    sees=lambda call, row: call.scope.sees(row),
    numbered=True,
)


def notes(call: Call) -> Reply:
    """The notes of a problem or change."""
    return call.page(call.account.conversations(_key(call)), "notes", lambda each: _note(call, each))


def add_note(call: Call) -> Reply:
    """A new note; 201."""
    owner, row = _owner(call)
    body = call.body()
    if not isinstance(body.get("body"), str) or not body["body"]:
        raise invalid(problem("body", "It should be a/an String", "missing_field"))
    made = place(
        call.account,
        {"id": note_key(owner, row["id"])},
        call.scope.id,
        body["body"],
        source=2,
        private=True,
        files=call.files(),
    )
    row["updated_at"] = call.account.now()
    return answer("note", _note(call, made), 201)


def form_fields(call: Call) -> Reply:
    """What a ticket's form has, with the choices of each field."""
    owner = call.request.path.rpartition("/")[2].removesuffix("_form_fields")
    return answer(f"{owner}_fields", [_field(place, *each) for place, each in enumerate(_FORM, start=1)])


def note_key(owner: str, number: int) -> int:
    """Notes of problems and changes lie beside tickets' conversations, under negative keys."""
    return -(number * 2 + (owner == "changes"))


def _key(call: Call) -> int:
    owner, row = _owner(call)
    return note_key(owner, row["id"])


def _owner(call: Call) -> tuple[str, Row]:
    owner = "changes" if "/changes/" in call.request.path else "problems"
    return owner, (CHANGES if owner == "changes" else PROBLEMS).row(call)


def _note(call: Call, row: Row) -> Row:
    shown = conversation(call, row)
    kept = ("id", "user_id", "body", "body_text", "created_at", "updated_at", "attachments")
    return {name: shown[name] for name in kept} | {"notify_emails": []}


def _field(
    place: int, name: str, kind: str, label: str, choices: dict[int, str] | tuple[str, ...], required: bool
) -> Row:
    pairs = choices.items() if isinstance(choices, dict) else enumerate(choices, start=1)
    return {
        "id": 21_000_300_000 + place,
        "workspace_id": 2,
        "name": name,
        "label": label,
        "label_for_requesters": label,
        "field_type": kind,
        "required_for_closure": False,
        "required_for_agents": required,
        "position": place,
        "default": True,
        "choices": [{"id": number, "value": text} for number, text in pairs],
        "nested_fields": [],
        "belongs_to_form": True,
    }


_FORM: tuple[tuple[str, str, str, dict[int, str] | tuple[str, ...], bool], ...] = (
    ("requester", "default_requester", "Requester", (), True),
    ("subject", "default_subject", "Subject", (), True),
    ("ticket_type", "default_ticket_type", "Type", TYPES, False),
    ("source", "default_source", "Source", SOURCES, False),
    ("status", "default_status", "Status", STATUSES, True),
    ("urgency", "default_urgency", "Urgency", LEVELS, False),
    ("impact", "default_impact", "Impact", LEVELS, False),
    ("priority", "default_priority", "Priority", PRIORITIES, True),
    ("group", "default_group", "Group", (), False),
    ("agent", "default_agent", "Agent", (), False),
    ("department", "default_department", "Department", (), False),
    ("category", "default_category", "Category", (), False),
    ("description", "default_description", "Description", (), True),
    ("affected_service", "custom_text", "Affected service", (), False),
    ("resolution_code", "custom_text", "Resolution code", (), False),
)


ROUTES = (
    *PROBLEMS.routes(),
    *CHANGES.routes(),
    Route("GET", "problems/{id}/notes", notes),
    Route("POST", "problems/{id}/notes", add_note),
    Route("GET", "changes/{id}/notes", notes),
    Route("POST", "changes/{id}/notes", add_note),
    Route("GET", "ticket_form_fields", form_fields),
    Route("GET", "problem_form_fields", form_fields),
    Route("GET", "change_form_fields", form_fields),
)
