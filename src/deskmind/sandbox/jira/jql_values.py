"""What JQL compares: a field's value of an issue, and the values that an operand names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from deskmind.sandbox.jira import adf
from deskmind.sandbox.jira.fields import OPTIONS, ORGANIZATIONS, Field
from deskmind.sandbox.jira.issue import Issue
from deskmind.sandbox.jira.jql_syntax import Value, refused
from deskmind.sandbox.jira.scheme import Named
from deskmind.sandbox.jira.sight import Sight
from deskmind.sandbox.jira.site import Site

CATEGORIES = {"new": (2, "To Do"), "indeterminate": (4, "In Progress"), "done": (3, "Done")}


def held(site: Site, field: Field, issue: Issue) -> Any:
    """The value of a field that is compared: an id, a list of ids, a moment, a number or None."""
    match field.kind:
        case "project":
            return issue.project_id
        case "key":
            return issue.id
        case "category":
            return site.statuses[issue.values["status"]].category
        case "attachment":
            return [each.id for each in issue.attachments]
        case "links":
            return [str(link.other) for link in issue.links]
        case _ if field.id in ("created", "updated"):
            return issue.created if field.id == "created" else issue.updated
        case _ if field.id == "statuscategorychangedate":
            return issue.category_changed or issue.created
        case _:
            return issue.values.get(field.id)


def words(field: Field, issue: Issue, sight: Sight) -> str:
    """The text that `~` searches."""
    if field.kind == "comment":
        return "\n".join(adf.plain(each.body) for each in issue.comments if sight.reads(each))
    if field.kind == "rich":
        return adf.plain(issue.values.get(field.id))
    return str(issue.values.get(field.id) or "")


def named(site: Site, sight: Sight, field: Field, value: Value) -> frozenset[Any]:
    """The ids that an operand stands for; `Refused` where nothing on the site has that name."""
    if value.arguments is not None:
        return _function(site, sight, field, value)
    found = frozenset(_candidates(site, sight, field, value.text))
    if not found:
        raise _unknown(field, value)
    return found


def _unknown(field: Field, value: Value) -> Exception:
    if field.kind == "key":
        return refused(f"An issue with key '{value.text}' does not exist for field '{field.clauses[-1]}'.")
    return refused(f"The value '{value.text}' does not exist for the field '{field.clause_names()[0]}'.")


def _candidates(site: Site, sight: Sight, field: Field, text: str) -> Iterable[Any]:
    match field.kind:
        case "project":
            project = site.project(text) or next(
                (p for p in site.projects.values() if _same(p.name, text)), None
            )
            return [project.id] if project and sight.browses(project) else []
        case "key" | "parent":
            issue = site.issue(text)
            if issue is None or not sight.sees(issue):
                return []
            return [issue.id if field.kind == "key" else str(issue.id)]
        case "category":
            return [
                key
                for key, (number, name) in CATEGORIES.items()
                if text in (key, str(number)) or _same(name, text)
            ]
        case "user" | "users":
            return _users(site, text)
        case "labels":
            return [text]
        case "organizations":
            return [
                each.id for each in site.organizations.values() if text == each.id or _same(each.name, text)
            ]
        case "option":
            return [
                known for known, shown in OPTIONS.get(field.id, ()) if text == known or _same(shown, text)
            ]
        case _:
            return [each.id for each in _catalogue(site, field) if text == each.id or _same(each.name, text)]


def _same(name: str, text: str) -> bool:
    return name.lower() == text.lower()


def _users(site: Site, text: str) -> list[str]:
    if text in site.users:
        return [text]
    lowered = text.lower()
    return [
        user.account_id
        for user in site.users.values()
        if user.name.lower() == lowered or (user.shows_email and user.email.lower() == lowered)
    ]


def _catalogue(site: Site, field: Field) -> Iterable[Any]:
    match field.kind:
        case "issuetype":
            return site.types.values()
        case "status":
            return site.statuses.values()
        case "priority":
            return site.priorities.values()
        case "resolution":
            return [*site.resolutions.values(), Named("unresolved", "Unresolved")]
        case "security":
            return site.levels.values()
        case "components":
            return [each for project in site.projects.values() for each in project.components]
        case "requesttype":
            return [each for desk in site.desks.values() for each in desk.request_types.values()]
        case _:
            return []


def _function(site: Site, sight: Sight, field: Field, value: Value) -> frozenset[Any]:
    name = value.text.lower()
    arguments = value.arguments or ()
    if name == "currentuser" and field.kind in ("user", "users"):
        return frozenset({sight.account} if sight.user else set[str]())
    if name == "membersof" and field.kind in ("user", "users") and arguments:
        group = next((g for g in site.groups.values() if _same(g.name, arguments[0])), None)
        if group is None:
            raise refused(
                f"Function 'membersOf' can not generate a list of usernames for group '{arguments[0]}'; the group does not exist."
            )
        return frozenset(group.members)
    if name == "organizationmembers" and field.id == ORGANIZATIONS:
        return frozenset()
    raise refused(f"Unable to find JQL function '{value.text}({', '.join(arguments)})'.")


def rank(site: Site, field: Field, issue: Issue) -> tuple[int, Any]:
    """The order of an issue under a field: empty last, named things by their order on the site."""
    value = held(site, field, issue)
    if value is None or value == []:
        return (1, 0)
    match field.kind:
        case "priority":
            return (0, -list(site.priorities).index(value))
        case "status" | "issuetype" | "resolution" | "security":
            catalogue: list[str] = [each.id for each in _catalogue(site, field)]
            return (0, catalogue.index(value))
        case "user":
            return (0, site.users[value].name.lower())
        case "key":
            project, _, number = issue.key.rpartition("-")
            return (0, (project, int(number)))
        case "rich":
            return (0, adf.plain(value).lower())
        case _ if isinstance(value, list):
            return (0, str(value[0]))  # pyright: ignore[reportUnknownArgumentType]
        case _:
            return (0, value.lower() if isinstance(value, str) else value)
