"""One request as the handlers get it, and the routes they stand on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from deskmind.sandbox.jira.edit import Editor
from deskmind.sandbox.jira.hooks import Hooks
from deskmind.sandbox.jira.issue import Attachment, Issue
from deskmind.sandbox.jira.links import Links
from deskmind.sandbox.jira.oauth import Apps, Grant
from deskmind.sandbox.jira.refusal import login_required, messages, no_issue
from deskmind.sandbox.jira.render_issue import IssueView
from deskmind.sandbox.jira.scheme import Project
from deskmind.sandbox.jira.shape import mapping
from deskmind.sandbox.jira.sight import Sight
from deskmind.sandbox.jira.site import Site
from deskmind.sandbox.jira.wiki import Wiki
from deskmind.sandbox.web import Call as Request
from deskmind.sandbox.web import Reply


@dataclass(frozen=True, slots=True)
class Call:
    """A request with its site, its caller and the addresses that its answer carries."""

    request: Request
    site: Site
    wiki: Wiki
    sight: Sight
    links: Links
    hooks: Hooks
    apps: Apps
    match: Mapping[str, str]
    files: dict[str, Attachment]
    grant: Grant | None = None

    @property
    def account(self) -> str:
        """The caller's account id; 401 for an anonymous one."""
        if self.sight.user is None:
            raise login_required()
        return self.sight.account

    @property
    def view(self) -> IssueView:
        """Issues as this caller sees them."""
        return IssueView(self.site, self.sight, self.links)

    @property
    def editor(self) -> Editor:
        """Writes as this caller."""
        return Editor(self.site, self.sight, self.links.version)

    def path(self, name: str) -> str:
        """A part of the path."""
        return self.match[name]

    def query(self, name: str, default: str = "") -> str:
        """A query parameter."""
        return self.request.query.get(name, default)

    def number(self, name: str, default: int, most: int | None = None) -> int:
        """A whole number in the query; more than `most` is cut to it, as Jira does."""
        text = self.query(name)
        if not text.lstrip("-").isdecimal():
            return default
        found = max(int(text), 0)
        return found if most is None else min(found, most)

    def flag(self, name: str, default: bool = False) -> bool:
        """A boolean in the query."""
        return self.query(name, str(default)).lower() == "true"

    def listed(self, name: str) -> list[str]:
        """A query parameter that is a list: repeated, or with commas."""
        return [
            part.strip()
            for each in self.request.query.getall(name, [])
            for part in each.split(",")
            if part.strip()
        ]

    @property
    def address(self) -> str:
        """The request's own address, with its query."""
        return self.links.base + self.request.path

    def body(self) -> dict[str, Any]:
        """The JSON object of the request; 400 in Jira's words where it is none."""
        try:
            return mapping(self.request.json()) if self.request.content else {}
        except ValueError:
            raise messages(
                400, "There was an error parsing JSON. Check that your request body is valid."
            ) from None

    def issue(self, name: str = "issue") -> Issue:
        """The issue of the path, if the caller sees it."""
        found = self.site.issue(self.path(name))
        if found is None or not self.sight.sees(found):
            raise no_issue()
        return found

    def editable(self) -> Issue:
        """The issue of the path, if the caller may change it."""
        found = self.issue()
        if not self.sight.works_in(self.site.projects[found.project_id]):
            raise messages(403, "You do not have permission to edit issues in this project.")
        return found

    def project(self, name: str = "project") -> Project:
        """The project of the path, if the caller sees it."""
        wanted = self.path(name)
        found = self.site.project(wanted)
        if found is None or not self.sight.browses(found):
            kind = "id" if wanted.isdecimal() else "key"
            raise messages(404, f"No project could be found with {kind} '{wanted}'.")
        return found


Handler = Callable[[Call], Reply]


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path below the site's root; `{version}` is the API version."""

    method: str
    path: str
    handler: Handler
    anonymous: bool = False


def answer(body: Any, status: int = 200) -> Reply:
    """A JSON answer."""
    return Reply.json(status, body)


def empty(status: int = 204) -> Reply:
    """An answer without a body."""
    return Reply.of(status)


def page(call: Call, name: str, found: list[Any], *, most: int = 50) -> dict[str, Any]:
    """One page of `startAt`/`maxResults` with its total and whether it is the last."""
    start, size = call.number("startAt", 0), call.number("maxResults", most, 1000)
    shown = found[start : start + size]
    return {
        "self": call.address,
        "maxResults": size,
        "startAt": start,
        "total": len(found),
        "isLast": start + len(shown) >= len(found),
        name: shown,
    }
