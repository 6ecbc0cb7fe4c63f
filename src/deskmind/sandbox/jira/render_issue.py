"""An issue as JSON: the asked fields, with their expansions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from deskmind.sandbox.jira import render_parts as parts
from deskmind.sandbox.jira.fields import ALL, BY_CLAUSE, BY_ID, Field
from deskmind.sandbox.jira.issue import Issue, Link
from deskmind.sandbox.jira.links import Links
from deskmind.sandbox.jira.sight import Sight
from deskmind.sandbox.jira.site import Site

Body = dict[str, Any]

EXPAND = "renderedFields,names,schema,operations,editmeta,changelog,versionedRepresentations"


class IssueView:
    """One caller's view of issues."""

    def __init__(self, site: Site, sight: Sight, links: Links) -> None:
        self.site = site
        self.sight = sight
        self.links = links

    def body(self, issue: Issue, fields: Iterable[str], expand: Iterable[str] = ()) -> Body:
        """The issue with the fields asked for."""
        expanded = set(expand)
        shown = chosen(fields)
        body: Body = {
            "expand": EXPAND,
            "id": str(issue.id),
            "self": self.links.api(f"issue/{issue.id}"),
            "key": issue.key,
        }
        if shown:
            body["fields"] = {field.id: self.value(field, issue) for field in shown if field.kind != "key"}
        if "changelog" in expanded:
            body["changelog"] = self._changelog(issue)
        if "names" in expanded:
            body["names"] = {field.id: field.name for field in shown}
        if "schema" in expanded:
            body["schema"] = {field.id: field.schema() for field in shown if field.schema_type}
        if "renderedFields" in expanded:
            body["renderedFields"] = self._rendered(issue, shown)
        return body

    def bare(self, issue: Issue) -> Body:
        """Id, key and address, as a creation answers."""
        return {"id": str(issue.id), "key": issue.key, "self": self.links.api(f"issue/{issue.id}")}

    def value(self, field: Field, issue: Issue) -> Any:
        """One field as JSON."""
        held = issue.values.get(field.id)
        match field.kind:
            case "user":
                return self.user(held)
            case "users":
                return [self.user(each) for each in held] if held else None
            case "rich":
                return parts.rich(self.links, held)
            case "option":
                return parts.option(self.links, field.id, held) if held else None
            case "labels":
                return held or ([] if field.id == "labels" else None)
            case "datetime":
                moment = self._moment(field, issue)
                return self.links.time(moment) if moment else None
            case "organizations":
                names: list[str] = held or []
                return [self._organization(each) for each in names]
            case "requesttype":
                return self._request_type(issue, held)
            case "text" | "date" | "number" | "timespent":
                return held
            case _:
                return self._configured(field, issue, held)

    def user(self, account: str | None) -> Body | None:
        """An account, or None."""
        one = self.site.users.get(account or "")
        return parts.user(self.links, one, self.sight.account) if one else None

    def comments(self, issue: Issue) -> list[Body]:
        """The comments that the caller may read, oldest first."""
        return [
            parts.comment(self.links, self.site, issue.id, each)
            for each in issue.comments
            if self.sight.reads(each)
        ]

    def _configured(self, field: Field, issue: Issue, held: Any) -> Any:
        site, links = self.site, self.links
        match field.kind:
            case "issuetype":
                return parts.issue_type(links, site.types[held])
            case "project":
                return parts.project(links, site.projects[issue.project_id])
            case "status":
                return parts.status(links, site.statuses[held])
            case "category":
                return parts.category(links, site.statuses[issue.values["status"]].category)
            case "priority":
                return parts.priority(links, site.priorities[held])
            case "resolution":
                return parts.resolution(links, site.resolutions[held]) if held else None
            case "security":
                return parts.level(links, site.levels[held]) if held else None
            case "components":
                known = site.projects[issue.project_id].components
                return [parts.component(links, each) for each in known if each.id in (held or [])]
            case _:
                return self._hanging(field, issue, held)

    def _hanging(self, field: Field, issue: Issue, held: Any) -> Any:
        site, links = self.site, self.links
        match field.kind:
            case "attachment":
                return [parts.attachment(links, site, each) for each in issue.attachments]
            case "comment":
                found = self.comments(issue)
                address = links.api(f"issue/{issue.id}/comment")
                return {
                    "comments": found,
                    "self": address,
                    "maxResults": len(found),
                    "total": len(found),
                    "startAt": 0,
                }
            case "worklog":
                logs = [parts.worklog(links, site, issue.id, each) for each in issue.worklogs]
                return {"startAt": 0, "maxResults": 20, "total": len(logs), "worklogs": logs}
            case "watches":
                watching = self.sight.account in issue.watchers
                address = links.api(f"issue/{issue.key}/watchers")
                return {"self": address, "watchCount": len(issue.watchers), "isWatching": watching}
            case "links":
                return [each for each in (self._link(link) for link in issue.links) if each]
            case "subtasks":
                children = [
                    each for each in site.issues.values() if each.values.get("parent") == str(issue.id)
                ]
                return [self._reference(each) for each in children if self.sight.sees(each)]
            case "parent":
                parent = site.issue(held) if held else None
                return self._reference(parent) if parent and self.sight.sees(parent) else None
            case _:
                return held

    def _moment(self, field: Field, issue: Issue) -> Any:
        match field.id:
            case "created":
                return issue.created
            case "updated":
                return issue.updated
            case "statuscategorychangedate":
                return issue.category_changed or issue.created
            case _:
                return issue.values.get(field.id)

    def _reference(self, issue: Issue) -> Body:
        fields = [BY_ID[name] for name in ("summary", "status", "priority", "issuetype")]
        return self.bare(issue) | {"fields": {field.id: self.value(field, issue) for field in fields}}

    def _link(self, link: Link) -> Body | None:
        other = self.site.issues.get(link.other)
        if other is None or not self.sight.sees(other):
            return None
        kind = link_type(self.links, link.kind)
        direction = "outwardIssue" if link.outward else "inwardIssue"
        address = self.links.api(f"issueLink/{link.id}")
        return {"id": link.id, "self": address, "type": kind, direction: self._reference(other)}

    def _organization(self, held: str) -> Body:
        one = self.site.organizations[held]
        return {"id": one.id, "name": one.name, "_links": {"self": self.links.desk(f"organization/{one.id}")}}

    def _request_type(self, issue: Issue, held: str | None) -> Body | None:
        desk = self.site.desk_of(issue.project_id)
        if not held or desk is None:
            return None
        kind = desk.request_types[held]
        request = self.links.desk(f"request/{issue.id}")
        status = self.site.statuses[issue.values["status"]]
        return {
            "_links": {
                "jiraRest": self.links.api(f"issue/{issue.id}"),
                "web": self.links.icon(f"servicedesk/customer/portal/{desk.id}/{issue.key}"),
                "self": request,
                "agent": self.links.icon(f"browse/{issue.key}"),
            },
            "requestType": {
                "_links": {"self": self.links.desk(f"servicedesk/{desk.id}/requesttype/{kind.id}")},
                "id": kind.id,
                "name": kind.name,
                "description": kind.description,
                "issueTypeId": kind.issue_type,
                "serviceDeskId": desk.id,
                "groupIds": list(kind.groups),
            },
            "currentStatus": {
                "status": status.name,
                "statusCategory": status.category.upper(),
                "statusDate": self.links.desk_time(issue.category_changed or issue.created),
            },
        }

    def _changelog(self, issue: Issue) -> Body:
        newest = [parts.change(self.links, self.site, each) for each in reversed(issue.changes)]
        return {"startAt": 0, "maxResults": len(newest), "total": len(newest), "histories": newest}

    def _rendered(self, issue: Issue, shown: list[Field]) -> Body:
        from deskmind.sandbox.jira.adf_html import to_html

        rich = {field.id: to_html(issue.values.get(field.id)) for field in shown if field.kind == "rich"}
        comments = [
            {"id": each.id, "body": to_html(each.body)} for each in issue.comments if self.sight.reads(each)
        ]
        return rich | ({"comment": {"comments": comments}} if BY_ID["comment"] in shown else {})


def chosen(fields: Iterable[str]) -> list[Field]:
    """The fields that a `fields` parameter names: `*all`, `*navigable`, `-name` takes one away."""
    found: dict[str, Field] = {}
    removed: set[str] = set()
    for name in fields:
        if name in ("*all", "*navigable"):
            found |= {field.id: field for field in ALL if name == "*all" or field.navigable}
        elif name.startswith("-"):
            removed.add(name[1:])
        elif (field := BY_ID.get(name) or BY_CLAUSE.get(name.lower())) is not None:
            found[field.id] = field
    if removed and not found:
        found = {field.id: field for field in ALL}
    return [field for name, field in found.items() if name not in removed]


def link_type(links: Links, name: str) -> Body:
    """A type of link between issues."""
    number, inward, outward = LINK_TYPES[name]
    address = links.api(f"issueLinkType/{number}")
    return {"id": number, "name": name, "inward": inward, "outward": outward, "self": address}


LINK_TYPES = {
    "Blocks": ("10000", "is blocked by", "blocks"),
    "Duplicate": ("10002", "is duplicated by", "duplicates"),
    "Relates": ("10003", "relates to", "relates to"),
    "Problem/Incident": ("10004", "is caused by", "causes"),
}
