"""Who sees what: project permissions, issue security, comment visibility, and what a customer shares."""

from __future__ import annotations

from deskmind.sandbox.jira.fields import ORGANIZATIONS
from deskmind.sandbox.jira.issue import Comment, Issue
from deskmind.sandbox.jira.people import Holders, User
from deskmind.sandbox.jira.scheme import Project
from deskmind.sandbox.jira.site import Site


class Sight:
    """One caller's permissions, with its groups looked up once."""

    def __init__(self, site: Site, user: User | None) -> None:
        self.site = site
        self.user = user
        self.account = user.account_id if user else ""
        self.groups = site.groups_of(self.account) if user else frozenset[str]()
        self._open = frozenset(one.id for one in site.projects.values() if self.browses(one))

    @property
    def licensed(self) -> bool:
        """Whether the caller has an account of the site; a customer of a portal has none."""
        return self.user is not None and self.user.kind != "customer"

    @property
    def agent(self) -> bool:
        """Whether the caller works in service desks."""
        return bool(self.groups & ROLE_GROUPS["Service Desk Team"])

    def holds(self, holders: Holders, issue: Issue | None = None, project: Project | None = None) -> bool:
        """Whether the caller is among the holders."""
        if not self.licensed:
            return False
        if holders.everyone or self._named(holders):
            return True
        project = self.site.projects[issue.project_id] if issue else project
        if project is not None and self._in_project(holders, project):
            return True
        if issue is None:
            return False
        mine = self.account
        return (holders.reporter and issue.values.get("reporter") == mine) or (
            holders.assignee and issue.values.get("assignee") == mine
        )

    def browses(self, project: Project) -> bool:
        """Whether the project is visible."""
        return self.holds(project.browse, project=project)

    def works_in(self, project: Project) -> bool:
        """Whether issues of the project may be changed."""
        return self.holds(project.work, project=project)

    def administers(self, project: Project) -> bool:
        """Whether the project's configuration may be read and changed."""
        return bool(self.user and self.user.admin) or self.stands(project, "Administrators")

    def stands(self, project: Project, role: str) -> bool:
        """Whether the caller stands in a role of the project."""
        return self.licensed and self._named(actors_of(project, role))

    def sees(self, issue: Issue) -> bool:
        """Project and security level, both."""
        if issue.project_id not in self._open and not self.holds(
            self.site.projects[issue.project_id].browse, issue
        ):
            return False
        level = issue.values.get("security")
        return level is None or self.holds(self.site.levels[level].holders, issue)

    def shares(self, issue: Issue) -> bool:
        """Whether a request is the customer's: reporter, participant, or of a shared organisation."""
        if self.user is None:
            return False
        if self.sees(issue) or issue.values.get("reporter") == self.account:
            return True
        if self.account in issue.participants:
            return True
        shared: list[str] = issue.values.get(ORGANIZATIONS) or []
        return any(self.account in self.site.organizations[each].members for each in shared)

    def reads(self, issue: Issue, comment: Comment) -> bool:
        """A comment is public, or for who sees the issue in its project, or for one group or role of those."""
        project = self.site.projects[issue.project_id]
        if not self.holds(project.browse, issue):
            return comment.public and comment.visibility is None
        if comment.visibility is None:
            return True
        kind, name = comment.visibility
        if kind == "group":
            return name in self.groups
        return self.stands(project, name)

    def _named(self, holders: Holders) -> bool:
        return self.account in holders.users or bool(self.groups & holders.groups)

    def _in_project(self, holders: Holders, project: Project) -> bool:
        if holders.lead and project.lead == self.account:
            return True
        return any(self.stands(project, role) for role in holders.roles)


def actors_of(project: Project, role: str) -> Holders:
    """Who stands in a role of a project."""
    return project.actors.get(role) or Holders(groups=ROLE_GROUPS.get(role, frozenset()))


ROLE_GROUPS: dict[str, frozenset[str]] = {
    "Administrators": frozenset({"jira-administrators", "site-admins"}),
    "Service Desk Team": frozenset({"jira-servicemanagement-users", "jira-administrators", "site-admins"}),
    "Developers": frozenset({"jira-software-users", "jira-administrators", "site-admins"}),
}
"""Project roles and the groups that stand in them, where a project says nothing else."""
