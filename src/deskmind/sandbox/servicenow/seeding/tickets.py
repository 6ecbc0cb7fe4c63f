"""Incidents, requests, problems and changes with journals, attachments, service levels and what was deleted."""

from __future__ import annotations

from deskmind.sandbox.company import Ticket
from deskmind.sandbox.servicenow.attachment_api import attach
from deskmind.sandbox.servicenow.seeding.assets import item_class
from deskmind.sandbox.servicenow.seeding.keys import Seeder
from deskmind.sandbox.servicenow.store import moment

__all__ = ["fill_tickets"]

_TABLES = {"incident": "incident", "request": "sc_req_item", "problem": "problem", "change": "change_request"}
_STATES = {
    "incident": {"new": "1", "in_progress": "2", "on_hold": "3", "resolved": "6", "closed": "7", "cancelled": "8"},
    "request": {"new": "1", "in_progress": "2", "on_hold": "-5", "resolved": "3", "closed": "3", "cancelled": "4"},
    "problem": {"new": "101", "in_progress": "103", "on_hold": "102", "resolved": "106", "closed": "107", "cancelled": "107"},
    "change": {"new": "-5", "in_progress": "-1", "on_hold": "-4", "resolved": "0", "closed": "3", "cancelled": "4"},
}  # fmt: skip
_CODES = ("Solution provided", "Workaround provided", "User error", "Solution provided")
_CONTACTS = ("phone", "self-service", "email", "walk-in", "chat")
_SHARED = {
    "sys_domain": "global",
    "sys_domain_path": "/",
    "approval": "not requested",
    "upon_approval": "proceed",
    "upon_reject": "cancel",
    "escalation": "0",
    "knowledge": "false",
}


class _Tickets:
    def __init__(self, seeder: Seeder) -> None:
        self.seeder = seeder
        self.items = {item.key: seeder.key(item_class(item), item.key) for item in seeder.company.items}
        self.sites = {person.key: seeder.key("cmn_location", person.site) for person in seeder.company.people}

    def user(self, key: str) -> str:
        return self.seeder.key("sys_user", key)

    def number(self, ticket: Ticket) -> str:
        prefix = self.seeder.store.schema[_TABLES[ticket.kind]].prefix
        return f"{prefix}{10_000 + ticket.number:07d}"

    def add(self, ticket: Ticket) -> None:
        table = _TABLES[ticket.kind]
        number = self.number(ticket)
        values = self.shared(ticket) | {"number": number, "task_effective_number": number}
        values |= getattr(self, ticket.kind)(ticket)
        sys_id = self.seeder.add(
            table, ticket.number, values, ticket.created, ticket.updated, ticket.assignee or ticket.opened_by
        )
        self.seeder.store.count_from(table, 10_000 + ticket.number)
        self.journal(table, sys_id, ticket)
        for file in ticket.attachments:
            at = moment(file.at)
            attach(
                self.seeder.instance,
                table,
                sys_id,
                file.name,
                file.content,
                file.content_type,
                file.author,
                at,
            )
        for tag in ticket.tags:
            entry = {
                "label": self.seeder.key("label", tag),
                "table": table,
                "table_key": sys_id,
                "title": number,
            }
            self.seeder.add("label_entry", f"{ticket.number}/{tag}", entry, ticket.created)

    def shared(self, ticket: Ticket) -> dict[str, str]:
        closed, opener = moment(ticket.closed), ticket.assignee or ticket.opened_by
        return _SHARED | {
            "short_description": ticket.summary,
            "description": ticket.description,
            "state": _STATES[ticket.kind][ticket.status],
            "active": "false" if ticket.closed else "true",
            "impact": str(ticket.impact),
            "urgency": str(ticket.urgency),
            "priority": str(ticket.priority),
            "opened_by": self.user(ticket.opened_by),
            "opened_at": moment(ticket.created),
            "closed_at": closed,
            "closed_by": self.user(opener) if closed else "",
            "assignment_group": self.seeder.key("sys_user_group", ticket.team),
            "assigned_to": self.user(ticket.assignee),
            "company": self.seeder.key("core_company", ticket.organisation),
            "business_service": self.seeder.key("cmdb_ci_service", ticket.service),
            "cmdb_ci": self.items.get(ticket.item, ""),
            "location": self.sites[ticket.requester],
            "contact_type": _CONTACTS[ticket.number % len(_CONTACTS)],
            "due_date": moment(ticket.due),
            "made_sla": "false" if self.late(ticket) else "true",
            "reassignment_count": str(ticket.number % 3),
        }

    def late(self, ticket: Ticket) -> bool:
        return bool(
            ticket.due and (ticket.resolved or ticket.closed or self.seeder.company.until) > ticket.due
        )

    def incident(self, ticket: Ticket) -> dict[str, str]:
        parent = self.seeder.company.tickets.by_number(ticket.parent) if ticket.parent else None
        above = self.seeder.key("incident", parent.number) if parent and parent.kind == "incident" else ""
        self.service_level(ticket)
        return {
            "caller_id": self.user(ticket.requester),
            "category": ticket.category,
            "subcategory": ticket.subcategory,
            "incident_state": _STATES["incident"][ticket.status],
            "hold_reason": str(ticket.number % 4 + 1) if ticket.status == "on_hold" else "",
            "severity": "3",
            "notify": "1",
            "reopen_count": "0",
            "child_incidents": "0",
            "parent_incident": above,
            **self.resolution(ticket),
        }

    def resolution(self, ticket: Ticket) -> dict[str, str]:
        if ticket.resolved is None:
            return {}
        seconds = str(int((ticket.resolved - ticket.created).total_seconds()))
        by = self.user(ticket.assignee or ticket.opened_by)
        code = _CODES[ticket.number % len(_CODES)]
        found = {
            "resolved_at": moment(ticket.resolved),
            "resolved_by": by,
            "close_code": code,
            "close_notes": ticket.resolution,
        }
        return found | {"calendar_stc": seconds, "business_stc": seconds}

    def service_level(self, ticket: Ticket) -> None:
        late = self.late(ticket)
        ended = ticket.resolved or ticket.closed
        values = {
            "task": self.seeder.key("incident", ticket.number),
            "sla": self.seeder.key("contract_sla", str(ticket.priority)),
            "stage": "completed" if ended else "breached" if late else "in_progress",
            "has_breached": "true" if late else "false",
            "start_time": moment(ticket.created),
            "end_time": moment(ended),
            "planned_end_time": moment(ticket.due),
            "active": "false" if ended else "true",
        }
        self.seeder.add("task_sla", ticket.number, values, ticket.created, ticket.updated)

    def request(self, ticket: Ticket) -> dict[str, str]:
        ended = ticket.status in ("resolved", "closed")
        whole = {"resolved": "closed_complete", "closed": "closed_complete", "cancelled": "closed_cancelled"}
        number = f"REQ{10_000 + ticket.number:07d}"
        values = self.shared(ticket) | {
            "number": number,
            "task_effective_number": number,
            "short_description": "",
        }
        values |= {
            "requested_for": self.user(ticket.requester),
            "request_state": whole.get(ticket.status, "in_process"),
        }
        request = self.seeder.add(
            "sc_request", ticket.number, values, ticket.created, ticket.updated, ticket.opened_by
        )
        self.seeder.store.count_from("sc_request", 10_000 + ticket.number)
        if ticket.number % 3 == 0:
            self.task(ticket, request)
        stage = (
            "complete" if ended else "request_cancelled" if ticket.status == "cancelled" else "fulfillment"
        )
        return {
            "request": request,
            "requested_for": self.user(ticket.requester),
            "cat_item": self.seeder.key("sc_cat_item", ticket.catalog_item),
            "stage": stage,
            "quantity": "1",
            "backordered": "false",
            "close_notes": ticket.resolution,
        }

    def task(self, ticket: Ticket, request: str) -> None:
        number = f"SCTASK{10_000 + ticket.number:07d}"
        values = self.shared(ticket) | {"number": number, "task_effective_number": number, "request": request}
        values |= {
            "request_item": self.seeder.key("sc_req_item", ticket.number),
            "short_description": f"Prepare: {ticket.summary}",
        }
        self.seeder.add("sc_task", ticket.number, values, ticket.created, ticket.updated, ticket.opened_by)
        self.seeder.store.count_from("sc_task", 10_000 + ticket.number)

    def problem(self, ticket: Ticket) -> dict[str, str]:
        ended = ticket.status in ("resolved", "closed", "cancelled")
        return {
            "category": ticket.category,
            "subcategory": ticket.subcategory,
            "problem_state": _STATES["problem"][ticket.status],
            "known_error": "true" if ticket.number % 2 else "false",
            "workaround": "Restart it and wait five minutes." if ticket.number % 2 else "",
            "fix_notes": ticket.resolution,
            "resolution_code": ("canceled" if ticket.status == "cancelled" else "fix_applied")
            if ended
            else "",
            "resolved_at": moment(ticket.resolved),
            "resolved_by": self.user(ticket.assignee) if ticket.resolved else "",
        }

    def change(self, ticket: Ticket) -> dict[str, str]:
        closed = ticket.status == "closed"
        return {
            "category": ticket.category,
            "type": ("normal", "standard", "emergency")[ticket.number % 3],
            "risk": str(2 + ticket.number % 3),
            "requested_by": self.user(ticket.requester),
            "start_date": moment(ticket.created),
            "end_date": moment(ticket.updated),
            "justification": ticket.description,
            "close_code": "successful" if closed else "",
            "close_notes": ticket.resolution if closed else "",
            "cab_required": "false",
            "on_hold": "false",
        }

    def journal(self, table: str, sys_id: str, ticket: Ticket) -> None:
        store = self.seeder.store
        for place, comment in enumerate(ticket.comments):
            element = "comments" if comment.public else "work_notes"
            values = {"sys_id": store.key("sys_journal_field", f"{ticket.number}/{place}"), "name": table}
            values |= {"element_id": sys_id, "element": element, "value": comment.text}
            values |= {"sys_created_on": moment(comment.at), "sys_created_by": comment.author}
            store.add("sys_journal_field", values)


def fill_tickets(seeder: Seeder) -> None:
    """All tickets of the company, and the traces of those that were deleted."""
    for tag in ("vip", "recurring", "training", "vendor", "peak-season"):
        seeder.add("label", tag, {"name": tag, "global": "true", "active": "true"})
    tickets = _Tickets(seeder)
    for ticket in seeder.company.tickets:
        tickets.add(ticket)
    for gone in seeder.company.deletions:
        table = _TABLES[gone.kind]
        display = f"{seeder.store.schema[table].prefix}{10_000 + gone.number:07d}"
        seeder.instance.records.trace(
            table, seeder.key(table, gone.number), display, gone.by, moment(gone.at)
        )
