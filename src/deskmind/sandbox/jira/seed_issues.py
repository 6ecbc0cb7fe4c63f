"""The demo company's tickets as Jira issues."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from deskmind.sandbox.company import Company, Ticket
from deskmind.sandbox.jira import adf
from deskmind.sandbox.jira.fields import DEVICES, IMPACT, ORGANIZATIONS, REQUEST_TYPE, SERVICES, URGENCY
from deskmind.sandbox.jira.issue import Approval, Attachment, Change, Comment, Issue, Item, Link
from deskmind.sandbox.jira.scheme import Project
from deskmind.sandbox.jira.seed_people import account_id
from deskmind.sandbox.jira.seed_scheme import PROJECT_OF_TEAM, STATUSES, TYPES, level_of
from deskmind.sandbox.jira.site import Site

_FIRST = 10_000
_PER_ISSUE = 40


def fill(site: Site, company: Company) -> None:
    """Places each ticket; what was deleted leaves a gap in the keys and nothing else."""
    organizations = {one.key: str(number) for number, one in enumerate(company.customers, start=1)}
    gone = {each.number for each in company.deletions}
    last = max((ticket.number for ticket in company.tickets), default=0)
    hang = _FIRST + last + 1
    for ticket in company.tickets:
        project = _project(site, ticket)
        project.last_number += 1 + (ticket.number - 1 in gone)
        ids = iter(range(hang + ticket.number * _PER_ISSUE, hang + (ticket.number + 1) * _PER_ISSUE))
        site.place(_issue(site, company, ticket, project, organizations, ids))
    site.reserve(hang + (last + 2) * _PER_ISSUE)
    _link(site, company)


def _project(site: Site, ticket: Ticket) -> Project:
    found = site.project(PROJECT_OF_TEAM.get(ticket.team, "ITSM"))
    if found is None:
        raise LookupError("the projects are not configured")
    return found


def _issue(
    site: Site,
    company: Company,
    ticket: Ticket,
    project: Project,
    organizations: dict[str, str],
    ids: Iterator[int],
) -> Issue:
    issue = Issue(
        _FIRST + ticket.number,
        f"{project.key}-{project.last_number}",
        project.id,
        _milliseconds(ticket, ticket.created),
        _milliseconds(ticket, ticket.updated),
        _values(site, company, ticket, project, organizations),
    )
    for each in ticket.comments:
        text = adf.paragraphs(each.text)
        issue.comments.append(
            Comment(str(next(ids)), account_id(each.author), text, each.at, each.at, each.public)
        )
    for each in ticket.attachments:
        made = Attachment(
            str(next(ids)), each.name, each.content_type, each.content, account_id(each.author), each.at
        )
        issue.attachments.append(made)
    issue.changes.extend(_changes(site, company, ticket, issue, ids))
    issue.watchers.append(account_id(ticket.requester))
    issue.category_changed = ticket.resolved or ticket.created
    if ticket.opened_by != ticket.requester:
        issue.participants.append(account_id(ticket.opened_by))
    issue.approvals.extend(_approvals(company, ticket, ids))
    return issue


def _values(
    site: Site, company: Company, ticket: Ticket, project: Project, organizations: dict[str, str]
) -> dict[str, Any]:
    status = STATUSES[ticket.status]
    values: dict[str, Any] = {
        "summary": ticket.summary,
        "description": adf.paragraphs(ticket.description) if ticket.description else None,
        "issuetype": TYPES[ticket.kind],
        "status": status,
        "priority": str(ticket.priority),
        "reporter": account_id(ticket.requester),
        "creator": account_id(ticket.opened_by),
        "labels": sorted(
            {
                *ticket.tags,
                *(part.replace(" ", "-") for part in (ticket.category, ticket.subcategory) if part),
            }
        ),
        IMPACT: f"1000{ticket.impact}",
        URGENCY: f"1001{ticket.urgency}",
    }
    if ticket.assignee:
        values["assignee"] = account_id(ticket.assignee)
    if site.statuses[status].category == "done":
        values["resolution"] = "10001" if ticket.status == "cancelled" else "10000"
        values["resolutiondate"] = ticket.resolved or ticket.closed or ticket.updated
    if ticket.due:
        values["duedate"] = ticket.due.date().isoformat()
    if ticket.service:
        service = company.service(ticket.service)
        values[SERVICES] = [service.name.replace(" ", "-")]
        values["components"] = [each.id for each in project.components if each.name == service.name]
    if ticket.item:
        values[DEVICES] = [ticket.item]
    if ticket.organisation in organizations:
        values[ORGANIZATIONS] = [organizations[ticket.organisation]]
    if ticket.confidential:
        values["security"] = level_of(company, ticket.confidential)
    values[REQUEST_TYPE] = _request_type(site, company, ticket, project)
    return values


def _request_type(site: Site, company: Company, ticket: Ticket, project: Project) -> str | None:
    """Problems are the agents' own; everything else came through a portal."""
    desk = site.desk_of(project.id)
    if desk is None or ticket.kind == "problem":
        return None
    name = {"incident": "Report a problem", "change": "Ask for a change"}.get(ticket.kind)
    if ticket.catalog_item:
        name = next(offer.name for offer in company.catalog if offer.key == ticket.catalog_item)
    return next(
        (kind.id for kind in desk.request_types.values() if kind.name == name), next(iter(desk.request_types))
    )


def _changes(
    site: Site, company: Company, ticket: Ticket, issue: Issue, ids: Iterator[int]
) -> Iterator[Change]:
    assignee = issue.values.get("assignee")
    if assignee:
        item = Item("assignee", "assignee", None, None, assignee, site.users[assignee].name)
        yield Change(str(next(ids)), assignee, ticket.created, (item,))
    if issue.values["status"] == STATUSES["new"]:
        return
    target = site.statuses[issue.values["status"]]
    items = [Item("status", "status", STATUSES["new"], "Open", target.id, target.name)]
    if issue.values.get("resolution"):
        resolution = site.resolutions[issue.values["resolution"]]
        items.append(Item("resolution", "resolution", None, None, resolution.id, resolution.name))
    author = assignee or account_id(ticket.opened_by)
    yield Change(str(next(ids)), author, ticket.resolved or ticket.updated, tuple(items))


def _approvals(company: Company, ticket: Ticket, ids: Iterator[int]) -> Iterator[Approval]:
    """What costs much waits for the requester's manager."""
    offer = next((each for each in company.catalog if each.key == ticket.catalog_item), None)
    manager = company.person(ticket.requester).manager
    if offer is None or offer.price < 300 or not manager:
        return
    done = ticket.status in ("resolved", "closed")
    said = "approved" if done else "pending"
    yield Approval(
        str(next(ids)),
        "Waiting for approval",
        {account_id(manager): said},
        ticket.created,
        ticket.resolved if done else None,
        said,
    )


def _link(site: Site, company: Company) -> None:
    number = site.next_id()
    for ticket in company.tickets:
        issue, other = site.issues.get(_FIRST + ticket.number), site.issues.get(_FIRST + ticket.parent)
        if ticket.parent and issue and other:
            number = site.next_id()
            issue.links.append(Link(str(number), "Relates", True, other.id))
            other.links.append(Link(str(number), "Relates", False, issue.id))


def _milliseconds(ticket: Ticket, moment: datetime) -> datetime:
    """Jira keeps milliseconds; the company's times have whole seconds. A batch keeps its one moment."""
    if moment in (ticket.closed, ticket.resolved):
        return moment
    drawn = int.from_bytes(hashlib.sha256(f"{ticket.number}".encode()).digest()[:2], "big") % 1000
    return moment.replace(microsecond=drawn * 1000)
