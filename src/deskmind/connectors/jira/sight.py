"""Who sees an issue: who has an account with a licence, may browse its project, and is in its security level.

Both are named sets (``scope``) whose members are told as memberships, so that a change of a permission scheme, a role or
a level changes no issue. Customers are not in them: they see what they asked for, take part in or share by organisation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from deskmind.connectors.access import Access, Grantee
from deskmind.connectors.model import Reference

__all__ = ["LICENSED", "Holder", "Sight", "grantee_of_actor", "holders_of", "level_scope", "project_scope"]

LICENSED = Grantee("scope", "licensed")
"""Accounts of the site itself: a portal's customer browses no project, whatever groups it is in."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who a permission is given to: a grantee, or one whom each issue names (``reporter``, ``assignee``)."""

    grantee: Grantee | None = None
    of_issue: str = ""


@dataclass(frozen=True, slots=True)
class Sight:
    """What the projects' schemes say of the people whom an issue names.

    Attributes:
        browse: of a project's key, roles in the issue that may browse it.
        levels: the same of a security level in a project, as ``KEY:id``.
    """

    browse: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    levels: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])

    def of(
        self,
        project: str,
        level: str,
        *,
        portal: bool = False,
        reporter: Reference | None = None,
        assignee: Reference | None = None,
        participants: Iterable[Reference] = (),
        organisations: Iterable[Reference] = (),
    ) -> Access:
        """Who sees an issue and its public comments; customers only where a ``portal`` shows it to them."""
        people = {"reporter": reporter, "assignee": assignee}
        named = _named(people, self.browse.get(project, frozenset()))
        customers = set[Grantee]()
        if portal:
            customers |= {Grantee("user", one.id) for one in (reporter, *participants) if one is not None}
            customers |= {Grantee("organisation", one.id) for one in organisations}
        inside = frozenset({project_scope(project)} | named | customers)
        browse = Access((inside, frozenset({LICENSED} | customers)))
        if not level:
            return browse
        scope = level_scope(project, level)
        allowed = {scope} | _named(people, self.levels.get(f"{project}:{level}", frozenset()))
        return browse.both(Access((frozenset(allowed),)))

    def internal(self, access: Access, project: str) -> Access:
        """Who of those sees internal comments: who may browse the project."""
        staff = Access((frozenset({project_scope(project)}), frozenset({LICENSED})))
        return access.both(staff)


def project_scope(key: str) -> Grantee:
    """Those who may browse a project, whatever the issue."""
    return Grantee("scope", f"project:{key}")


def level_scope(project: str, identity: str) -> Grantee:
    """Those whom a security level names in a project: projects share levels, but each fills its roles for itself."""
    return Grantee("scope", f"level:{project}:{identity}")


def _named(people: Mapping[str, Reference | None], roles: frozenset[str]) -> set[Grantee]:
    return {Grantee("user", one.id) for role, one in people.items() if role in roles and one is not None}


def holders_of(
    holder: Mapping[str, Any], actors: Mapping[str, Sequence[Grantee]], lead: str
) -> Sequence[Holder]:
    """Whom one grant of a permission scheme or level means; none where it is not understood.

    Args:
        holder: of the grant.
        actors: of the project's roles, by the role's id.
        lead: the project lead's account.
    """
    value = str(holder.get("value") or holder.get("parameter") or "")
    match holder.get("type"):
        case "group":
            return [Holder(Grantee("group", value))]
        case "user":
            return [Holder(Grantee("user", value))]
        case "projectRole":
            return [Holder(one) for one in actors.get(value, ())]
        case "anyone":
            return [Holder(Grantee("everyone", ""))]
        case "applicationRole":
            return [Holder(Grantee("role", value or "any"))]
        case "projectLead":
            return [Holder(Grantee("user", lead))] if lead else []
        case "reporter" | "assignee":
            return [Holder(of_issue=str(holder["type"]))]
        case _:
            return []


def grantee_of_actor(actor: Mapping[str, Any]) -> Grantee | None:
    """A member of a project role."""
    group = cast("Mapping[str, Any]", actor.get("actorGroup") or {})
    user = cast("Mapping[str, Any]", actor.get("actorUser") or {})
    if identity := group.get("groupId") or group.get("name"):
        return Grantee("group", str(identity))
    return Grantee("user", str(user["accountId"])) if user.get("accountId") else None
