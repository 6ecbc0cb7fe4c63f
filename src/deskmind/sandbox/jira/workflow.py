"""The workflow: which transitions an issue has, what their screens need, and what they change."""

from __future__ import annotations

from typing import Any

from deskmind.sandbox.jira import render_parts as parts
from deskmind.sandbox.jira.edit import Editor
from deskmind.sandbox.jira.field_input import Invalid, Reader
from deskmind.sandbox.jira.fields import BY_ID, EDITABLE
from deskmind.sandbox.jira.issue import Change, Issue
from deskmind.sandbox.jira.links import Links
from deskmind.sandbox.jira.refusal import field_errors, messages
from deskmind.sandbox.jira.scheme import Transition
from deskmind.sandbox.jira.shape import mapping, named
from deskmind.sandbox.jira.sight import Sight
from deskmind.sandbox.jira.site import Site


def available(site: Site, sight: Sight, issue: Issue) -> list[Transition]:
    """The transitions from the issue's status that the caller may take."""
    if not sight.works_in(site.projects[issue.project_id]):
        return []
    return [each for each in site.transitions.values() if issue.values["status"] in each.sources]


def body(site: Site, links: Links, one: Transition, *, fields: bool) -> dict[str, Any]:
    """A transition, with its screen's fields where asked for."""
    shown: dict[str, Any] = {
        "id": one.id,
        "name": one.name,
        "to": parts.status(links, site.statuses[one.target]),
        "hasScreen": bool(one.needs),
        "isGlobal": False,
        "isInitial": False,
        "isAvailable": True,
        "isConditional": False,
        "isLooped": False,
    }
    if fields:
        shown["fields"] = {name: field_meta(site, links, name, required=True) for name in one.needs}
    return shown


def take(editor: Editor, issue: Issue, request: dict[str, Any]) -> Change | None:
    """Takes the transition of a request; `Refused` where it is not to be had or a field is missing."""
    site = editor.site
    wanted = named(request.get("transition"), "id", "name")
    one = next(
        (each for each in available(site, editor.sight, issue) if wanted in (each.id, each.name)), None
    )
    if not wanted:
        raise messages(400, "Missing 'transition' identifier")
    if one is None:
        raise messages(
            400,
            f"It seems that you have tried to perform an illegal workflow operation (transition '{wanted}').",
        )
    given = mapping(request.get("fields"))
    values = _screen(editor, issue, one, given)
    before = issue.snapshot()
    rest = {name: value for name, value in given.items() if name not in one.needs}
    if rest or request.get("update"):
        editor.change(issue, {"fields": rest, "update": request.get("update")}, allowed=EDITABLE)
    return editor.apply(issue, values | moved(site, issue, one.target), before=before)


def moved(site: Site, issue: Issue, target: str) -> dict[str, Any]:
    """What a change of status changes; a reopened issue loses its resolution."""
    now = site.clock()
    values: dict[str, Any] = {"status": target}
    if site.statuses[target].category != site.statuses[issue.values["status"]].category:
        issue.category_changed = now
    if site.statuses[target].category == "done":
        issue.values["resolutiondate"] = now
    else:
        issue.values["resolutiondate"] = None
        values["resolution"] = None
    return values


def field_meta(site: Site, links: Links, name: str, *, required: bool) -> dict[str, Any]:
    """What a form needs to know of a field."""
    field = BY_ID[name]
    many = field.schema_type == "array"
    operations = ["add", "set", "remove"] if many else ["set"]
    meta: dict[str, Any] = {
        "required": required,
        "schema": field.schema(),
        "name": field.name,
        "key": field.id,
        "hasDefaultValue": field.id == "priority",
        "operations": operations,
    }
    if field.kind == "resolution":
        meta["allowedValues"] = [parts.resolution(links, each) for each in site.resolutions.values()]
    elif field.kind == "priority":
        meta["allowedValues"] = [parts.priority(links, each) for each in site.priorities.values()]
    elif field.kind == "option":
        from deskmind.sandbox.jira.fields import OPTIONS

        meta["allowedValues"] = [parts.option(links, name, each) for each, _ in OPTIONS.get(name, ())]
    return meta


def _screen(editor: Editor, issue: Issue, one: Transition, given: dict[str, Any]) -> dict[str, Any]:
    project = editor.site.projects[issue.project_id]
    reader = Reader(editor.site, editor.sight, project, editor.version)
    errors: dict[str, str] = {}
    values: dict[str, Any] = {}
    for name in one.needs:
        field = BY_ID[name]
        try:
            values[name] = reader.read(field, given[name]) if given.get(name) else None
        except Invalid as invalid:
            errors[name] = str(invalid)
        if values.get(name) is None and name not in errors:
            errors[name] = f"{field.name} is required."
    if errors:
        raise field_errors(errors)
    return values
