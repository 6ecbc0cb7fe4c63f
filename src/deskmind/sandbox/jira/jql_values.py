"""What JQL compares: a field's value of an issue, and the values that an operand names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from deskmind.sandbox.jira import adf
from deskmind.sandbox.jira.fields import OPTIONS, ORGANIZATIONS, Field
from deskmind.sandbox.jira.issue import Issue
from deskmind.sandbox.jira.jql_syntax import Value, refused
from deskmind.sandbox.jira.scheme import Named
from deskmind.sandbox.jira.sight import Sight
from deskmind.sandbox.jira.site import Site

CATEGORIES = {"new": (2, "To Do"), "indeterminate": (4, "In Progress"), "done": (3, "Done")}


Read = Callable[[Issue], Any]


def reader(site: Site, field: Field) -> Read:
    """What reads the compared value of a field: an id, a list of ids, a moment, a number or None."""
    statuses, name = site.statuses, field.id
    special: dict[str, Read] = {
        "project": lambda issue: issue.project_id,
        "issuekey": lambda issue: issue.id,
        "created": lambda issue: issue.created,
        "updated": lambda issue: issue.updated,
        "statuscategorychangedate": lambda issue: issue.category_changed or issue.created,
        "statusCategory": lambda issue: statuses[issue.values["status"]].category,
        "attachment": lambda issue: [each.id for each in issue.attachments],
        "issuelinks": lambda issue: [str(link.other) for link in issue.links],
    }
    return special.get(name) or (lambda issue: issue.values.get(name))


def words(field: Field, issue: Issue, sight: Sight) -> str:
    """The text that `~` searches."""
    if field.kind == "comment":
        return "\n".join(adf.plain(each.body) for each in issue.comments if sight.reads(issue, each))
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


Rank = Callable[[Issue], tuple[int, Any]]


def ranker(site: Site, field: Field) -> Rank:
    """What orders issues by a field: empty last, named things by their order on the site."""
    read, place = reader(site, field), _places(site, field)

    def rank(issue: Issue) -> tuple[int, Any]:
        value = read(issue)
        return (1, 0) if value is None or value == [] else (0, place(value))

    if field.kind == "key":
        return lambda issue: (0, _by_key(issue.key))
    return rank


def _places(site: Site, field: Field) -> Callable[[Any], Any]:
    match field.kind:
        case "priority":
            urgent = {each: -place for place, each in enumerate(site.priorities)}
            return urgent.__getitem__
        case "status" | "issuetype" | "resolution" | "security":
            places = {each.id: place for place, each in enumerate(_catalogue(site, field))}
            return places.__getitem__
        case "user":
            return lambda value: site.users[value].name.lower()
        case "rich":
            return lambda value: adf.plain(value).lower()
        case _ if field.schema_type == "array":
            return lambda value: str(value[0])
        case "text":
            return lambda value: value.lower()
        case _:
            return lambda value: value


def _by_key(key: str) -> tuple[str, int]:
    project, _, number = key.rpartition("-")
    return project, int(number)
