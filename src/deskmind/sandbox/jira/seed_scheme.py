"""The configuration of the demo company's Jira: types, statuses, workflow, projects, portals."""

from __future__ import annotations

from deskmind.sandbox.company import Company
from deskmind.sandbox.jira.people import Holders
from deskmind.sandbox.jira.scheme import (
    IssueType,
    Level,
    Named,
    Project,
    Queue,
    RequestType,
    ServiceDesk,
    Status,
    Transition,
)
from deskmind.sandbox.jira.site import Site

AGENTS, ADMINS = "jira-servicemanagement-users", "site-admins"
TYPES = {"incident": "10001", "request": "10002", "problem": "10003", "change": "10004"}
STATUSES = {
    "new": "10001",
    "in_progress": "10002",
    "on_hold": "10003",
    "resolved": "10004",
    "closed": "10005",
    "cancelled": "10006",
}

_TYPES = (
    IssueType("10001", "[System] Incident", "For system outages or incidents."),
    IssueType("10002", "[System] Service request", "For general requests from users."),
    IssueType("10003", "[System] Problem", "Track underlying causes of incidents."),
    IssueType("10004", "[System] Change", "For system upgrades or alterations."),
    IssueType("10005", "Task", "A small, distinct piece of work."),
    IssueType("10006", "Sub-task", "A small piece of work that is part of a larger task.", subtask=True),
)
_STATUSES = (
    Status("10001", "Open", "new", "The issue is open and ready for the assignee to start work on it."),
    Status("10002", "Work in progress", "indeterminate"),
    Status("10003", "Waiting for customer", "indeterminate"),
    Status("10004", "Resolved", "done"),
    Status("10005", "Closed", "done"),
    Status("10006", "Canceled", "done"),
)
_TRANSITIONS = (
    Transition("11", "Start progress", ("10001",), "10002"),
    Transition("21", "Respond to customer", ("10001", "10002"), "10003"),
    Transition("31", "Resolve this issue", ("10001", "10002", "10003"), "10004", ("resolution",)),
    Transition("41", "Close", ("10004",), "10005"),
    Transition("51", "Reopen", ("10004", "10005", "10006"), "10001"),
    Transition("61", "Cancel request", ("10001", "10002", "10003"), "10006", ("resolution",)),
    Transition("71", "Respond to support", ("10003",), "10002"),
)
_PRIORITIES = (
    Named("1", "Highest", "This problem will block progress."),
    Named("2", "High", "Serious problem that could block progress."),
    Named("3", "Medium", "Has the potential to affect progress."),
    Named("4", "Low", "Minor problem or easily worked around."),
    Named("5", "Lowest", "Trivial problem with little or no impact on progress."),
)
_RESOLUTIONS = (
    Named("10000", "Done", "Work has been completed on this issue."),
    Named("10001", "Won't Do", "This issue won't be actioned."),
    Named("10002", "Duplicate", "The problem is a duplicate of an existing issue."),
    Named("10003", "Known Error", "The problem has a documented root cause and a workaround."),
)
PROJECT_OF_TEAM = {"hr-operations": "HR", "security-operations": "SEC"}
_PROJECTS = (
    ("10000", "ITSM", "IT service desk", "Everything that IT supports", AGENTS),
    ("10001", "HR", "People services", "Contracts, payroll and leave", "hr-operations"),
    ("10002", "SEC", "Security operations", "Investigations and alerts", "security-operations"),
)


def configure(site: Site, company: Company, admin: str) -> None:
    """Fills in everything but people and issues; `admin` is the account that leads the projects."""
    site.types = {each.id: each for each in _TYPES}
    site.statuses = {each.id: each for each in _STATUSES}
    site.transitions = {each.id: each for each in _TRANSITIONS}
    site.priorities = {each.id: each for each in _PRIORITIES}
    site.resolutions = {each.id: each for each in _RESOLUTIONS}
    site.levels = _levels(company)
    for number, (identifier, key, name, description, group) in enumerate(_PROJECTS, start=1):
        holders = Holders(groups=frozenset({group, ADMINS}))
        site.projects[identifier] = Project(
            identifier,
            key,
            name,
            "service_desk",
            admin,
            browse=holders,
            work=holders,
            description=description,
            types=tuple(site.types),
            components=_components(company, number),
            levels=tuple(site.levels),
        )
        site.desks[str(number)] = _desk(site, company, str(number), identifier, key)
    lead = Project(
        "10003", "OPS", "Platform work", "software", admin,
        browse=Holders(everyone=True), work=Holders(groups=frozenset({"it-ops", ADMINS})),
        types=("10005", "10006"),
    )  # fmt: skip
    site.projects[lead.id] = lead


def level_of(company: Company, team: str) -> str:
    """The security level that keeps issues within a team."""
    return str(10_100 + [each.key for each in company.support_teams].index(team))


def _levels(company: Company) -> dict[str, Level]:
    """One for each support team: its members, the reporter, and the site's administrators."""
    found: dict[str, Level] = {}
    for team in company.support_teams:
        holders = Holders(groups=frozenset({team.key, ADMINS}), reporter=True)
        level = Level(level_of(company, team.key), f"{team.name} only", holders, f"Seen by {team.name}")
        found[level.id] = level
    return found


def _components(company: Company, number: int) -> tuple[Named, ...]:
    return tuple(
        Named(str(10_000 + number * 100 + place), service.name, service.description)
        for place, service in enumerate(company.services)
    )


def _desk(site: Site, company: Company, number: str, project: str, key: str) -> ServiceDesk:
    offers = [offer for offer in company.catalog if PROJECT_OF_TEAM.get(offer.team, "ITSM") == key]
    kinds = [("Report a problem", "Something is broken", TYPES["incident"])]
    kinds += [(offer.name, offer.description, TYPES["request"]) for offer in offers]
    kinds += [("Ask for a change", "Changes of systems", TYPES["change"])]
    types = {
        str(int(number) * 100 + place): RequestType(str(int(number) * 100 + place), *kind, groups=(number,))
        for place, kind in enumerate(kinds, start=1)
    }
    queues = (
        Queue("1", "Open", f"project = {key} AND resolution = Unresolved ORDER BY created ASC"),
        Queue("2", "Mine", f"project = {key} AND assignee = currentUser() AND resolution = Unresolved"),
        Queue("3", "Unassigned", f"project = {key} AND assignee IS EMPTY AND resolution = Unresolved"),
    )
    customers = [each for each in site.users if site.users[each].kind == "customer"]
    return ServiceDesk(
        number, project, types, queues, customers, list(site.organizations), open_access=number != "3"
    )
