"""Jira's issues, users and the rest into the model."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from deskmind.connectors.access import Grantee
from deskmind.connectors.core.mapping import Fields, is_empty, parts_of
from deskmind.connectors.jira.fields import SiteFields, moment, reference, user_reference
from deskmind.connectors.jira.sight import Sight
from deskmind.connectors.model import (
    Attachment,
    CatalogItem,
    Comment,
    Group,
    Link,
    Membership,
    Organisation,
    Person,
    Reference,
    ServiceLevel,
    StatusCategory,
    Ticket,
    TicketType,
)
from deskmind.connectors.text import markdown_from_adf, markdown_from_wiki

__all__ = [
    "VENDOR",
    "catalog_item",
    "comment",
    "group",
    "membership",
    "organisation",
    "person",
    "text",
    "ticket",
]

VENDOR = "jira"
_TYPES: tuple[tuple[str, TicketType], ...] = (
    ("incident", "incident"),
    ("problem", "problem"),
    ("change", "change"),
    ("service request", "service request"),
    ("it help", "service request"),
    ("access", "service request"),
)
_CATEGORIES: dict[str, StatusCategory] = {"new": "new", "indeterminate": "open", "done": "closed"}
_WAITING = re.compile(r"waiting|pending|hold|await", re.IGNORECASE)
# the address of the same record, the screen's own, or counted from what is mapped
_OF_THE_SCREEN = frozenset({"expand", "self", "names", "schema"})


def ticket(raw: Mapping[str, Any], url: str, site: SiteFields, sight: Sight) -> Ticket:
    """An issue, as search or ``issue/{id}`` give it."""
    row = Fields(raw, known=_OF_THE_SCREEN)
    identity, key = row.text("id"), row.text("key")
    if not identity or not isinstance(raw.get("fields"), Mapping):
        raise ValueError("no issue")
    fields = row.inner("fields")
    project = cast("Mapping[str, Any]", fields.get("project") or {})
    reporter, assignee = user_reference(fields.get("reporter")), user_reference(fields.get("assignee"))
    creator = user_reference(fields.get("creator"))
    organisations = _references(fields.get(site.organisations)) if site.organisations else ()
    participants = _users(fields.get(site.participants)) if site.participants else ()
    request_type = fields.get(site.request_type) if site.request_type else None
    level = reference(fields.get("security"))
    access = sight.of(
        str(project.get("key") or key.rsplit("-", 1)[0]),
        level.id if level else "",
        portal=project.get("projectTypeKey") == "service_desk" and bool(request_type),
        reporter=reporter,
        assignee=assignee,
        participants=participants,
        organisations=organisations,
    )
    comments, complete, unread = _comments(fields.get("comment"))
    attachments, lost = parts_of(fields.get("attachment") or [], _attachment, "attachment")
    status = cast("Mapping[str, Any]", fields.get("status") or {})
    service = reference(fields.get(site.services)) if site.services else None
    return Ticket(
        vendor=VENDOR,
        id=identity,
        key=key or identity,
        url=f"{url}/browse/{key}",
        version=fields.text("updated"),
        created_at=moment(fields.get("created")),
        updated_at=moment(fields.get("updated")),
        title=fields.text("summary"),
        description=text(fields.get("description")),
        type=_type(fields.get("issuetype"), service_project=project.get("projectTypeKey") == "service_desk"),
        status=str(status.get("name") or ""),
        status_category=_category(status),
        priority=_name(fields.get("priority")),
        impact=_name(fields.get(site.impact)) if site.impact else "",
        urgency=_name(fields.get(site.urgency)) if site.urgency else "",
        requester=reporter,
        opened_by=creator or reporter,
        assignee=assignee,
        assignment_group=reference(fields.get(site.group)) if site.group else None,
        organisation=organisations[0] if organisations else None,
        service=service,
        category=_path(project, request_type, fields.get("components")),
        tags=tuple(str(one) for one in cast("list[Any]", fields.get("labels") or [])),
        parent=_issue(fields.get("parent")),
        links=_links(fields),
        comments=comments,
        comments_complete=complete,
        attachments=attachments,
        unread=(*unread, *lost),
        resolution_code=_name(fields.get("resolution")),
        service_levels=tuple(one for name in site.levels if (one := _level(fields.get(name))) is not None),
        resolved_at=moment(fields.get("resolutiondate")),
        due_at=moment(fields.get("duedate")),
        access=access,
        internal_access=sight.internal(access, str(project.get("key") or "")),
        raw=raw,
        unmapped=row.unmapped(),
    )


def text(value: Any) -> str:
    """Markdown of a text field: a document, or wiki markup in the older interface."""
    return markdown_from_adf(value) if isinstance(value, Mapping) else markdown_from_wiki(str(value or ""))


def comment(raw: Mapping[str, Any]) -> Comment:
    """One comment."""
    public = raw.get("jsdPublic", True) is True
    properties = cast("list[Mapping[str, Any]]", raw.get("properties") or [])
    hidden = any(
        one.get("key") == "sd.public.comment"
        and cast("Mapping[str, Any]", one.get("value") or {}).get("internal")
        for one in properties
    )
    return Comment(
        str(raw["id"]),
        text(raw.get("body")),
        internal=not public or hidden,
        author=user_reference(raw.get("author")),
        created_at=moment(raw.get("created")),
        updated_at=moment(raw.get("updated")),
        raw=raw,
    )


def person(raw: Mapping[str, Any], url: str) -> Person:
    """A user."""
    row = Fields(raw, known=_OF_THE_SCREEN | {"avatarUrls", "key", "name"})
    identity = row.text("accountId") or row.text("key") or row.text("name")
    if not identity:
        raise ValueError("no account")
    email = row.text("emailAddress").lower()
    return Person(
        vendor=VENDOR,
        id=identity,
        url=f"{url}/jira/people/{identity}",
        name=row.text("displayName"),
        login=str(raw.get("name") or ""),
        emails=(email,) if email else (),
        active=row.flag("active", default=True),
        technician=row.text("accountType") not in {"customer", "app"},
        raw=raw,
        unmapped=row.unmapped(),
    )


def group(raw: Mapping[str, Any]) -> Group:
    """A group; by its id, since its name may change."""
    row = Fields(raw, known=_OF_THE_SCREEN | {"html", "labels"})
    identity = row.text("groupId") or row.text("name")
    if not identity:
        raise ValueError("no group")
    name = row.text("name")
    return Group(
        vendor=VENDOR,
        id=identity,
        name=name,
        grantee=Grantee("group", identity),
        raw=raw,
        unmapped=row.unmapped(),
    )


def membership(grantee: Grantee, raw: Mapping[str, Any]) -> Membership:
    """A user in a group or organisation."""
    user = user_reference(raw)
    if user is None:
        raise ValueError("no user")
    return Membership(vendor=VENDOR, id=f"{grantee}/{user.id}", grantee=grantee, person=user.id, raw=raw)


def organisation(raw: Mapping[str, Any]) -> Organisation:
    """A customer organisation of the service desk."""
    row = Fields(raw, known={"_links", "uuid", "scimManaged"})
    return Organisation(
        vendor=VENDOR, id=str(raw["id"]), name=row.text("name"), raw=raw, unmapped=_without(row, {"id"})
    )


def catalog_item(raw: Mapping[str, Any], url: str, desk: Mapping[str, Any]) -> CatalogItem:
    """A request type of a portal."""
    row = Fields(
        raw,
        known={"_links", "_expands", "icon", "serviceDeskId", "portalId", "groupIds", "issueTypeId", "id"},
    )
    identity = f"{desk.get('id')}/{raw['id']}"
    category = str(desk.get("projectName") or "")
    return CatalogItem(
        vendor=VENDOR,
        id=identity,
        url=f"{url}/servicedesk/customer/portal/{desk.get('id')}/create/{raw['id']}",
        name=row.text("name"),
        description="\n\n".join(
            dict.fromkeys(one for one in (row.text("description"), row.text("helpText")) if one)
        ),
        category=(category,) if category else (),
        raw=raw,
        unmapped=row.unmapped(),
    )


def _without(row: Fields, names: set[str]) -> tuple[str, ...]:
    return tuple(one for one in row.unmapped() if one not in names)


def _type(value: Any, *, service_project: bool) -> TicketType:
    name = _name(value).lower()
    for part, kind in _TYPES:
        if part in name:
            return kind
    return "service request" if service_project else "task"


def _category(status: Mapping[str, Any]) -> StatusCategory:
    category = cast("Mapping[str, Any]", status.get("statusCategory") or {})
    found = _CATEGORIES.get(str(category.get("key") or ""), "unknown")
    name = str(status.get("name") or "")
    if found in {"new", "open"} and _WAITING.search(name):
        return "waiting"
    return "resolved" if found == "closed" and "resolved" in name.lower() else found


def _name(value: Any) -> str:
    found = reference(value)
    return (found.name or found.id) if found else ""


def _path(project: Mapping[str, Any], request_type: Any, components: Any) -> tuple[str, ...]:
    kind: Any = (
        cast("Mapping[str, Any]", request_type).get("requestType")
        if isinstance(request_type, Mapping)
        else None
    )
    parts = (str(project.get("name") or ""), _name(kind), _name(components))
    return tuple(part for part in parts if part)


def _references(value: Any) -> tuple[Reference, ...]:
    found = (reference(one) for one in cast("list[Any]", value or []))
    return tuple(one for one in found if one is not None)


def _users(value: Any) -> tuple[Reference, ...]:
    found = (user_reference(one) for one in cast("list[Any]", value or []))
    return tuple(one for one in found if one is not None)


def _issue(value: Any) -> Reference | None:
    if not isinstance(value, Mapping) or is_empty(value):
        return None
    one = cast("Mapping[str, Any]", value)
    return Reference(str(one.get("id") or ""), str(one.get("key") or ""))


def _links(fields: Fields) -> tuple[Link, ...]:
    links: list[Link] = []
    for one in cast("list[Mapping[str, Any]]", fields.get("issuelinks") or []):
        kind = cast("Mapping[str, Any]", one.get("type") or {})
        for side, words in (("outwardIssue", "outward"), ("inwardIssue", "inward")):
            if (target := _issue(one.get(side))) is not None:
                links.append(Link(str(kind.get(words) or kind.get("name") or "relates to"), target))
    children = (_issue(one) for one in cast("list[Any]", fields.get("subtasks") or []))
    return (*links, *(Link("child", one) for one in children if one is not None))


def _comments(value: Any) -> tuple[tuple[Comment, ...], bool, tuple[str, ...]]:
    """Comments, whether these are all, and what of them could not be read."""
    if not isinstance(value, Mapping):
        return (), True, ()
    given = cast("Mapping[str, Any]", value)
    # a ticket's lists know no third audience
    found, unread = parts_of(given.get("comments") or [], _shared_comment, "comment")
    shared = tuple(one for one in found if one is not None)
    return shared, int(given.get("total") or 0) <= len(shared), unread


def _shared_comment(raw: Mapping[str, Any]) -> Comment | None:
    return None if raw.get("visibility") else comment(raw)


def _attachment(one: Mapping[str, Any]) -> Attachment:
    return Attachment(
        str(one["id"]),
        str(one.get("filename") or one["id"]),
        str(one.get("mimeType") or "application/octet-stream"),
        int(one["size"]) if one.get("size") is not None else None,
        f"/rest/api/3/attachment/content/{one['id']}",
        moment(one.get("created")),
        user_reference(one.get("author")),
        one,
    )


def _level(value: Any) -> ServiceLevel | None:
    if not isinstance(value, Mapping) or is_empty(value):
        return None
    one = cast("Mapping[str, Any]", value)
    cycle = cast("Mapping[str, Any]", one.get("ongoingCycle") or {})
    done = cast("Sequence[Mapping[str, Any]]", one.get("completedCycles") or [])
    latest = cycle or (done[-1] if done else {})
    due = cast("Mapping[str, Any]", latest.get("breachTime") or {})
    return ServiceLevel(
        str(one.get("name") or ""), moment(due.get("epochMillis")), breached=bool(latest.get("breached"))
    )
