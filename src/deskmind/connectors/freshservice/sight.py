"""Who sees what in Freshservice: tickets by an agent's scope, articles by their folder's visibility.

Scopes are named sets whose members are told as memberships. Tickets of a restricted group are seen by its members alone, and by those only whose own scope reaches them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from deskmind.connectors.access import EVERYONE, Access, Grantee

__all__ = [
    "AGENTS",
    "ALL_TICKETS",
    "department_scope",
    "folder_access",
    "group_scope",
    "requester_group",
    "restricted_scope",
    "scopes_of_agent",
    "scopes_of_requester",
    "ticket_access",
]

ALL_TICKETS = Grantee("scope", "tickets:all")
AGENTS = Grantee("scope", "agents")


def group_scope(identity: Any) -> Grantee:
    """Agents who see the tickets of a group."""
    return Grantee("scope", f"tickets:group:{identity}")


def restricted_scope(identity: Any) -> Grantee:
    """Members of a restricted group whose scope reaches its tickets."""
    return Grantee("scope", f"tickets:restricted:{identity}")


def department_scope(identity: Any) -> Grantee:
    """Requesters who see the tickets of a department."""
    return Grantee("scope", f"tickets:department:{identity}")


def requester_group(identity: Any) -> Grantee:
    """A group of requesters; its ids are not those of agent groups."""
    return Grantee("group", f"requesters:{identity}")


def ticket_access(
    people: Iterable[Any], responder: Any, group: Any, department: Any, *, restricted: bool
) -> tuple[Access, Access]:
    """Who sees a ticket and its public comments, and who its private notes."""
    agents = {Grantee("user", str(responder))} if responder else set[Grantee]()
    if group:
        agents.add(restricted_scope(group) if restricted else group_scope(group))
    if not restricted:
        agents.add(ALL_TICKETS)
    requesters = {Grantee("user", str(one)) for one in people if one}
    if department:
        requesters.add(department_scope(department))
    return Access((frozenset(agents | requesters),)), Access((frozenset(agents),))


def folder_access(folder: Mapping[str, Any]) -> Access:
    """Who reads the articles of a folder; a visibility that is not known lets nobody in."""
    match _visibility(folder.get("visibility")):
        case 1 | 2:
            return Access((frozenset({EVERYONE}),))
        case 3:
            return Access((frozenset({AGENTS}),))
        case 4:
            return _any("department", folder.get("department_ids"))
        case 5:
            return _any("group", folder.get("group_ids"))
        case 6:
            groups = cast("Sequence[Any]", folder.get("requester_group_ids") or [])
            return Access((frozenset(requester_group(one) for one in groups),))
        case other:
            return Access((frozenset(),), unread=(f"visibility {other}",))


def scopes_of_agent(agent: Mapping[str, Any]) -> list[Grantee]:
    """The sets an agent belongs to; a scope that is not known gives none."""
    groups = cast("Sequence[Any]", agent.get("member_of") or agent.get("group_ids") or [])
    found = [AGENTS, *(Grantee("group", str(one)) for one in groups)]
    for role in cast("Sequence[Mapping[str, Any]]", agent.get("roles") or []):
        match role.get("assignment_scope"):
            case "entire_helpdesk":
                found.append(ALL_TICKETS)
                reached = groups
            case "member_groups":
                reached = groups
            case "specified_groups":
                reached = cast("Sequence[Any]", role.get("groups") or [])
            case _:
                continue
        found.extend(group_scope(one) for one in reached)
        found.extend(restricted_scope(one) for one in reached if one in groups)
    return list(dict.fromkeys(found))


def scopes_of_requester(person: Mapping[str, Any]) -> list[Grantee]:
    """The departments a person belongs to, and those whose tickets they see."""
    departments = cast("Sequence[Any]", person.get("department_ids") or [])
    found = [Grantee("department", str(one)) for one in departments]
    if person.get("can_see_all_tickets_from_associated_departments") is True:
        found += [department_scope(one) for one in departments]
    return found


def _any(kind: Any, ids: Any) -> Access:
    return Access((frozenset(Grantee(kind, str(one)) for one in cast("Sequence[Any]", ids or [])),))


def _visibility(value: Any) -> Any:
    if isinstance(value, Mapping):
        inner = cast("Mapping[str, Any]", value)
        return inner.get("id") or inner.get("value")
    return value
