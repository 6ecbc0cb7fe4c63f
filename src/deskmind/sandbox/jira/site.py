"""The state of one Jira site: people, configuration, issues, and what its search index knows of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from deskmind.sandbox.jira.issue import Issue
from deskmind.sandbox.jira.people import Group, Organization, User
from deskmind.sandbox.jira.scheme import (
    IssueType,
    Level,
    Named,
    Project,
    ServiceDesk,
    Status,
    Transition,
)


def wall_clock() -> datetime:
    """Now, to the millisecond that Jira stores."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


@dataclass
class Site:
    """Everything that a Jira site stores; a write touches the issue and leaves its old self in the index.

    `index_lag` gives the seconds after which the index has noticed a write that is made now.
    """

    title: str = "Jira"
    cloud_id: str = "11223344-a1b2-3b33-c444-def123456789"
    clock: Callable[[], datetime] = wall_clock
    index_lag: Callable[[], float] = lambda: 0.0
    users: dict[str, User] = field(default_factory=dict[str, User])
    groups: dict[str, Group] = field(default_factory=dict[str, Group])
    organizations: dict[str, Organization] = field(default_factory=dict[str, Organization])
    projects: dict[str, Project] = field(default_factory=dict[str, Project])
    types: dict[str, IssueType] = field(default_factory=dict[str, IssueType])
    statuses: dict[str, Status] = field(default_factory=dict[str, Status])
    transitions: dict[str, Transition] = field(default_factory=dict[str, Transition])
    priorities: dict[str, Named] = field(default_factory=dict[str, Named])
    resolutions: dict[str, Named] = field(default_factory=dict[str, Named])
    levels: dict[str, Level] = field(default_factory=dict[str, Level])
    desks: dict[str, ServiceDesk] = field(default_factory=dict[str, ServiceDesk])
    issues: dict[int, Issue] = field(default_factory=dict[int, Issue])
    by_key: dict[str, int] = field(default_factory=dict[str, int])
    writes: int = 0
    _last_id: int = 10_000
    _stale: dict[int, list[tuple[datetime, Issue | None]]] = field(
        default_factory=dict[int, list[tuple[datetime, Issue | None]]]
    )

    def next_id(self) -> int:
        """A number that nothing on the site has yet."""
        self._last_id += 1
        return self._last_id

    def reserve(self, number: int) -> None:
        """Numbers up to this one are taken."""
        self._last_id = max(self._last_id, number)

    def user_by_email(self, email: str) -> User | None:
        """The account with an address."""
        return next((user for user in self.users.values() if user.email.lower() == email.lower()), None)

    def groups_of(self, account_id: str) -> frozenset[str]:
        """Names of the groups that hold an account."""
        return frozenset(group.name for group in self.groups.values() if account_id in group.members)

    def project(self, id_or_key: str) -> Project | None:
        """A project by id or key."""
        if id_or_key in self.projects:
            return self.projects[id_or_key]
        wanted = id_or_key.upper()
        return next((project for project in self.projects.values() if project.key == wanted), None)

    def issue(self, id_or_key: str) -> Issue | None:
        """An issue by id or key."""
        number = int(id_or_key) if id_or_key.isdecimal() else self.by_key.get(id_or_key.upper())
        return None if number is None else self.issues.get(number)

    def desk_of(self, project_id: str) -> ServiceDesk | None:
        """The service desk of a project."""
        return next((desk for desk in self.desks.values() if desk.project_id == project_id), None)

    def add(self, issue: Issue) -> None:
        """A new issue: stored at once, searchable after the lag."""
        self.issues[issue.id] = issue
        self.by_key[issue.key] = issue.id
        self._keep(issue.id, None)

    def place(self, issue: Issue) -> None:
        """A seeded issue: searchable from the start."""
        self.issues[issue.id] = issue
        self.by_key[issue.key] = issue.id
        self._last_id = max(self._last_id, issue.id)

    def touch(self, issue: Issue, *, before: Issue) -> None:
        """Notes a write; `before` is the snapshot that search still shows."""
        issue.updated = max(self.clock(), issue.updated)
        self._keep(issue.id, before)

    def remove(self, issue: Issue) -> None:
        """A deletion: gone, without a trace in any list."""
        del self.issues[issue.id]
        self.by_key.pop(issue.key, None)
        self._stale.pop(issue.id, None)
        self.writes += 1

    def indexed(self, reconcile: Iterable[int] = ()) -> list[Issue]:
        """Each issue as the search index has it, but for those to be reconciled."""
        if not self._settle():
            return list(self.issues.values())
        fresh = set(reconcile)
        found: list[Issue] = []
        for number, issue in self.issues.items():
            held = self._stale.get(number)
            seen = issue if held is None or number in fresh else held[0][1]
            if seen is not None:
                found.append(seen)
        return found

    def settled(self) -> bool:
        """Whether the index has caught up."""
        return not self._settle()

    def _keep(self, number: int, before: Issue | None) -> None:
        self.writes += 1
        seconds = self.index_lag()
        if seconds:
            due = self.clock() + timedelta(seconds=seconds)
            self._stale.setdefault(number, []).append((due, before))

    def _settle(self) -> int:
        """Forgets old selves that the index has replaced by now; how many issues are still behind."""
        now = self.clock()
        for number in list(self._stale):
            left = [entry for entry in self._stale[number] if entry[0] > now]
            if left:
                self._stale[number] = left
            else:
                del self._stale[number]
        return len(self._stale)
