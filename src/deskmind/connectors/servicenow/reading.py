"""Rows of ServiceNow's tables into the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from deskmind.connectors.access import Grantee
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
    Ticket,
)
from deskmind.connectors.servicenow.criteria import Criteria
from deskmind.connectors.servicenow.fields import Row, moment
from deskmind.connectors.servicenow.sight import TicketReaders
from deskmind.connectors.servicenow.states import TYPES, category_of, level_name, state_name
from deskmind.connectors.text import markdown_from_html, markdown_from_journal, markdown_from_plain

__all__ = [
    "article",
    "attachment",
    "catalog_item",
    "comment",
    "configuration_item",
    "group",
    "membership",
    "organisation",
    "person",
    "role",
    "service",
    "ticket",
]

VENDOR = "servicenow"
# said again by another field, or read from a list of its own
_OF_THE_PLATFORM = frozenset(
    "sys_class_name sys_created_on sys_tags task_effective_number incident_state comments work_notes "
    "comments_and_work_notes made_sla".split()
)
_STAFF_ONLY = frozenset({"problem", "change_request"})
"""Tables that nobody reads without a role, whoever opened the row."""
_STATES_OF_ARTICLES = {"published": "published", "retired": "retired", "pending_retirement": "published"}


def ticket(
    raw: Mapping[str, Any],
    table: str,
    url: str,
    *,
    comments: tuple[Sequence[Comment], Sequence[str]] = ((), ()),
    attachments: tuple[Sequence[Attachment], Sequence[str]] = ((), ()),
    readers: TicketReaders | None = None,
) -> Ticket:
    """A row of a task table; its comments and files each with what of them could not be read."""
    row = Row(raw, _OF_THE_PLATFORM)
    table = row.text("sys_class_name") or table
    identity = row.text("sys_id")
    state, shown = row.text("state"), row.shown("state")
    requester = row.reference("caller_id") or row.reference("requested_for")
    opened_by = row.reference("opened_by")
    mine = (requester, opened_by, *(Reference(one) for one in row.listed("watch_list")))
    told = [one.id for one in mine if one is not None]
    group = row.reference("assignment_group")
    access, internal = (readers or TicketReaders()).of(
        identity, told, group.id if group else "", staff_only=table in _STAFF_ONLY
    )
    return Ticket(
        vendor=VENDOR,
        **_record(row, url, table),
        key=row.text("number") or identity,
        title=row.text("short_description"),
        description=markdown_from_plain(row.text("description")),
        type=TYPES.get(table, "task"),
        status=state_name(table, state, shown),
        status_category=category_of(table, state, shown, active=row.flag("active", default=True)),
        priority=level_name("priority", row.text("priority"), row.shown("priority")),
        impact=level_name("impact", row.text("impact"), row.shown("impact")),
        urgency=level_name("urgency", row.text("urgency"), row.shown("urgency")),
        requester=requester,
        opened_by=opened_by,
        assignee=row.reference("assigned_to"),
        assignment_group=group,
        organisation=row.reference("company"),
        service=row.reference("business_service"),
        configuration_items=tuple(one for one in (row.reference("cmdb_ci"),) if one),
        category=tuple(one for one in (row.shown("category"), row.shown("subcategory")) if one),
        tags=_tags(raw),
        parent=row.reference("parent_incident") or row.reference("parent"),
        links=_links(row),
        comments=tuple(comments[0]),
        comments_complete=not comments[1],
        attachments=tuple(attachments[0]),
        unread=(*comments[1], *attachments[1]),
        resolution_code=row.shown("close_code"),
        resolution_notes=markdown_from_plain(row.text("close_notes")),
        service_levels=_levels(raw, row),
        resolved_at=row.time("resolved_at"),
        closed_at=row.time("closed_at"),
        due_at=row.time("due_date"),
        access=access,
        internal_access=internal,
        unmapped=row.unmapped(),
    )


def comment(raw: Mapping[str, Any], people: Mapping[str, Reference]) -> Comment:
    """A row of ``sys_journal_field``."""
    row = Row(raw)
    author = row.text("sys_created_by")
    return Comment(
        row.text("sys_id"),
        markdown_from_journal(row.text("value")),
        internal=row.text("element") != "comments",
        author=people.get(author) or (Reference(author) if author else None),
        created_at=row.time("sys_created_on"),
        raw=raw,
    )


def attachment(raw: Mapping[str, Any]) -> Attachment:
    """What the attachment interface says of a file."""
    row = Row(raw)
    identity = row.text("sys_id")
    size = row.text("size_bytes")
    return Attachment(
        identity,
        row.text("file_name") or identity,
        row.text("content_type") or "application/octet-stream",
        int(size) if size.isdigit() else None,
        f"/api/now/attachment/{identity}/file",
        row.time("sys_created_on"),
        raw=raw,
    )


def article(
    raw: Mapping[str, Any],
    url: str,
    criteria: Criteria,
    attachments: tuple[Sequence[Attachment], Sequence[str]] = ((), ()),
) -> Article:
    """A row of ``kb_knowledge``; its files with what of them could not be read."""
    row = Row(raw, _OF_THE_PLATFORM | {"kb_category"})
    base = row.reference("kb_knowledge_base")
    html, wiki = row.text("text"), row.text("wiki")
    valid_to = row.text("valid_to")
    state = _STATES_OF_ARTICLES.get(row.text("workflow_state"), "draft")
    return Article(
        vendor=VENDOR,
        **_record(row, url, "kb_knowledge"),
        key=row.text("number") or row.text("sys_id"),
        title=row.text("short_description"),
        text=markdown_from_html(html) if html else markdown_from_plain(wiki),
        state=cast("Any", state),
        base=base,
        category=tuple(one for one in (Row(raw).shown("kb_category"),) if one),
        tags=tuple(one.strip() for one in row.text("meta").split(",") if one.strip()),
        language=row.text("language"),
        author=row.reference("author"),
        valid_to=moment(valid_to[:10]) if valid_to else None,
        attachments=tuple(attachments[0]),
        unread=tuple(attachments[1]),
        access=criteria.access(
            base.id if base else "",
            row.listed("can_read_user_criteria"),
            row.listed("cannot_read_user_criteria"),
        ),
        unmapped=row.unmapped(),
    )


def person(raw: Mapping[str, Any], url: str, technicians: frozenset[str] = frozenset()) -> Person:
    """A row of ``sys_user``. What is secret in it is not kept."""
    kept = {name: one for name, one in raw.items() if name not in {"user_password", "photo"}}
    row = Row(kept, _OF_THE_PLATFORM)
    company, department, location = (row.reference(name) for name in ("company", "department", "location"))
    sets = (("company", company), ("department", department), ("location", location))
    parts = (row.text(name) for name in ("first_name", "middle_name", "last_name"))
    phones = (row.text(name) for name in ("phone", "mobile_phone", "home_phone"))
    joined = " ".join(part for part in parts if part)
    return Person(
        vendor=VENDOR,
        **_record(row, url, "sys_user"),
        name=row.text("name") or joined,
        login=row.text("user_name"),
        emails=tuple(one for one in (row.text("email").lower(),) if one),
        phones=tuple(dict.fromkeys(one for one in phones if one)),
        title=row.text("title"),
        active=row.flag("active", default=True) and not row.flag("locked_out"),
        technician=row.text("sys_id") in technicians,
        manager=row.reference("manager"),
        organisation=company or department,
        attributes=tuple(Grantee(cast("Any", kind), one.id) for kind, one in sets if one),
        unmapped=row.unmapped(),
    )


def group(raw: Mapping[str, Any], url: str) -> Group:
    """A row of ``sys_user_group``."""
    row = Row(raw, _OF_THE_PLATFORM)
    return Group(
        vendor=VENDOR,
        **_record(row, url, "sys_user_group"),
        name=row.text("name"),
        description=row.text("description").strip(),
        grantee=Grantee("group", row.text("sys_id")),
        active=row.flag("active", default=True),
        manager=row.reference("manager"),
        email=row.text("email").lower(),
        parent=row.reference("parent"),
        unmapped=row.unmapped(),
    )


def role(raw: Mapping[str, Any], url: str) -> Group:
    """A row of ``sys_user_role``."""
    row = Row(raw, _OF_THE_PLATFORM)
    return Group(
        vendor=VENDOR,
        **_record(row, url, "sys_user_role"),
        name=row.text("name"),
        description=row.text("description").strip(),
        grantee=Grantee("role", row.text("sys_id")),
        unmapped=row.unmapped(),
    )


def membership(raw: Mapping[str, Any], kind: str) -> Membership | None:
    """A row of ``sys_user_grmember`` or ``sys_user_has_role``; None where its user or group is gone."""
    row = Row(raw, _OF_THE_PLATFORM | {"state"})
    user, whole = row.reference("user"), row.reference("role" if kind == "role" else "group")
    if user is None or whole is None:
        return None
    record = _record(row, "", "")
    return Membership(
        vendor=VENDOR,
        **record,
        person=user.id,
        grantee=Grantee("role" if kind == "role" else "group", whole.id),
        unmapped=row.unmapped(),
    )


def organisation(raw: Mapping[str, Any], table: str, url: str) -> Organisation:
    """A row of ``core_company`` or ``cmn_department``."""
    row = Row(raw, _OF_THE_PLATFORM)
    return Organisation(
        vendor=VENDOR,
        **_record(row, url, table),
        name=row.text("name"),
        domains=tuple(
            one for one in (row.text("website").removeprefix("https://").removeprefix("http://"),) if one
        ),
        parent=row.reference("parent"),
        unmapped=row.unmapped(),
    )


def service(raw: Mapping[str, Any], url: str) -> Service:
    """A row of ``cmdb_ci_service``."""
    row = Row(raw, _OF_THE_PLATFORM)
    return Service(
        vendor=VENDOR,
        **_record(row, url, "cmdb_ci_service"),
        name=row.text("name"),
        description=markdown_from_plain(row.text("short_description") or row.text("comments")),
        owner=row.reference("owned_by") or row.reference("managed_by"),
        criticality=row.shown("busines_criticality"),
        status=row.shown("operational_status"),
        unmapped=row.unmapped(),
    )


def configuration_item(raw: Mapping[str, Any], url: str) -> ConfigurationItem:
    """A row of ``cmdb_ci``."""
    row = Row(raw, _OF_THE_PLATFORM - {"sys_class_name"})
    hosts = (row.text("host_name"), row.text("fqdn"))
    addresses = (row.text("ip_address"), row.text("mac_address"))
    return ConfigurationItem(
        vendor=VENDOR,
        **_record(row, url, "cmdb_ci"),
        name=row.text("name"),
        type=row.shown("sys_class_name"),
        status=row.shown("install_status"),
        serial_number=row.text("serial_number"),
        asset_tag=row.text("asset_tag"),
        hosts=tuple(one for one in hosts if one),
        addresses=tuple(one for one in addresses if one),
        used_by=row.reference("assigned_to"),
        managed_by=row.reference("managed_by") or row.reference("support_group"),
        organisation=row.reference("company"),
        location=row.reference("location"),
        unmapped=row.unmapped(),
    )


def catalog_item(raw: Mapping[str, Any], url: str) -> CatalogItem:
    """A row of ``sc_cat_item``."""
    row = Row(raw, _OF_THE_PLATFORM)
    text = row.text("description")
    return CatalogItem(
        vendor=VENDOR,
        **_record(row, url, "sc_cat_item"),
        name=row.text("name"),
        description=markdown_from_html(text) or row.text("short_description"),
        category=tuple(one for one in (row.shown("category"),) if one),
        price=row.shown("price"),
        active=row.flag("active", default=True),
        unmapped=row.unmapped(),
    )


def _record(row: Row, url: str, table: str) -> dict[str, Any]:
    identity = row.text("sys_id")
    if not identity:
        raise ValueError("no sys_id")
    return {
        "id": identity,
        "url": f"{url}/nav_to.do?uri={table}.do?sys_id={identity}" if url else "",
        "version": row.text("sys_mod_count"),
        "created_at": row.time("opened_at") or row.time("sys_created_on"),
        "updated_at": row.time("sys_updated_on"),
        "raw": row.row,
    }


def _tags(raw: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(one.strip() for one in Row(raw).shown("sys_tags").split(",") if one.strip())


def _links(row: Row) -> tuple[Link, ...]:
    named = (("problem", "problem_id"), ("change", "rfc"), ("caused by", "caused_by"), ("request", "request"))
    found = ((relation, row.reference(name)) for relation, name in named)
    return tuple(Link(relation, target) for relation, target in found if target is not None)


def _levels(raw: Mapping[str, Any], row: Row) -> tuple[ServiceLevel, ...]:
    due, made = row.time("sla_due"), Row(raw).text("made_sla")
    if due is None and made != "false":
        return ()
    return (ServiceLevel("resolution", due, breached=made == "false"),)
