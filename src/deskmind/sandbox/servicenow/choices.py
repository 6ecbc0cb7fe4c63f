"""What the values of choice fields are called."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["CHOICES", "every_choice", "label_of"]

_SCALE = {"1": "1 - High", "2": "2 - Medium", "3": "3 - Low"}
_PRIORITY = {"1": "1 - Critical", "2": "2 - High", "3": "3 - Moderate", "4": "4 - Low", "5": "5 - Planning"}
_INCIDENT = {"1": "New", "2": "In Progress", "3": "On Hold", "6": "Resolved", "7": "Closed", "8": "Canceled"}
_CODES = {value: value for value in ("Solution provided", "Workaround provided", "Duplicate", "User error", "No resolution provided")}  # fmt: skip

CHOICES: dict[tuple[str, str], dict[str, str]] = {
    ("task", "state"): {"1": "Open", "2": "Work in Progress", "3": "Closed Complete", "4": "Closed Incomplete", "7": "Closed Skipped", "-5": "Pending"},
    ("task", "impact"): _SCALE,
    ("task", "urgency"): _SCALE,
    ("task", "priority"): _PRIORITY,
    ("task", "approval"): {"not requested": "Not Yet Requested", "requested": "Requested", "approved": "Approved", "rejected": "Rejected"},
    ("task", "contact_type"): {"phone": "Phone", "self-service": "Self-service", "email": "Email", "walk-in": "Walk-in", "chat": "Chat"},
    ("task", "escalation"): {"0": "Normal", "1": "Moderate", "2": "High", "3": "Overdue"},
    ("task", "upon_approval"): {"proceed": "Proceed to Next Task", "do_nothing": "Wait for a User to Close this task"},
    ("task", "upon_reject"): {"cancel": "Cancel all future Tasks", "goto": "Go to a previous Task"},
    ("incident", "state"): _INCIDENT,
    ("incident", "incident_state"): _INCIDENT,
    ("incident", "severity"): _SCALE,
    ("incident", "notify"): {"1": "Do Not Notify", "2": "Send Email", "3": "Phone"},
    ("incident", "hold_reason"): {"1": "Awaiting Caller", "2": "Awaiting Evidence", "3": "Awaiting Problem", "4": "Awaiting Vendor", "5": "Awaiting Change"},
    ("incident", "close_code"): _CODES,
    ("problem", "state"): {"101": "New", "102": "Assess", "103": "Root Cause Analysis", "104": "Fix in Progress", "106": "Resolved", "107": "Closed"},
    ("problem", "problem_state"): {"101": "New", "102": "Assess", "103": "Root Cause Analysis", "104": "Fix in Progress", "106": "Resolved", "107": "Closed"},
    ("problem", "resolution_code"): {"fix_applied": "Fix Applied", "risk_accepted": "Risk Accepted", "duplicate": "Duplicate", "canceled": "Canceled"},
    ("change_request", "state"): {"-5": "New", "-4": "Assess", "-3": "Authorize", "-2": "Scheduled", "-1": "Implement", "0": "Review", "3": "Closed", "4": "Canceled"},
    ("change_request", "type"): {"normal": "Normal", "standard": "Standard", "emergency": "Emergency"},
    ("change_request", "risk"): {"2": "High", "3": "Moderate", "4": "Low"},
    ("change_request", "close_code"): {"successful": "Successful", "successful_issues": "Successful with issues", "unsuccessful": "Unsuccessful"},
    ("sc_request", "request_state"): {"requested": "Pending Approval", "in_process": "Approved", "closed_complete": "Closed Complete", "closed_cancelled": "Closed Cancelled"},
    ("sc_req_item", "stage"): {"waiting_for_approval": "Waiting for Approval", "fulfillment": "Fulfillment", "complete": "Completed", "request_cancelled": "Request Cancelled"},
    ("cmdb_ci", "install_status"): {"1": "Installed", "2": "On Order", "3": "In Maintenance", "6": "In Stock", "7": "Retired"},
    ("cmdb_ci", "operational_status"): {"1": "Operational", "2": "Non-Operational", "6": "Retired"},
    ("cmdb_ci_service", "busines_criticality"): {"1 - most critical": "1 - most critical", "2 - somewhat critical": "2 - somewhat critical", "3 - less critical": "3 - less critical", "4 - not critical": "4 - not critical"},
    ("kb_knowledge", "workflow_state"): {"draft": "Draft", "review": "Review", "published": "Published", "pending_retirement": "Pending retirement", "retired": "Retired", "outdated": "Outdated"},
    ("kb_knowledge", "article_type"): {"text": "HTML", "wiki": "Wiki"},
    ("kb_knowledge", "language"): {"en": "English"},
    ("task_sla", "stage"): {"in_progress": "In progress", "paused": "Paused", "completed": "Completed", "cancelled": "Cancelled", "breached": "Breached"},
    ("sys_user", "notification"): {"1": "Disable", "2": "Enable"},
    ("sc_cat_item", "type"): {"item": "Item"},
    ("sc_cat_item", "availability"): {"on_desktop": "Desktop Only", "on_both": "Desktop and Mobile"},
}  # fmt: skip
"""By table and column: what each value is called. A class without its own takes those of what it extends."""


def label_of(ancestors: Iterator[str], column: str, value: str) -> str:
    """The label of a value of a choice column; the value itself where it has none."""
    for table in ancestors:
        if (table, column) in CHOICES:
            return CHOICES[table, column].get(value, value)
    return value


def every_choice() -> Iterator[tuple[str, str, str, str, int]]:
    """Table, column, value, label and place of every choice."""
    for (table, column), labels in CHOICES.items():
        for place, (value, label) in enumerate(labels.items()):
            yield table, column, value, label, place
