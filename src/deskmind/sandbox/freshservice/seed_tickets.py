"""The demo company's tickets as Freshservice's tickets, problems and changes."""

from __future__ import annotations

from datetime import timedelta
from html import escape
from typing import Any

from deskmind.sandbox.company import Company, Ticket
from deskmind.sandbox.freshservice.account import Account, File, Row, stamp
from deskmind.sandbox.freshservice.catalog import requested
from deskmind.sandbox.freshservice.conversations import NOTE, REPLY, place
from deskmind.sandbox.freshservice.processes import CHANGE, PROBLEM, note_key
from deskmind.sandbox.freshservice.seed_people import Ids

_STATUS = {"new": 2, "in_progress": 6, "on_hold": 3, "resolved": 4, "closed": 5, "cancelled": 5}
_PROBLEM_STATUS = {"new": 1, "in_progress": 1, "on_hold": 2, "resolved": 3, "closed": 3, "cancelled": 3}
_CHANGE_STATUS = {"new": 1, "in_progress": 2, "on_hold": 3, "resolved": 5, "closed": 6, "cancelled": 6}
_PRIORITY = {1: 4, 2: 3, 3: 2, 4: 1, 5: 1}


def fill(account: Account, company: Company, ids: Ids) -> None:
    """Places each ticket. Of what was deleted, the latest lie in the trash; the others are gone."""
    displays = {row["asset_tag"]: row["display_id"] for row in account.table("assets").values()}
    items = {row["name"]: row for row in account.table("service_items").values()}
    for ticket in company.tickets:
        if ticket.kind == "problem":
            _process(account, ids, ticket, "problems")
        elif ticket.kind == "change":
            _process(account, ids, ticket, "changes")
        else:
            _ticket(account, company, ids, ticket, displays, items)
    _trash(account, company)


def _shared(ids: Ids, ticket: Ticket) -> Row:
    department = ids.departments.get(ticket.organisation)
    return {
        "subject": ticket.summary,
        "description": f"<div>{escape(ticket.description, quote=False)}</div>",
        "group_id": ids.groups.get(ticket.team),
        "department_id": department,
        "category": ticket.category or None,
        "sub_category": ticket.subcategory or None,
        "item_category": None,
        "requester_id": ids.people[ticket.requester],
        "priority": _PRIORITY[ticket.priority],
        "impact": 4 - ticket.impact,
        "created_at": stamp(ticket.created),
        "updated_at": stamp(ticket.updated),
        "workspace_id": 2,
    }


def _ticket(
    account: Account,
    company: Company,
    ids: Ids,
    ticket: Ticket,
    displays: dict[str, int],
    items: dict[str, Row],
) -> None:
    late = ticket.due is not None and (ticket.resolved or company.until) > ticket.due
    quick = stamp(ticket.created + timedelta(hours=2))
    assets = [{"display_id": displays[ticket.item]}] if ticket.item in displays else []
    service = company.service(ticket.service).name if ticket.service else None
    code = ("Cancelled" if ticket.status == "cancelled" else "Solved") if ticket.resolution else None
    row: Row = {
        **_shared(ids, ticket),
        "responder_id": ids.people.get(ticket.assignee),
        "due_by": stamp(ticket.due or ticket.created + timedelta(days=5)),
        "fr_escalated": late,
        "deleted": False,
        "spam": False,
        "email_config_id": None,
        "fwd_emails": [],
        "reply_cc_emails": [],
        "cc_emails": [],
        "is_escalated": late,
        "fr_due_by": quick,
        "id": ticket.number,
        "status": _STATUS[ticket.status],
        "source": 2 if ticket.opened_by == ticket.requester else 3,
        "urgency": 4 - ticket.urgency,
        "requested_for_id": ids.people[ticket.requester],
        "to_emails": None,
        "type": "Service Request" if ticket.kind == "request" else "Incident",
        "custom_fields": {"affected_service": service, "resolution_code": code},
        "tags": list(ticket.tags),
        "resolution_notes": f"<div>{escape(ticket.resolution)}</div>" if ticket.resolution else None,
        "assets": assets,
    }
    account.table("tickets")[ticket.number] = row
    _said(account, ids, ticket, row)
    if ticket.catalog_item:
        offer = next(each for each in company.catalog if each.key == ticket.catalog_item)
        number = account.next_id()
        given = dict.fromkeys(offer.questions, "as agreed")
        account.table("requested_items")[number] = requested(
            number, ticket.number, items[offer.name], 1, given, row["created_at"]
        )


def _said(account: Account, ids: Ids, ticket: Ticket, row: Row) -> None:
    for each in ticket.comments:
        author = ids.people[each.author]
        source = REPLY if each.public else NOTE
        body = f"<div>{escape(each.text, quote=False)}</div>"
        place(account, row, author, body, source=source, private=not each.public, at=stamp(each.at))
    for each in ticket.attachments:
        made = File(account.next_id(), each.name, each.content_type, each.content, stamp(each.at))
        account.files.setdefault(row["id"], []).append(made)


def _process(account: Account, ids: Ids, ticket: Ticket, table: str) -> None:
    """Problems and changes count for themselves."""
    number = account.next_number(table)
    shared = _shared(ids, ticket) | {
        "agent_id": ids.people.get(ticket.assignee),
        "description_text": ticket.description,
    }
    row: dict[str, Any]
    if table == "problems":
        due = ticket.due or ticket.created + timedelta(days=14)
        row = {
            "id": number,
            **PROBLEM,
            **shared,
            "status": _PROBLEM_STATUS[ticket.status],
            "due_by": stamp(due),
            "known_error": bool(ticket.resolution),
        }
    else:
        start, end = ticket.created + timedelta(days=2), ticket.created + timedelta(days=2, hours=4)
        row = {
            "id": number,
            **CHANGE,
            **shared,
            "status": _CHANGE_STATUS[ticket.status],
            "planned_start_date": stamp(start),
            "planned_end_date": stamp(end),
            "risk": 4 - ticket.urgency,
        }
    account.table(table)[number] = row
    for each in ticket.comments:
        body = f"<div>{escape(each.text, quote=False)}</div>"
        key = {"id": note_key(table, number)}
        place(
            account,
            key,
            ids.people[each.author],
            body,
            source=NOTE,
            private=not each.public,
            at=stamp(each.at),
        )


def _trash(account: Account, company: Company) -> None:
    """The last few deletions can still be restored."""
    tickets = account.table("tickets")
    recent = sorted(company.deletions, key=lambda each: each.at)[-4:]
    pattern = next(iter(tickets.values()), None)
    for each in recent:
        if pattern is not None and each.number not in tickets:
            at = stamp(each.at)
            kept = {
                "id": each.number,
                "deleted": True,
                "subject": "Opened by mistake",
                "description": "<div>Sorry.</div>",
            }
            tickets[each.number] = {
                **pattern,
                **kept,
                "created_at": at,
                "updated_at": at,
                "tags": [],
                "assets": [],
                "type": "Incident",
            }
