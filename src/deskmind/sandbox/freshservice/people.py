"""Requesters, agents, their groups, departments and locations."""

from __future__ import annotations

from typing import Any

from deskmind.sandbox.freshservice.account import Account, Row
from deskmind.sandbox.freshservice.call import Call, Route, answer, empty
from deskmind.sandbox.freshservice.filters import PERSON_FIELDS
from deskmind.sandbox.freshservice.refusal import denied, invalid, problem
from deskmind.sandbox.freshservice.resource import Resource
from deskmind.sandbox.freshservice.scope import AGENT_ROLE
from deskmind.sandbox.web import Reply

_PERSON: dict[str, Any] = {
    "first_name": None,
    "last_name": None,
    "job_title": None,
    "work_phone_number": None,
    "mobile_phone_number": None,
    "department_ids": [],
    "can_see_all_tickets_from_associated_departments": False,
    "reporting_manager_id": None,
    "address": None,
    "time_zone": "UTC",
    "time_format": "12h",
    "language": "en",
    "location_id": None,
    "background_information": None,
    "custom_fields": {},
    "external_id": None,
    "vip_user": False,
}
REQUESTER: dict[str, Any] = {**_PERSON, "primary_email": None, "secondary_emails": []}
AGENT: dict[str, Any] = {
    **_PERSON,
    "email": None,
    "occasional": False,
    "signature": None,
    "scoreboard_level_id": None,
    "role_ids": [],
    "roles": [],
    "group_ids": [],
    "member_of": [],
    "observer_of": [],
}
REQUESTERS = Resource(
    "requesters",
    "requesters",
    "requester",
    "requesters",
    REQUESTER,
    required=("first_name",),
    filters=("primary_email", "mobile_phone_number", "work_phone_number"),
    queryable=PERSON_FIELDS,
    deletes=False,
)
AGENTS = Resource(
    "agents",
    "agents",
    "agent",
    "agents",
    AGENT,
    required=("first_name", "email"),
    filters=("email", "mobile_phone_number", "work_phone_number", "active"),
    queryable=PERSON_FIELDS,
    admin_writes=True,
    deletes=False,
)
GROUPS = Resource(
    "groups",
    "groups",
    "group",
    "groups",
    {
        "name": None,
        "description": None,
        "escalate_to": None,
        "unassigned_for": None,
        "business_hours_id": None,
        "auto_ticket_assign": False,
        "restricted": False,
        "approval_required": False,
        "ocs_schedule_id": None,
        "agent_ids": [],
        "members": [],
        "observers": [],
        "leaders": [],
        "members_pending_approval": [],
        "leaders_pending_approval": [],
        "observers_pending_approval": [],
    },
    required=("name",),
    admin_writes=True,
)
REQUESTER_GROUPS = Resource(
    "requester_groups",
    "requester_groups",
    "requester_group",
    "requester_groups",
    {"name": None, "description": None, "type": "manual"},
    required=("name",),
    admin_writes=True,
)
DEPARTMENTS = Resource(
    "departments",
    "departments",
    "department",
    "departments",
    {
        "name": None,
        "description": None,
        "head_user_id": None,
        "prime_user_id": None,
        "domains": [],
        "custom_fields": {},
    },
    required=("name",),
    filters=("name",),
    admin_writes=True,
)
LOCATIONS = Resource(
    "locations",
    "locations",
    "location",
    "locations",
    {"name": None, "parent_location_id": None, "primary_contact_id": None, "address": {}},
    required=("name",),
    admin_writes=True,
)


def listed_requesters(call: Call) -> Reply:
    """Requesters; `email` is either of their addresses. Deactivated ones only on demand."""
    email, agents = call.query("email").lower(), call.query("include_agents") == "true"
    if not email and not agents:
        return REQUESTERS.listed(call)
    rows = list(call.account.table("requesters").values())
    rows += [as_requester(each) for each in call.account.table("agents").values()] if agents else []
    found = [
        each for each in rows if email in ("", str(each["primary_email"]).lower(), *each["secondary_emails"])
    ]
    return call.page(found, "requesters")


def create_requester(call: Call) -> Reply:
    """A new requester; 409 for an address that somebody has. 201."""
    body = call.body()
    errors = [
        problem(each, "Unexpected/invalid field in request", "invalid_field")
        for each in body
        if each not in REQUESTER
    ]
    if not body.get("first_name"):
        errors.append(problem("first_name", "It should be a/an String", "missing_field"))
    email = str(body.get("primary_email") or "").lower()
    taken = [each for table in ("requesters", "agents") for each in call.account.table(table).values()]
    if email and any(email == str(each.get("primary_email") or each.get("email")).lower() for each in taken):
        errors.append(problem("primary_email", "It should be a unique value", "duplicate_value"))
    if errors:
        raise invalid(*errors)
    return answer("requester", new_requester(call.account, body), 201)


def deactivate(call: Call) -> Reply:
    """Deactivates; the row stays. 204."""
    call.row("requesters")["active"] = False
    return empty()


def deactivate_agent(call: Call) -> Reply:
    """Deactivates an agent; 204."""
    if not call.scope.admin:
        raise denied()
    call.row("agents")["active"] = False
    return empty()


def forget(call: Call) -> Reply:
    """Deletes a person and their tickets for good; 204."""
    if not call.scope.admin:
        raise denied()
    table = "agents" if "/agents/" in call.request.path else "requesters"
    person = call.row(table)["id"]
    del call.account.table(table)[person]
    tickets = call.account.table("tickets")
    for number in [each["id"] for each in tickets.values() if each["requester_id"] == person]:
        del tickets[number]
    return empty()


def me(call: Call) -> Reply:
    """The agent whose key it is."""
    return answer("agent", call.scope.agent)


def members(call: Call) -> Reply:
    """The requesters of a requester group."""
    group = call.row("requester_groups")["id"]
    people = [call.account.person(each) for each in call.account.members.get(group, [])]
    return call.page([as_requester(each) for each in people if each], "requesters")


def add_member(call: Call) -> Reply:
    """Adds a requester to a group; 204."""
    group, person = call.row("requester_groups")["id"], call.row("requesters", "requester")["id"]
    held = call.account.members.setdefault(group, [])
    if person not in held:
        held.append(person)
    return empty()


def remove_member(call: Call) -> Reply:
    """Takes a requester out of a group; 204."""
    group, person = call.row("requester_groups")["id"], call.id("requester")
    held = call.account.members.get(group, [])
    call.account.members[group] = [each for each in held if each != person]
    return empty()


def roles(call: Call) -> Reply:
    """The two roles of this account."""
    now = call.account.now()
    names = ((AGENT_ROLE - 3, "Account Admin"), (AGENT_ROLE, "SD Agent"))
    rows = [
        {
            "id": number,
            "name": name,
            "description": name,
            "default": True,
            "role_type": 1,
            "created_at": now,
            "updated_at": now,
        }
        for number, name in names
    ]
    return call.page(rows, "roles")


def as_requester(row: Row) -> Row:
    """An agent as the lists of requesters show it."""
    if "primary_email" in row:
        return row
    shown = {name: row.get(name, default) for name, default in REQUESTER.items()}
    state = {name: row[name] for name in ("active", "has_logged_in", "created_at", "updated_at")}
    return {"id": row["id"], **shown, "primary_email": row["email"], **state, "is_agent": True}


def new_requester(account: Account, body: Row) -> Row:
    """Stores a requester."""
    now = account.now()
    number = account.next_id()
    state = {"active": True, "has_logged_in": False, "is_agent": False}
    made = {"id": number, **REQUESTER, **body, **state, "created_at": now, "updated_at": now}
    account.table("requesters")[number] = made
    return made


ROUTES = (
    Route("GET", "requesters", listed_requesters),
    Route("POST", "requesters", create_requester),
    *(each for each in REQUESTERS.routes() if each.path != "requesters"),
    Route("DELETE", "requesters/{id}", deactivate),
    Route("DELETE", "requesters/{id}/forget", forget),
    Route("GET", "agents/me", me),
    *AGENTS.routes(),
    Route("DELETE", "agents/{id}", deactivate_agent),
    Route("DELETE", "agents/{id}/forget", forget),
    Route("GET", "roles", roles),
    *GROUPS.routes(),
    *REQUESTER_GROUPS.routes(),
    Route("GET", "requester_groups/{id}/members", members),
    Route("POST", "requester_groups/{id}/members/{requester}", add_member),
    Route("DELETE", "requester_groups/{id}/members/{requester}", remove_member),
    *DEPARTMENTS.routes(),
    *LOCATIONS.routes(),
)
