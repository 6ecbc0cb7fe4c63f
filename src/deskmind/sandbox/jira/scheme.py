"""The configuration of a Jira site: projects, types, statuses and their workflow, priorities, levels."""

from __future__ import annotations

from dataclasses import dataclass, field

from deskmind.sandbox.jira.people import Holders


@dataclass(frozen=True, slots=True)
class IssueType:
    """A type of issue."""

    id: str
    name: str
    description: str = ""
    subtask: bool = False


@dataclass(frozen=True, slots=True)
class Status:
    """A status; `category` is `new`, `indeterminate` or `done`."""

    id: str
    name: str
    category: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Named:
    """A priority, resolution, component or option of a select list."""

    id: str
    name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Level:
    """An issue security level: only its holders see the issues that carry it."""

    id: str
    name: str
    holders: Holders
    description: str = ""


@dataclass(frozen=True, slots=True)
class Transition:
    """A step of the workflow; `needs` are the fields its screen requires."""

    id: str
    name: str
    sources: tuple[str, ...]
    target: str
    needs: tuple[str, ...] = ()


@dataclass(slots=True)
class Project:
    """A project with its permissions: browse, work (edit, assign, transition), set security.

    `actors` are who stands in a project role here, where that is not whom the site puts there.
    """

    id: str
    key: str
    name: str
    kind: str
    lead: str
    browse: Holders
    work: Holders
    description: str = ""
    types: tuple[str, ...] = ()
    components: tuple[Named, ...] = ()
    levels: tuple[str, ...] = ()
    last_number: int = 0
    actors: dict[str, Holders] = field(default_factory=dict[str, Holders])


@dataclass(frozen=True, slots=True)
class RequestType:
    """What a customer can ask for in a portal."""

    id: str
    name: str
    description: str
    issue_type: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Queue:
    """A named JQL of an agent's view."""

    id: str
    name: str
    jql: str


@dataclass(slots=True)
class ServiceDesk:
    """The portal of a service project."""

    id: str
    project_id: str
    request_types: dict[str, RequestType] = field(default_factory=dict[str, RequestType])
    queues: tuple[Queue, ...] = ()
    customers: list[str] = field(default_factory=list[str])
    organizations: list[str] = field(default_factory=list[str])
    open_access: bool = True
