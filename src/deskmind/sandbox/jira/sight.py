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

    @property
    def agent(self) -> bool:
        """Whether the caller has a licence; a portal customer has none."""
        return self.user is not None and self.user.kind != "customer"

    def holds(self, holders: Holders, issue: Issue | None = None) -> bool:
        """Whether the caller is among the holders."""
        if not self.agent:
            return False
        if holders.everyone or self.account in holders.users or self.groups & holders.groups:
            return True
        if issue is None:
            return False
        mine = self.account
        return (holders.reporter and issue.values.get("reporter") == mine) or (
            holders.assignee and issue.values.get("assignee") == mine
        )

    def browses(self, project: Project) -> bool:
        """Whether the project is visible."""
        return self.holds(project.browse)

    def works_in(self, project: Project) -> bool:
        """Whether issues of the project may be changed."""
        return self.holds(project.work)

    def sees(self, issue: Issue) -> bool:
        """Project and security level, both."""
        if not self.holds(self.site.projects[issue.project_id].browse, issue):
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

    def reads(self, comment: Comment) -> bool:
        """A comment is public, or for agents, or for one group or role."""
        if not self.agent:
            return comment.public and comment.visibility is None
        if comment.visibility is None:
            return True
        kind, name = comment.visibility
        if kind == "group":
            return name in self.groups
        return name in ROLE_GROUPS and bool(self.groups & ROLE_GROUPS[name])


ROLE_GROUPS: dict[str, frozenset[str]] = {
    "Administrators": frozenset({"jira-administrators", "site-admins"}),
    "Service Desk Team": frozenset({"jira-servicemanagement-users", "jira-administrators", "site-admins"}),
    "Developers": frozenset({"jira-software-users", "jira-administrators", "site-admins"}),
}
"""Project roles and the groups that stand in them, the same in each project of this site."""
