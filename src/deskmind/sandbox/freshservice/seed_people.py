"""The demo company's people as Freshservice's requesters and agents, with groups, departments and locations."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from deskmind.sandbox.company import Audience, Company, Person
from deskmind.sandbox.freshservice.account import Account, Row, stamp
from deskmind.sandbox.freshservice.people import (
    AGENT,
    DEPARTMENTS,
    GROUPS,
    LOCATIONS,
    REQUESTER,
    REQUESTER_GROUPS,
)
from deskmind.sandbox.freshservice.scope import ADMIN_ROLE, AGENT_ROLE
from deskmind.sandbox.readers import members


@dataclass
class Ids:
    """The ids that the company's keys became."""

    people: dict[str, int] = field(default_factory=dict[str, int])
    groups: dict[str, int] = field(default_factory=dict[str, int])
    requester_groups: dict[str, int] = field(default_factory=dict[str, int])
    departments: dict[str, int] = field(default_factory=dict[str, int])
    locations: dict[str, int] = field(default_factory=dict[str, int])


def api_key(seed: int, key: str) -> str:
    """An agent's key."""
    return hashlib.sha256(f"freshservice-key:{seed}:{key}".encode()).hexdigest()[:20]


def populate(account: Account, company: Company) -> Ids:
    """Fills in people and what they belong to."""
    ids = Ids()
    made = stamp(company.people[0].created)
    times: Row = {"created_at": made, "updated_at": made}
    ids.people = {person.key: 21_000_060_000 + number for number, person in enumerate(company.people)}
    for number, site in enumerate(company.sites):
        ids.locations[site.key] = row_id = 21_000_010_000 + number
        address = {
            "line1": site.street,
            "line2": None,
            "city": site.name,
            "state": None,
            "country": site.country,
            "zipcode": None,
        }
        account.table("locations")[row_id] = {
            "id": row_id,
            **LOCATIONS.fields,
            "name": site.name,
            "address": address,
            **times,
        }
    for number, one in enumerate((*company.departments, *company.customers)):
        ids.departments[one.key] = row_id = 21_000_020_000 + number
        head = ids.people.get(getattr(one, "head", ""))
        domain = getattr(one, "domain", None)
        account.table("departments")[row_id] = {
            "id": row_id,
            **DEPARTMENTS.fields,
            "name": one.name,
            "head_user_id": head,
            "domains": [domain] if domain else [],
            "custom_fields": {},
            **times,
        }
    _groups(account, company, ids, times)
    for person in company.people:
        _person(account, company, ids, person)
    return ids


def requester_group(account: Account, ids: Ids, key: str, name: str, people: frozenset[str]) -> int:
    """A requester group of these people; made once for each key."""
    if key in ids.requester_groups:
        return ids.requester_groups[key]
    ids.requester_groups[key] = row_id = 21_000_040_000 + len(ids.requester_groups)
    account.table("requester_groups")[row_id] = {
        "id": row_id,
        **REQUESTER_GROUPS.fields,
        "name": name,
        "description": name,
    }
    account.members[row_id] = sorted(ids.people[each] for each in people)
    return row_id


def audience_group(account: Account, company: Company, ids: Ids, audience: Audience) -> int:
    """A requester group that holds an audience."""
    return requester_group(
        account, ids, f"audience-{audience.key}", audience.name, members(company, audience)
    )


def _groups(account: Account, company: Company, ids: Ids, times: Row) -> None:
    secret = {"hr-operations", "security-operations"}
    for number, team in enumerate(company.support_teams):
        ids.groups[team.key] = row_id = 21_000_061_280 + number
        people = [ids.people[each] for each in team.members]
        account.table("groups")[row_id] = {
            "id": row_id,
            **GROUPS.fields,
            "name": team.name,
            "description": team.description,
            "restricted": team.key in secret,
            "agent_ids": people,
            "members": people,
            "leaders": [ids.people[team.manager]] if team.manager else [],
            **times,
        }
    for team in company.teams:
        if not team.support:
            requester_group(account, ids, team.key, team.name, frozenset(team.members))


def _person(account: Account, company: Company, ids: Ids, person: Person) -> None:
    department = person.organisation if person.organisation in ids.departments else person.department
    shared: Row = {
        "first_name": person.first_name,
        "last_name": person.last_name,
        "job_title": person.title,
        "work_phone_number": person.phone,
        "department_ids": [ids.departments[department]],
        "reporting_manager_id": ids.people.get(person.manager),
        "location_id": ids.locations[person.site],
        "time_zone": company.site(person.site).time_zone,
        "custom_fields": {},
    }
    state: Row = {
        "active": person.active,
        "has_logged_in": True,
        "created_at": stamp(person.created),
        "updated_at": stamp(person.updated),
    }
    number = ids.people[person.key]
    if person.role == "requester":
        row: Row = {
            "id": number,
            **REQUESTER,
            **shared,
            "primary_email": person.email,
            "secondary_emails": [],
            **state,
            "is_agent": False,
        }
        account.table("requesters")[number] = row
        return
    groups = [ids.groups[team.key] for team in company.support_teams if person.key in team.members]
    admin = person.role == "admin"
    role = ADMIN_ROLE if admin else AGENT_ROLE
    breadth = "entire_helpdesk" if admin or person.key in company.service_desk else "member_groups"
    account.table("agents")[number] = {
        "id": number,
        **AGENT,
        **shared,
        "email": person.email,
        "role_ids": [role],
        "roles": [{"role_id": role, "assignment_scope": breadth, "groups": []}],
        "scopes": dict.fromkeys(("ticket", "problem", "change", "release", "asset", "solution", "contract")),
        "group_ids": groups,
        "member_of": groups,
        "observer_of": [],
        "member_of_pending_approval": [],
        "observer_of_pending_approval": [],
        "auto_assign_tickets": True,
        "auto_assign_status_changed_at": None,
        "last_login_at": state["updated_at"],
        "last_active_at": state["updated_at"],
        "scoreboard_points": None,
        **state,
    }
    if person.active:
        account.keys[api_key(company.seed, person.key)] = number
