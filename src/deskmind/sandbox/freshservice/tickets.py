"""Tickets: list, filter, read, create, change, trash, with activities, time entries and tasks."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from deskmind.sandbox.freshservice.account import Account, Row, stamp
from deskmind.sandbox.freshservice.call import Call, Route, answer, empty
from deskmind.sandbox.freshservice.filters import TICKET_FIELDS, compiled, quoted
from deskmind.sandbox.freshservice.refusal import Refused, invalid, not_found, problem
from deskmind.sandbox.freshservice.ticket_input import CUSTOM, STATUSES, checked, requester
from deskmind.sandbox.web import Reply

WINDOW = timedelta(days=30)
FILTERS = ("new_and_my_open", "watching", "spam", "deleted", "archived")
INCLUDES_LIST = ("stats", "requester", "requested_for", "tags", "department", "feedback", "assets")
INCLUDES_ONE = (*INCLUDES_LIST, "conversations", "problem", "change", "related_tickets", "onboarding_context")
_HOURS = {1: 120, 2: 72, 3: 24, 4: 8}


def listed(call: Call) -> Reply:
    """Newest first; without `updated_since` or a filter only what was created in the last 30 days."""
    included = includes(call, INCLUDES_LIST)
    found = [each for each in call.account.table("tickets").values() if call.scope.sees(each)]
    name = call.query("filter")
    if name and name not in FILTERS:
        raise invalid(problem("filter", f"It should be one of these values: '{','.join(FILTERS)}'"))
    found = [each for each in found if _filtered(call, each, name)]
    found = [each for each in found if _asked(call, each)]
    if not any(call.query(one) for one in ("updated_since", "filter", "requester_id", "email")):
        since = stamp(call.account.clock() - WINDOW)
        found = [each for each in found if each["created_at"] >= since]
    order = call.query("order_by", "created_at")
    found.sort(
        key=lambda each: (str(each.get(order) or ""), each["id"]), reverse=call.query("order_type") != "asc"
    )
    return call.page(found, "tickets", lambda each: shown(call, each, included))


def filtered(call: Call) -> Reply:
    """By the filter language, with a total."""
    keep = compiled(quoted(call.query("query")), TICKET_FIELDS)
    tickets = [
        each
        for each in call.account.table("tickets").values()
        if call.scope.sees(each) and not each["deleted"]
    ]
    found = [each for each in tickets if keep(_for_filter(call.account, each))]
    found.sort(key=lambda each: (each["created_at"], each["id"]), reverse=True)
    reply = call.page(found, "tickets", lambda each: shown(call, each, ()))
    return _with_total(reply, len(found))


def one(call: Call) -> Reply:
    """One ticket, the deleted too, with what is included."""
    return answer("ticket", shown(call, call.ticket(), includes(call, INCLUDES_ONE), whole=True))


def create(call: Call) -> Reply:
    """A new ticket; 201."""
    body = call.body()
    values = checked(call.account, body, new=True)
    if values.get("type") == "Service Request":
        raise invalid(problem("type", "Service requests are placed through the service catalog"))
    made = place(call.account, values | {"requester_id": requester(call.account, body)})
    call.account.files.setdefault(made["id"], []).extend(call.files())
    call.account.note_activity(made["id"], call.scope.id, " created a new ticket")
    call.workflows.fire("ticket_created", made)
    return answer("ticket", shown(call, made, (), whole=True), 201)


def change(call: Call) -> Reply:
    """Changes fields."""
    ticket = call.ticket()
    if ticket["deleted"]:
        raise Refused(
            405,
            {
                "code": "method_not_allowed",
                "message": "PUT method is not allowed. The ticket is in the trash",
            },
        )
    body = call.body()
    values = checked(call.account, body, new=False)
    apply(call.account, ticket, values, call.scope.id)
    call.account.files.setdefault(ticket["id"], []).extend(call.files())
    call.workflows.fire("ticket_updated", ticket)
    return answer("ticket", shown(call, ticket, (), whole=True))


def delete(call: Call) -> Reply:
    """Into the trash; 204."""
    ticket = call.ticket()
    ticket["deleted"], ticket["updated_at"] = True, call.account.now()
    call.workflows.fire("ticket_deleted", ticket)
    return empty()


def delete_forever(call: Call) -> Reply:
    """Out of the trash, for good; 204."""
    ticket = call.ticket()
    if not ticket["deleted"]:
        raise not_found()
    del call.account.table("tickets")[ticket["id"]]
    for each in call.account.by_ticket.pop(ticket["id"], []):
        call.account.table("conversations").pop(each, None)
    return empty()


def restore(call: Call) -> Reply:
    """Out of the trash, back to work; 204."""
    ticket = call.ticket()
    if not ticket["deleted"]:
        raise not_found()
    ticket["deleted"], ticket["updated_at"] = False, call.account.now()
    return empty()


def activities(call: Call) -> Reply:
    """What happened, the newest first."""
    return answer("activities", call.account.activities.get(call.ticket()["id"], []))


def children(call: Call, table: str) -> list[Row]:
    """Time entries or tasks of a ticket."""
    ticket = call.ticket()["id"]
    return [each for each in call.account.table(table).values() if each["ticket_id"] == ticket]


def time_entries(call: Call) -> Reply:
    """Booked time."""
    return call.page(children(call, "time_entries"), "time_entries")


def add_time_entry(call: Call) -> Reply:
    """Books time; the ticket's `updated_at` stays as it is. 201."""
    ticket, body = call.ticket(), call.body()
    spent = str(body.get("time_spent") or "")
    if not re.fullmatch(r"\d{1,3}:[0-5]\d", spent):
        raise invalid(problem("time_spent", "It should be a/an String in the format hh:mm", "missing_field"))
    now = call.account.now()
    number = call.account.next_id()
    made: Row = {
        "id": number,
        "created_at": now,
        "updated_at": now,
        "start_time": now,
        "timer_running": False,
        "billable": bool(body.get("billable", True)),
        "time_spent": spent,
        "executed_at": now,
        "task_id": None,
        "workspace_id": 2,
        "note": body.get("note"),
        "agent_id": body.get("agent_id") or call.scope.id,
        "ticket_id": ticket["id"],
        "custom_fields": {},
    }
    call.account.table("time_entries")[number] = made
    return answer("time_entry", made, 201)


def tasks(call: Call) -> Reply:
    """The ticket's tasks."""
    return call.page(children(call, "tasks"), "tasks")


def add_task(call: Call) -> Reply:
    """A new task; the ticket's `updated_at` stays as it is. 201."""
    ticket, body = call.ticket(), call.body()
    if not body.get("title"):
        raise invalid(problem("title", "It should be a/an String", "missing_field"))
    now = call.account.now()
    number = call.account.next_id()
    made: Row = {
        "id": number,
        "agent_id": body.get("agent_id"),
        "status": body.get("status", 1),
        "due_date": body.get("due_date"),
        "notify_before": 0,
        "title": body["title"],
        "description": body.get("description") or "",
        "created_at": now,
        "updated_at": now,
        "closed_at": None,
        "group_id": body.get("group_id"),
        "workspace_id": 2,
        "ticket_id": ticket["id"],
    }
    call.account.table("tasks")[number] = made
    return answer("task", made, 201)


def place(account: Account, values: Row) -> Row:
    """Stores a new ticket with the account's defaults."""
    now = account.now()
    number = account.next_number("tickets")
    hours = _HOURS[values.get("priority", 1)]
    person = account.person(values["requester_id"]) or {}
    departments = person.get("department_ids") or [None]
    made: Row = {
        "subject": "",
        "group_id": None,
        "department_id": departments[0],
        "category": None,
        "sub_category": None,
        "item_category": None,
        "responder_id": None,
        "due_by": stamp(account.clock() + timedelta(hours=hours)),
        "fr_escalated": False,
        "deleted": False,
        "spam": False,
        "email_config_id": None,
        "fwd_emails": [],
        "reply_cc_emails": [],
        "cc_emails": [],
        "is_escalated": False,
        "fr_due_by": stamp(account.clock() + timedelta(hours=hours / 4)),
        "id": number,
        "priority": 1,
        "status": 2,
        "source": 2,
        "impact": 1,
        "urgency": 1,
        "created_at": now,
        "updated_at": now,
        "workspace_id": 2,
        "requested_for_id": values["requester_id"],
        "to_emails": None,
        "type": "Incident",
        "description": "",
        "custom_fields": dict.fromkeys(CUSTOM),
        "tags": [],
        "resolution_notes": None,
    }
    custom = made["custom_fields"] | (values.get("custom_fields") or {})
    account.table("tickets")[number] = made | values | {"custom_fields": custom}
    return account.table("tickets")[number]


def apply(account: Account, ticket: Row, values: Row, actor: int) -> None:
    """Stores changed values, with a line in the history."""
    custom: Row = values.pop("custom_fields", None) or {}
    changed = [
        f"set {name} as {_word(name, value)}" for name, value in values.items() if ticket.get(name) != value
    ]
    ticket.update(values)
    ticket["custom_fields"] = ticket["custom_fields"] | custom
    ticket["updated_at"] = account.now()
    if changed:
        account.note_activity(ticket["id"], actor, " updated the ticket", *changed)


def shown(call: Call, ticket: Row, included: tuple[str, ...], *, whole: bool = False) -> Row:
    """A ticket as it is listed, or whole, with what is included."""
    body = {name: value for name, value in ticket.items() if name not in _NOT_LISTED or whole}
    body["description_text"] = plain(ticket["description"])
    if whole:
        body["attachments"] = [each.to_json(call.base) for each in call.account.files.get(ticket["id"], [])]
    for name in included:
        body[name] = _included(call, ticket, name)
    return body


def includes(call: Call, allowed: tuple[str, ...]) -> tuple[str, ...]:
    """What `include` asks for; 400 for what cannot be."""
    asked = tuple(each.strip() for each in call.query("include").split(",") if each.strip())
    if any(each not in allowed for each in asked):
        raise invalid(problem("include", f"It should be one of these values: '{','.join(allowed)}'"))
    return asked


def plain(html: str | None) -> str:
    """HTML without its tags."""
    return re.sub(r"<[^>]+>", " ", html or "").strip()


_NOT_LISTED = ("resolution_notes",)


def _included(call: Call, ticket: Row, name: str) -> Any:
    account = call.account
    match name:
        case "requester" | "requested_for":
            row = account.person(ticket[f"{name}_id"]) or {}
            email = row.get("primary_email") or row.get("email")
            names = " ".join(filter(None, (row.get("first_name"), row.get("last_name"))))
            return {
                "id": row.get("id"),
                "name": names,
                "email": email,
                "mobile": row.get("mobile_phone_number"),
                "phone": row.get("work_phone_number"),
            }
        case "stats":
            closed = ticket["updated_at"] if ticket["status"] == 5 else None
            resolved = ticket["updated_at"] if ticket["status"] in (4, 5) else None
            return {
                "ticket_id": ticket["id"],
                "opened_at": None,
                "group_escalated": False,
                "inbound_count": 1,
                "status_updated_at": ticket["updated_at"],
                "resolved_at": resolved,
                "closed_at": closed,
                "created_at": ticket["created_at"],
                "updated_at": ticket["updated_at"],
            }
        case "conversations":
            from deskmind.sandbox.freshservice.conversations import conversation

            return [conversation(call, each) for each in account.conversations(ticket["id"])[:10]]
        case "tags":
            return ticket["tags"]
        case "department":
            return account.table("departments").get(ticket["department_id"] or 0)
        case "assets":
            wanted = account.assets_of(ticket)
            return [each for each in account.table("assets").values() if each["display_id"] in wanted]
        case _:
            return None


def _filtered(call: Call, ticket: Row, name: str) -> bool:
    if name == "deleted":
        return bool(ticket["deleted"])
    if name == "spam":
        return bool(ticket["spam"])
    if name == "archived":
        return False
    if name == "new_and_my_open":
        return (
            not ticket["deleted"]
            and ticket["status"] == 2
            and ticket["responder_id"] in (None, call.scope.id)
        )
    return not ticket["deleted"] and not ticket["spam"]


def _asked(call: Call, ticket: Row) -> bool:
    since = call.query("updated_since")
    if since and ticket["updated_at"] < _moment(since):
        return False
    if call.query("requester_id") and str(ticket["requester_id"]) != call.query("requester_id"):
        return False
    if call.query("type") and ticket["type"] != call.query("type"):
        return False
    email = call.query("email").lower()
    person = call.account.person(ticket["requester_id"]) or {}
    return not email or email in (str(person.get("primary_email")).lower(), str(person.get("email")).lower())


def _moment(text: str) -> str:
    from datetime import UTC, datetime

    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise invalid(problem("updated_since", "It should be a/an DateTime", "datatype_mismatch")) from None
    return stamp(found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC))


def _for_filter(account: Account, ticket: Row) -> Row:
    person = account.person(ticket["requester_id"]) or {}
    email = person.get("primary_email") or person.get("email")
    return ticket | {"agent_id": ticket["responder_id"], "tag": ticket["tags"], "email": email}


def _with_total(reply: Reply, total: int) -> Reply:
    import json

    body = json.loads(bytes(reply.body) if isinstance(reply.body, bytes) else b"{}") | {"total": total}
    return Reply.json(reply.status, body).told(dict(reply.headers))


def _word(name: str, value: Any) -> str:
    return STATUSES.get(value, str(value)) if name == "status" else str(value)


ROUTES = (
    Route("GET", "tickets", listed),
    Route("POST", "tickets", create),
    Route("GET", "tickets/filter", filtered),
    Route("GET", "tickets/{id}", one),
    Route("PUT", "tickets/{id}", change),
    Route("DELETE", "tickets/{id}", delete),
    Route("DELETE", "tickets/{id}/delete_forever", delete_forever),
    Route("PUT", "tickets/{id}/restore", restore),
    Route("GET", "tickets/{id}/restore", restore),
    Route("GET", "tickets/{id}/activities", activities),
    Route("GET", "tickets/{id}/time_entries", time_entries),
    Route("POST", "tickets/{id}/time_entries", add_time_entry),
    Route("GET", "tickets/{id}/tasks", tasks),
    Route("POST", "tickets/{id}/tasks", add_task),
)
