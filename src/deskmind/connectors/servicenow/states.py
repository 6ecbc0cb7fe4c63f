"""The stored states of ServiceNow's task tables, as they come out of the box."""

from __future__ import annotations

from deskmind.connectors.model import StatusCategory, TicketType

__all__ = ["TYPES", "category_of", "level_name", "state_name"]

TYPES: dict[str, TicketType] = {
    "incident": "incident",
    "sc_request": "service request",
    "sc_req_item": "service request",
    "sc_task": "task",
    "problem": "problem",
    "problem_task": "task",
    "change_request": "change",
    "change_task": "task",
}

_REQUEST: dict[str, tuple[str, StatusCategory]] = {
    "-5": ("Pending", "waiting"),
    "1": ("Open", "new"),
    "2": ("Work in Progress", "open"),
    "3": ("Closed Complete", "closed"),
    "4": ("Closed Incomplete", "closed"),
    "7": ("Closed Skipped", "closed"),
}
_STATES: dict[str, dict[str, tuple[str, StatusCategory]]] = {
    "incident": {
        "1": ("New", "new"),
        "2": ("In Progress", "open"),
        "3": ("On Hold", "waiting"),
        "6": ("Resolved", "resolved"),
        "7": ("Closed", "closed"),
        "8": ("Canceled", "closed"),
    },
    "problem": {
        "101": ("New", "new"),
        "102": ("Assess", "open"),
        "103": ("Root Cause Analysis", "open"),
        "104": ("Fix in Progress", "open"),
        "106": ("Resolved", "resolved"),
        "107": ("Closed", "closed"),
        "1": ("Open", "new"),
        "2": ("Known Error", "open"),
        "3": ("Pending Change", "waiting"),
        "4": ("Closed/Resolved", "closed"),
    },
    "change_request": {
        "-5": ("New", "new"),
        "-4": ("Assess", "open"),
        "-3": ("Authorize", "waiting"),
        "-2": ("Scheduled", "waiting"),
        "-1": ("Implement", "open"),
        "0": ("Review", "resolved"),
        "3": ("Closed", "closed"),
        "4": ("Canceled", "closed"),
    },
}
_NAMES: tuple[tuple[str, StatusCategory], ...] = (
    ("cancel", "closed"),
    ("closed", "closed"),
    ("complete", "closed"),
    ("resolved", "resolved"),
    ("hold", "waiting"),
    ("pending", "waiting"),
    ("await", "waiting"),
    ("new", "new"),
    ("progress", "open"),
    ("open", "open"),
)
_LEVELS = {
    "priority": {
        "1": "1 - Critical",
        "2": "2 - High",
        "3": "3 - Moderate",
        "4": "4 - Low",
        "5": "5 - Planning",
    },
    "impact": {"1": "1 - High", "2": "2 - Medium", "3": "3 - Low"},
    "urgency": {"1": "1 - High", "2": "2 - Medium", "3": "3 - Low"},
}


def state_name(table: str, stored: str, shown: str) -> str:
    """What people call a state."""
    if shown and shown != stored:
        return shown
    return _STATES.get(table, _REQUEST).get(stored, (stored, "unknown"))[0]


def category_of(table: str, stored: str, shown: str, *, active: bool) -> StatusCategory:
    """The state in the words that all vendors share: by its own name where an instance has its own states."""
    lowered = shown.lower()
    if shown and shown != stored:
        for part, category in _NAMES:
            if part in lowered:
                return category
    known = _STATES.get(table, _REQUEST).get(stored)
    if known:
        return known[1]
    return "open" if active else "closed"


def level_name(field: str, stored: str, shown: str) -> str:
    """What people call a priority, impact or urgency."""
    return shown if shown and shown != stored else _LEVELS[field].get(stored, stored)
