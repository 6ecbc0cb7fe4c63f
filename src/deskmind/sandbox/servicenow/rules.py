"""Business rules: what an instance does by itself when a record is created or changed, and what it does not allow."""

from __future__ import annotations

from dataclasses import dataclass

from deskmind.sandbox.servicenow.errors import aborted, data_policy
from deskmind.sandbox.servicenow.users import User

__all__ = ["Change", "apply_rules", "defaults"]

_PRIORITY = {
    "11": "1",
    "12": "2",
    "13": "3",
    "21": "2",
    "22": "3",
    "23": "4",
    "31": "3",
    "32": "4",
    "33": "5",
}
_CHANGE_ORDER = ["-5", "-4", "-3", "-2", "-1", "0", "3"]
_PROBLEM_ORDER = ["101", "102", "103", "104", "106", "107"]
_REQUEST_ENDED = ("3", "4", "7")


@dataclass(slots=True)
class Change:
    """A record on its way into the store: what it was (empty for a new one), and what it is to be."""

    table: str
    sys_id: str
    before: dict[str, str]
    after: dict[str, str]
    user: User
    now: str
    comment: str = ""

    def changed(self, column: str) -> bool:
        """Whether this column gets another value."""
        return self.before.get(column, "") != self.after.get(column, "")

    @property
    def new(self) -> bool:
        """Whether the record is created."""
        return not self.before


def defaults(table: str, user: User, now: str) -> dict[str, str]:
    """What a new record has before its creator's values."""
    found = dict(_TASK) if table in _TASKS else {}
    found |= _DEFAULTS.get(table, {})
    if table in _TASKS:
        found |= {"opened_by": user.sys_id, "opened_at": now}
    if table == "kb_knowledge":
        found["author"] = user.sys_id
    return found


def apply_rules(change: Change) -> None:
    """Completes `change.after`. Raises `Refused` (403) where a rule or a data policy does not allow the change."""
    if change.table in _TASKS:
        _assigned(change)
        if {"impact", "urgency"} & {name for name in ("impact", "urgency") if change.changed(name)}:
            after = change.after
            after["priority"] = _PRIORITY.get(after["impact"] + after["urgency"], after["priority"])
    match change.table:
        case "incident":
            _incident(change)
        case "problem":
            _problem(change)
        case "change_request":
            _change_request(change)
        case "sc_request" | "sc_req_item" | "sc_task":
            _request(change)
        case "kb_knowledge":
            _article(change)
        case _:
            pass


def _assigned(change: Change) -> None:
    after = change.after
    if not change.new and (change.changed("assigned_to") or change.changed("assignment_group")):
        after["reassignment_count"] = str(int(after["reassignment_count"] or 0) + 1)
    if change.new and not after["short_description"] and change.table == "incident":
        raise data_policy("Short description")


def _incident(change: Change) -> None:
    after, before = change.after, change.before
    if change.changed("incident_state") and not change.changed("state"):
        after["state"] = after["incident_state"]
    state, was = after["state"], before.get("state", "")
    after["incident_state"] = state
    if was == "7" and state != "7" and not change.user.has():
        raise aborted("incident", "Closed incidents stay closed", change.sys_id)
    if state in ("6", "7"):
        _require(change, "close_code", "close_notes")
    if state == "3" and was != "3":
        _require(change, "hold_reason")
        if after["hold_reason"] == "1" and not change.comment:
            raise data_policy("Additional comments")
    if state == "2" and was == "1" and not after["assigned_to"] and not after["assignment_group"]:
        after["assigned_to"] = change.user.sys_id
    if state != "3":
        after["hold_reason"] = ""
    if was in ("6", "7") and state in ("1", "2", "3"):
        after["reopen_count"] = str(int(after["reopen_count"] or 0) + 1)
        after |= {"reopened_time": change.now, "reopened_by": change.user.sys_id}
        after |= dict.fromkeys(
            ("resolved_at", "resolved_by", "closed_at", "closed_by", "close_code", "close_notes"), ""
        )
    if state in ("6", "7") and not after["resolved_at"]:
        after |= {"resolved_at": change.now, "resolved_by": change.user.sys_id}
    _ended(change, state in ("7", "8"))


def _problem(change: Change) -> None:
    after = change.after
    if change.changed("problem_state") and not change.changed("state"):
        after["state"] = after["problem_state"]
    state = after["problem_state"] = after["state"]
    if change.changed("state") and not change.new:
        _in_order(change, _PROBLEM_ORDER, "Problem: check state transition", back=True)
    if state in ("102", "103", "104"):
        _require(change, "assigned_to")
    if state == "104":
        _require(change, "cause_notes", "fix_notes")
    if state in ("106", "107"):
        _require(change, "resolution_code")
        if not after["resolved_at"]:
            after |= {"resolved_at": change.now, "resolved_by": change.user.sys_id}
    _ended(change, state == "107")


def _change_request(change: Change) -> None:
    after = change.after
    if change.changed("state") and not change.new and after["state"] != "4":
        _in_order(change, _CHANGE_ORDER, "Change Model: Check State Transition")
    if after["state"] in ("-3", "-2", "-1"):
        _require(change, "assignment_group")
    if after["state"] == "3":
        _require(change, "close_code", "close_notes")
    _ended(change, after["state"] in ("3", "4"))


def _request(change: Change) -> None:
    state = change.after["state"]
    _ended(change, state in _REQUEST_ENDED)
    if change.table == "sc_req_item" and change.changed("state"):
        change.after["stage"] = {"3": "complete", "4": "request_cancelled"}.get(state, change.after["stage"])
    if change.table == "sc_request" and change.changed("state"):
        ended = {"3": "closed_complete", "4": "closed_cancelled"}
        change.after["request_state"] = ended.get(state, change.after["request_state"])


def _article(change: Change) -> None:
    after = change.after
    if change.changed("workflow_state"):
        if after["workflow_state"] == "published":
            after |= {"published": change.now[:10], "active": "true"}
        if after["workflow_state"] == "retired":
            after |= {"retired": change.now[:10], "active": "false"}


def _ended(change: Change, ended: bool) -> None:
    after = change.after
    after["active"] = "false" if ended else "true"
    if ended and not after["closed_at"]:
        after |= {"closed_at": change.now, "closed_by": change.user.sys_id}
    if not ended:
        after |= {"closed_at": "", "closed_by": ""}


def _in_order(change: Change, order: list[str], rule: str, *, back: bool = False) -> None:
    """A state may be followed by the next one (or, with `back`, by any before it) only."""
    try:
        step = order.index(change.after["state"]) - order.index(change.before["state"])
    except ValueError:
        raise aborted(change.table, rule, change.sys_id) from None
    if step != 1 and not (back and step < 0):
        raise aborted(change.table, rule, change.sys_id)


def _require(change: Change, *columns: str) -> None:
    labels = {
        "close_code": "Resolution code" if change.table == "incident" else "Close code",
        "close_notes": "Resolution notes" if change.table == "incident" else "Close notes",
        "hold_reason": "On hold reason",
        "assigned_to": "Assigned to",
        "assignment_group": "Assignment group",
        "cause_notes": "Cause notes",
        "fix_notes": "Fix notes",
        "resolution_code": "Resolution code",
    }
    missing = [labels[column] for column in columns if not change.after[column]]
    if missing:
        raise data_policy(*missing)


_TASKS = ("task", "incident", "problem", "change_request", "sc_request", "sc_req_item", "sc_task")
_TASK = {
    "active": "true",
    "state": "1",
    "impact": "3",
    "urgency": "3",
    "priority": "5",
    "approval": "not requested",
    "upon_approval": "proceed",
    "upon_reject": "cancel",
    "escalation": "0",
    "knowledge": "false",
    "made_sla": "true",
    "reassignment_count": "0",
    "sys_domain": "global",
    "sys_domain_path": "/",
}
_DEFAULTS: dict[str, dict[str, str]] = {
    "incident": {"incident_state": "1", "severity": "3", "notify": "1", "category": "inquiry", "reopen_count": "0",
                 "child_incidents": "0"},
    "problem": {"state": "101", "problem_state": "101", "known_error": "false", "related_incidents": "0"},
    "change_request": {"state": "-5", "type": "normal", "risk": "3", "cab_required": "false", "on_hold": "false"},
    "sc_request": {"request_state": "requested"},
    "sc_req_item": {"stage": "waiting_for_approval", "quantity": "1", "backordered": "false"},
    "kb_knowledge": {"workflow_state": "draft", "active": "true", "article_type": "text", "language": "en",
                     "use_count": "0", "sys_view_count": "0", "flagged": "false", "direct": "false",
                     "display_attachments": "true", "valid_to": "2100-01-01", "sys_domain": "global",
                     "sys_domain_path": "/"},
    "sys_user": {"active": "true", "locked_out": "false", "notification": "2", "vip": "false", "sys_domain": "global",
                 "sys_domain_path": "/", "web_service_access_only": "false", "calendar_integration": "1",
                 "enable_multifactor_authn": "false", "password_needs_reset": "false",
                 "internal_integration_user": "false"},
    "sys_user_group": {"active": "true", "exclude_manager": "false", "include_members": "false"},
    "user_criteria": {"active": "true", "match_all": "false", "advanced": "false"},
    "kb_knowledge_base": {"active": "true", "workflow": "Knowledge - Instant Publish"},
    "sys_script": {"active": "true", "when": "async", "order": "100"},
    "sys_rate_limit_rules": {"active": "true"},
    "cmdb_ci": {"install_status": "1", "operational_status": "1", "sys_domain": "global", "sys_domain_path": "/"},
}  # fmt: skip
