"""Jira Cloud, Jira Service Management and Confluence as one server."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from deskmind.sandbox.jira import (
    adf,
    attachment_routes,
    comment_routes,
    desk_routes,
    hook_routes,
    issue_routes,
    oauth_routes,
    permission_routes,
    project_routes,
    request_routes,
    search_routes,
    seed_issues,
    seed_people,
    seed_scheme,
    seed_wiki,
    site_routes,
    user_routes,
    wiki_routes,
)
from deskmind.sandbox.jira.call import Call, Route
from deskmind.sandbox.jira.edit import Editor
from deskmind.sandbox.jira.hooks import Delivery, Hooks
from deskmind.sandbox.jira.issue import Attachment
from deskmind.sandbox.jira.limits import Limits, with_headers
from deskmind.sandbox.jira.links import Links
from deskmind.sandbox.jira.oauth import App, Apps
from deskmind.sandbox.jira.refusal import Refused, login_required
from deskmind.sandbox.jira.results import Results
from deskmind.sandbox.jira.router import Router
from deskmind.sandbox.jira.session import Caller, caller
from deskmind.sandbox.jira.sight import Sight
from deskmind.sandbox.jira.site import Site
from deskmind.sandbox.jira.wiki import Wiki
from deskmind.sandbox.web import Call as Request
from deskmind.sandbox.web import Reply, SandboxServer

ROUTES = (
    *site_routes.ROUTES,
    *user_routes.ROUTES,
    *permission_routes.ROUTES,
    *project_routes.ROUTES,
    *issue_routes.ROUTES,
    *comment_routes.ROUTES,
    *attachment_routes.ROUTES,
    *search_routes.ROUTES,
    *hook_routes.ROUTES,
    *desk_routes.ROUTES,
    *request_routes.ROUTES,
    *wiki_routes.ROUTES,
    *oauth_routes.ROUTES,
)
APP = App(
    "sandbox-app",
    "sandbox-app-secret",
    "Sandbox app",
    ("read:jira-work", "write:jira-work", "read:jira-user", "manage:jira-webhook", "offline_access"),
)
"""The OAuth app that every sandbox knows."""

_GATEWAY = re.compile(r"/ex/(?:jira|confluence)/([^/]+)(/.*)")
_WRITTEN = re.compile(r"/rest/(?:api/\w+/issue|servicedeskapi/request)/([^/]+)")


class JiraSandbox(SandboxServer):
    """Jira's wire formats over the demo company.

    `requests_per_second` is the burst limit for everybody, `points_per_hour` what OAuth apps have beside it.
    With `older_search` off, `/rest/api/{2,3}/search` is gone (410), as it is on sites where the vendor has removed it.
    """

    vendor: ClassVar[str] = "jira"

    def __init__(
        self,
        *,
        requests_per_second: int = 100,
        points_per_hour: int = 65_000,
        older_search: bool = True,
        **given: Any,
    ) -> None:
        super().__init__(**given)
        self.site = Site(
            title=self.company.organisations[0].name, clock=self._now, index_lag=lambda: self.lag.seconds
        )
        self.wiki = Wiki()
        self.hooks = Hooks(self._now, self._send)
        self.apps = Apps(self._now, {APP.client_id: APP})
        self.limits = Limits(self.clock, requests_per_second, points_per_hour)
        self._older_search = older_search
        self._results = Results(self.site)
        self._files: dict[str, Attachment] = {}
        self._router = Router(ROUTES)
        self._draw = random.Random(self.company.seed)  # noqa: S311 - reproducible on purpose
        self._fill()

    @property
    def credentials(self) -> dict[str, str]:
        """The administrator's address and API token."""
        person = seed_people.administrator(self.company)
        return {"email": person.email, "token": seed_people.api_token(self.company.seed, person.key)}

    async def answer(self, call: Request) -> Reply:
        """The vendor's answer, with its limits' headers."""
        headers: dict[str, str] = {}
        try:
            path, through_gateway = self._inside(call.path)
            who = caller(call, self.site, self.apps, through_gateway=through_gateway)
            written = _WRITTEN.match(path) if call.method in ("POST", "PUT", "DELETE") else None
            headers = self.limits.spend(who.grant is not None, written[1] if written else "")
            reply = self._routed(call, path, who)
            user = who.user.email if who.user else ""
            return with_headers(reply, headers).to(user)
        except Refused as refused:
            return with_headers(refused.reply(), headers)

    def too_many(self, call: Request, retry_after: float | None) -> Reply:
        """429 for the burst limit."""
        return self.limits.refused("jira-burst-based", retry_after or 1.0).reply()

    def failed(self, call: Request, status: int) -> Reply:
        """A 5xx: JSON from the application, text from the proxy before it."""
        if status == 500:
            return Reply.json(500, {"errorMessages": ["Internal server error"], "errors": {}})
        return Reply.of(
            status,
            b"upstream connect error or disconnect/reset before headers",
            {"Content-Type": "text/plain"},
        )

    def token_expired(self, call: Request) -> Reply:
        """401 of the gateway; every access token is void."""
        self.apps.expire()
        return Reply.json(401, {"code": 401, "message": "Unauthorized"})

    def churn(self, tickets: int) -> list[str]:
        """Agents comment on, re-prioritise, open and delete so many issues; the ids of those."""
        numbers = self._draw.sample(sorted(self.site.issues), min(tickets, len(self.site.issues)))
        return [str(self._churn(place, number)) for place, number in enumerate(numbers)]

    def _churn(self, place: int, number: int) -> int:
        issue = self.site.issues[number]
        project = self.site.projects[issue.project_id]
        editor = Editor(self.site, Sight(self.site, self.site.users[project.lead]), "3")
        if place % 25 == 24:
            self.site.remove(issue)
        elif place % 10 == 9:
            kept = {name: issue.values[name] for name in ("issuetype", "reporter", "priority")}
            return editor.place(
                project, kept | {"summary": f"Opened meanwhile: {issue.values['summary']}"[:255]}
            ).id
        elif place % 3 == 2:
            others = [each for each in self.site.priorities if each != issue.values["priority"]]
            editor.apply(issue, {"priority": self._draw.choice(others)})
        else:
            text = adf.paragraphs(f"Looked at it again ({self._draw.randrange(10_000)}).")
            editor.place_comment(issue, text, public=self._draw.random() < 0.5)
        return number

    def _fill(self) -> None:
        admin = seed_people.account_id(seed_people.administrator(self.company).key)
        seed_people.populate(self.site, self.company)
        seed_scheme.configure(self.site, self.company, admin)
        seed_issues.fill(self.site, self.company)
        seed_wiki.publish(self.site, self.wiki, self.company)

    def _inside(self, path: str) -> tuple[str, bool]:
        """The path within the site, and whether it came through the OAuth gateway."""
        found = _GATEWAY.fullmatch(path)
        if found is None:
            return path, False
        if found[1] != self.site.cloud_id:
            raise Refused(404, {"code": 404, "message": "Not Found"})
        return found[2], True

    def _routed(self, request: Request, path: str, who: Caller) -> Reply:
        found = self._router.find(request.method, path)
        if found is None:
            status = 405 if self._router.knows(path) else 404
            raise Refused(status, {"message": f"null for uri: {request.base}{path}", "status-code": status})
        route, match = found
        if not self._older_search and route.path == "/rest/api/{version}/search":
            raise Refused(410, {"errorMessages": [_REMOVED], "errors": {}})
        if who.user is None and not route.anonymous:
            raise login_required()
        return route.handler(self._call(request, path, match, who))

    def _call(self, request: Request, path: str, match: Mapping[str, str], who: Caller) -> Call:
        zone = (who.user or next(iter(self.site.users.values()))).timezone()
        version = "3" if match.get("version", "3") == "3" else "2"
        prefix = request.path.removesuffix(path)
        return Call(
            request=request,
            site=self.site,
            wiki=self.wiki,
            sight=Sight(self.site, who.user),
            links=Links(request.base + prefix, version, zone),
            hooks=self.hooks,
            apps=self.apps,
            match=match,
            files=self._files,
            results=self._results,
            grant=who.grant,
        )

    def _now(self) -> Any:
        now = self.clock.now()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def _send(self, delivery: Delivery) -> None:
        self.outbox.send(delivery.url, delivery.body, delivery.headers)


_REMOVED = (
    "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. A full migration guideline "
    "is available at https://developer.atlassian.com/changelog/#CHANGE-2046"
)

__all__ = ["APP", "JiraSandbox", "Route"]
