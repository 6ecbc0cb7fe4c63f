"""Users, groups and organisations of a Jira site."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from zoneinfo import ZoneInfo

AccountKind = Literal["atlassian", "app", "customer"]


@dataclass(slots=True)
class User:
    """One account. An e-mail address is shown to others only where its owner's profile allows it."""

    account_id: str
    name: str
    email: str
    token: str
    kind: AccountKind = "atlassian"
    active: bool = True
    zone: str = "Etc/UTC"
    shows_email: bool = True
    admin: bool = False

    def timezone(self) -> ZoneInfo:
        """The zone of the user's profile."""
        return ZoneInfo(self.zone)


@dataclass(slots=True)
class Group:
    """A group; `members` are account ids in the order they were added."""

    group_id: str
    name: str
    members: list[str] = field(default_factory=list[str])


@dataclass(slots=True)
class Organization:
    """A JSM organisation of customers."""

    id: str
    name: str
    members: list[str] = field(default_factory=list[str])


@dataclass(frozen=True, slots=True)
class Holders:
    """Who holds a permission: any of these. `reporter` and `assignee` are the issue's own, `roles` and `lead` the project's."""

    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    everyone: bool = False
    reporter: bool = False
    assignee: bool = False
    roles: frozenset[str] = frozenset()
    lead: bool = False
