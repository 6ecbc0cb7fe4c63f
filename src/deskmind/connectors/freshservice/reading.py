"""Freshservice's records into the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from deskmind.connectors.access import NOBODY, Grantee
from deskmind.connectors.core.mapping import Fields, parts_of
from deskmind.connectors.freshservice.sight import (
    folder_access,
    requester_group,
    scopes_of_agent,
    scopes_of_requester,
    ticket_access,
)
from deskmind.connectors.model import (
    Article,
    Attachment,
    CatalogItem,
    Comment,
    ConfigurationItem,
    Group,
    Link,
    Membership,
    Organisation,
    Person,
    Reference,
    Service,
    ServiceLevel,
    StatusCategory,
    Ticket,
    TicketType,
)
from deskmind.connectors.text import markdown_from_html, markdown_from_plain

__all__ = [
    "VENDOR",
    "agent",
    "article",
    "asset",
    "attachment",
    "catalog_item",
    "comment",
    "department",
    "group",
    "memberships",
    "moment",
    "requester",
    "service",
    "ticket",
]

VENDOR = "freshservice"
_STATES: dict[int, tuple[str, StatusCategory]] = {
    2: ("Open", "open"),
    3: ("Pending", "waiting"),
    4: ("Resolved", "resolved"),
    5: ("Closed", "closed"),
}
_LEVELS = {1: "Low", 2: "Medium", 3: "High", 4: "Urgent"}
_TYPES: dict[str, TicketType] = {
    "incident": "incident",
    "service request": "service request",
    "major incident": "incident",
    "problem": "problem",
    "change": "change",
    "case": "service request",
    "alert": "incident",
}
_PREFIXES: dict[str, str] = {"incident": "INC", "service request": "SR"}
_TAKEN_ELSEWHERE = frozenset({"description_text", "conversations", "stats", "requester", "assets"})


def ticket(
    raw: Mapping[str, Any],
    url: str,
    *,
    comments: Sequence[Comment] = (),
    complete: bool = True,
    restricted: frozenset[str] = frozenset(),
    unread: Sequence[str] = (),
) -> Ticket:
    """A ticket, as a list or the ticket itself give it; ``unread`` names comments that could not be read."""
    row = Fields(raw, known=_TAKEN_ELSEWHERE)
    identity = str(raw["id"])
    row.get("id")
    kind = _TYPES.get(row.text("type").lower(), "incident")
    state = _number(row.get("status"))
    group, department = row.get("group_id"), row.get("department_id")
    responder, requester = row.get("responder_id"), row.get("requester_id")
    requested_for = row.get("requested_for_id")
    access, internal = ticket_access(
        (requester, requested_for), responder, group, department, restricted=str(group) in restricted
    )
    stats = cast("Mapping[str, Any]", raw.get("stats") or {})
    name, category = _STATES.get(state, (str(state), "unknown"))
    parts = (row.text(one) for one in ("category", "sub_category", "item_category"))
    html = row.text("description")
    attachments, lost = parts_of(row.get("attachments") or [], attachment, "attachment")
    return Ticket(
        vendor=VENDOR,
        id=identity,
        key=f"{_PREFIXES.get(kind, 'INC')}-{identity}",
        url=f"{url}/a/tickets/{identity}",
        version=row.text("updated_at"),
        created_at=moment(row.get("created_at")),
        updated_at=moment(row.get("updated_at")),
        deleted=row.flag("deleted"),
        title=row.text("subject"),
        description=markdown_from_html(html)
        if html
        else markdown_from_plain(str(raw.get("description_text") or "")),
        type=kind,
        status=name,
        status_category=category,
        priority=_LEVELS.get(_number(row.get("priority")), row.text("priority")),
        impact=_LEVELS.get(_number(row.get("impact")), ""),
        urgency=_LEVELS.get(_number(row.get("urgency")), ""),
        requester=_reference(requested_for or requester),
        opened_by=_reference(requester),
        assignee=_reference(responder),
        assignment_group=_reference(group),
        organisation=_reference(department),
        configuration_items=_assets(raw.get("assets")),
        category=tuple(one for one in parts if one),
        tags=tuple(str(one) for one in cast("list[Any]", row.get("tags") or [])),
        parent=_reference(row.get("parent_id")),
        links=_links(row),
        comments=tuple(comments),
        comments_complete=complete,
        attachments=attachments,
        unread=(*unread, *lost),
        resolution_notes=markdown_from_html(row.text("resolution_notes_html"))
        or row.text("resolution_notes"),
        service_levels=(
            ServiceLevel("resolution", moment(row.get("due_by")), row.flag("is_escalated")),
            ServiceLevel("first response", moment(row.get("fr_due_by")), row.flag("fr_escalated")),
        ),
        resolved_at=moment(stats.get("resolved_at")),
        closed_at=moment(stats.get("closed_at")),
        due_at=moment(row.get("due_by")),
        access=access,
        internal_access=internal,
        raw=raw,
        unmapped=row.unmapped(),
    )


def comment(raw: Mapping[str, Any]) -> Comment:
    """A conversation: a reply or a note. A note of which nothing is said is private."""
    html = str(raw.get("body") or "")
    return Comment(
        str(raw["id"]),
        markdown_from_html(html) if html else markdown_from_plain(str(raw.get("body_text") or "")),
        internal=raw.get("private") is not False,
        author=_reference(raw.get("user_id")),
        created_at=moment(raw.get("created_at")),
        updated_at=moment(raw.get("updated_at")),
        attachments=tuple(attachment(one) for one in cast("list[Any]", raw.get("attachments") or [])),
        raw=raw,
    )


def attachment(raw: Mapping[str, Any]) -> Attachment:
    """A file; its address is signed for a short time, so it is asked for anew when it has passed."""
    identity = str(raw["id"])
    return Attachment(
        identity,
        str(raw.get("name") or identity),
        str(raw.get("content_type") or "application/octet-stream"),
        _number(raw.get("size")) if raw.get("size") is not None else None,
        str(raw.get("attachment_url") or ""),
        moment(raw.get("created_at")),
        raw=raw,
    )


def article(
    raw: Mapping[str, Any], url: str, folder: Mapping[str, Any], category: Mapping[str, Any]
) -> Article:
    """A solution article; a draft is nobody's to read."""
    row = Fields(raw, known={"description_text", "folder_id", "category_id", "position", "hierarchy"})
    identity = str(raw["id"])
    row.get("id")
    published = _number(row.get("status")) == 2
    html = row.text("description")
    names = (str(category.get("name") or ""), str(folder.get("name") or ""))
    keywords = cast("list[Any]", row.get("keywords") or row.get("search_keywords") or [])
    tags = [*cast("list[Any]", row.get("tags") or []), *keywords]
    return Article(
        vendor=VENDOR,
        id=identity,
        key=identity,
        url=row.text("url") or f"{url}/support/solutions/articles/{identity}",
        version=row.text("updated_at") or row.text("updated_time"),
        created_at=moment(row.get("created_at") or row.get("created_time")),
        updated_at=moment(row.get("updated_at") or row.get("updated_time")),
        title=row.text("title"),
        text=markdown_from_html(html)
        if html
        else markdown_from_plain(str(raw.get("description_text") or "")),
        state="published" if published else "draft",
        base=_reference(folder.get("id"), str(folder.get("name") or "")),
        category=tuple(one for one in names if one),
        tags=tuple(dict.fromkeys(str(one) for one in tags)),
        author=_reference(row.get("agent_id") or row.get("created_by")),
        valid_to=moment(row.get("review_date")),
        attachments=tuple(attachment(one) for one in cast("list[Any]", row.get("attachments") or [])),
        access=folder_access(folder) if published else NOBODY,
        raw=raw,
        unmapped=row.unmapped(),
    )


def agent(raw: Mapping[str, Any], url: str) -> Person:
    """A technician."""
    return _person(raw, f"{url}/agents/{raw['id']}", technician=True)


def requester(raw: Mapping[str, Any], url: str) -> Person:
    """A requester."""
    return _person(raw, f"{url}/itil/requesters/{raw['id']}", technician=bool(raw.get("is_agent")))


def _person(raw: Mapping[str, Any], url: str, *, technician: bool) -> Person:
    row = Fields(raw, known={"group_ids", "member_of", "roles", "role_ids", "is_agent"})
    row.get("id")
    row.get("can_see_all_tickets_from_associated_departments")
    emails = [
        row.text("email"),
        row.text("primary_email"),
        *cast("list[Any]", row.get("secondary_emails") or []),
    ]
    phones = (row.text(one) for one in ("work_phone_number", "mobile_phone_number"))
    departments = cast("list[Any]", row.get("department_ids") or [])
    names = (row.text("first_name"), row.text("last_name"))
    sets = [*scopes_of_requester(raw), *(scopes_of_agent(raw) if technician else [])]
    location = row.get("location_id")
    if location:
        sets.append(Grantee("location", str(location)))
    found = tuple(dict.fromkeys(str(one).lower() for one in emails if one))
    return Person(
        vendor=VENDOR,
        id=str(raw["id"]),
        url=url,
        version=row.text("updated_at"),
        created_at=moment(row.get("created_at")),
        updated_at=moment(row.get("updated_at")),
        name=" ".join(one for one in names if one),
        login=found[0] if found else "",
        emails=found,
        phones=tuple(one for one in phones if one),
        title=row.text("job_title"),
        active=row.flag("active", default=True),
        technician=technician,
        manager=_reference(row.get("reporting_manager_id")),
        organisation=_reference(departments[0]) if departments else None,
        attributes=tuple(sets),
        raw=raw,
        unmapped=row.unmapped(),
    )


def memberships(person: Person) -> tuple[Membership, ...]:
    """The sets that a person's own record puts them in."""
    if not person.active:
        return ()
    return tuple(
        Membership(vendor=VENDOR, id=f"{one}/{person.id}", grantee=one, person=person.id)
        for one in person.attributes
    )


def group(raw: Mapping[str, Any], *, requesters: bool = False) -> Group:
    """A group of agents, or of requesters."""
    # who is in it is told as memberships
    row = Fields(raw, known={"agent_ids", "members", "workspace_id"})
    row.get("id")
    identity = str(raw["id"])
    grantee = requester_group(identity) if requesters else Grantee("group", identity)
    return Group(
        vendor=VENDOR,
        id=grantee.id,
        version=row.text("updated_at"),
        created_at=moment(row.get("created_at")),
        updated_at=moment(row.get("updated_at")),
        name=row.text("name"),
        description=row.text("description"),
        grantee=grantee,
        raw=raw,
        unmapped=row.unmapped(),
    )


def department(raw: Mapping[str, Any]) -> Organisation:
    """A department."""
    row = Fields(raw)
    row.get("id")
    return Organisation(
        vendor=VENDOR,
        id=str(raw["id"]),
        version=row.text("updated_at"),
        created_at=moment(row.get("created_at")),
        updated_at=moment(row.get("updated_at")),
        name=row.text("name"),
        domains=tuple(str(one) for one in cast("list[Any]", row.get("domains") or [])),
        parent=_reference(row.get("parent_id")),
        raw=raw,
        unmapped=row.unmapped(),
    )


def asset(raw: Mapping[str, Any], url: str) -> ConfigurationItem:
    """An asset."""
    row = Fields(raw)
    row.get("id")
    fields = row.inner("type_fields")
    # each type numbers its fields for itself: ``serial_number_21000123``
    by_name = {name.rpartition("_")[0] or name: name for name in fields.row}

    def typed(name: str) -> str:
        return fields.text(by_name[name]) if name in by_name else ""

    addresses = (
        typed("computer_ip_address") or typed("ip_address"),
        typed("mac_address") or typed("mac_addresses"),
    )
    return ConfigurationItem(
        vendor=VENDOR,
        id=str(raw.get("display_id") or raw["id"]),
        url=f"{url}/cmdb/items/{row.text('display_id')}",
        version=row.text("updated_at"),
        created_at=moment(row.get("created_at")),
        updated_at=moment(row.get("updated_at")),
        name=row.text("name"),
        type=row.text("asset_type_id"),
        status=typed("asset_state"),
        serial_number=typed("serial_number"),
        asset_tag=row.text("asset_tag"),
        hosts=tuple(one for one in (typed("hostname"),) if one),
        addresses=tuple(one for one in addresses if one),
        used_by=_reference(row.get("user_id")),
        managed_by=_reference(row.get("agent_id") or row.get("group_id")),
        organisation=_reference(row.get("department_id")),
        location=_reference(row.get("location_id")),
        raw=raw,
        unmapped=row.unmapped(),
    )


def service(raw: Mapping[str, Any], url: str) -> Service:
    """An asset whose type is a service."""
    one = asset(raw, url)
    return Service(
        vendor=VENDOR,
        id=one.id,
        url=one.url,
        version=one.version,
        created_at=one.created_at,
        updated_at=one.updated_at,
        name=one.name,
        description=markdown_from_html(str(raw.get("description") or "")),
        owner=one.managed_by,
        criticality=str(raw.get("impact") or ""),
        status=one.status,
        raw=raw,
        unmapped=tuple(path for path in one.unmapped if path not in {"description", "impact"}),
    )


def catalog_item(raw: Mapping[str, Any], url: str) -> CatalogItem:
    """A service item."""
    row = Fields(raw)
    row.get("id")
    html = row.text("description")
    identity = str(raw.get("display_id") or raw["id"])
    row.get("display_id")
    return CatalogItem(
        vendor=VENDOR,
        id=identity,
        url=f"{url}/support/catalog/items/{identity}",
        version=row.text("updated_at"),
        created_at=moment(row.get("created_at")),
        updated_at=moment(row.get("updated_at")),
        name=row.text("name"),
        description=markdown_from_html(html) or row.text("short_description"),
        category=tuple(one for one in (row.text("category_name") or row.text("category_id"),) if one),
        price=row.text("cost"),
        active=not row.flag("deleted") and row.get("visibility") != 1,
        raw=raw,
        unmapped=row.unmapped(),
    )


def moment(value: Any) -> datetime | None:
    """A time, in UTC."""
    if not value:
        return None
    at = datetime.fromisoformat(str(value))
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)


def _number(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return -1


def _reference(value: Any, name: str = "") -> Reference | None:
    return Reference(str(value), name) if value not in {None, ""} else None


def _assets(value: Any) -> tuple[Reference, ...]:
    rows = cast("list[Mapping[str, Any]]", value or [])
    return tuple(
        Reference(str(one.get("display_id") or one.get("id")), str(one.get("name") or "")) for one in rows
    )


def _links(row: Fields) -> tuple[Link, ...]:
    found: list[Link] = []
    for relation, name in (
        ("problem", "problem"),
        ("initiated change", "change_initiated_by_ticket"),
        ("change", "change_initiating_ticket"),
    ):
        value = row.get(name)
        if isinstance(value, Mapping):
            one = cast("Mapping[str, Any]", value)
            found.append(Link(relation, Reference(str(one.get("display_id") or one.get("id")))))
    return tuple(found)
