"""Freshservice's API v2 as a server."""

from __future__ import annotations

import base64
import binascii
import random
import re
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar

from deskmind.sandbox.freshservice import (
    assets,
    catalog,
    conversations,
    people,
    processes,
    seed_people,
    seed_things,
    seed_tickets,
    solutions,
    tickets,
)
from deskmind.sandbox.freshservice.account import Account
from deskmind.sandbox.freshservice.call import Call, Route
from deskmind.sandbox.freshservice.refusal import Refused, no_credentials, not_found
from deskmind.sandbox.freshservice.scope import Scope
from deskmind.sandbox.freshservice.workflows import Workflow, Workflows
from deskmind.sandbox.web import Call as Request
from deskmind.sandbox.web import FixedWindow, Reply, SandboxServer

ROUTES = (
    *tickets.ROUTES,
    *conversations.ROUTES,
    *people.ROUTES,
    *assets.ROUTES,
    *solutions.ROUTES,
    *catalog.ROUTES,
    *processes.ROUTES,
)
_ROOT = "/api/v2/"
_FILE = re.compile(r"/data/helpdesk/attachments/production/(\d+)/original/(\w+)")


class FreshserviceSandbox(SandboxServer):
    """Freshservice's wire format over the demo company; `requests_per_minute` is the account's limit.

    `workflows.add(url, …)` sets up a workflow automator that calls a webhook.
    """

    vendor: ClassVar[str] = "freshservice"

    def __init__(self, *, requests_per_minute: int = 500, **given: Any) -> None:
        super().__init__(**given)
        self.account = Account(self._now)
        self.workflows = Workflows(self._send)
        self._window = FixedWindow(self.clock, requests_per_minute, 60.0)
        self._table = _compiled(ROUTES)
        self._draw = random.Random(self.company.seed)  # noqa: S311 - reproducible on purpose
        ids = seed_people.populate(self.account, self.company)
        seed_things.equip(self.account, self.company, ids)
        seed_things.offer(self.account, self.company, ids)
        seed_tickets.fill(self.account, self.company, ids)
        seed_things.publish(self.account, self.company, ids)

    @property
    def credentials(self) -> dict[str, str]:
        """The administrator's API key; any password goes with it."""
        admin = next(person for person in self.company.people if person.role == "admin")
        return {"api_key": seed_people.api_key(self.company.seed, admin.key), "password": "X"}

    async def answer(self, call: Request) -> Reply:
        """The vendor's answer, with its headers."""
        file = _FILE.fullmatch(call.path)
        if file is not None:
            return self._download(int(file[1]), file[2])
        headers = _usual()
        try:
            scope = self._scope(call)
            headers |= self._spend(call)
            reply = self._routed(call, scope)
            return reply.told(headers).to(str(scope.agent["email"]))
        except Refused as refused:
            return refused.reply().told({**headers, **refused.headers})

    def too_many(self, call: Request, retry_after: float | None) -> Reply:
        """429 for the account's limit."""
        return self._limited(retry_after or 30.0).reply().told(_usual())

    def failed(self, call: Request, status: int) -> Reply:
        """A 5xx: JSON from the application, a page from the edge."""
        if status == 500:
            return Reply.json(
                500, {"code": "internal_error", "message": "We're sorry, but something went wrong."}
            )
        return Reply.of(
            status, b"<html><body>Service unavailable</body></html>", {"Content-Type": "text/html"}
        )

    def token_expired(self, call: Request) -> Reply:
        """401, as for a key that was reset."""
        return no_credentials().reply().told(_usual())

    def churn(self, tickets: int) -> list[str]:
        """Notes on, or another priority for so many tickets; their ids."""
        table = self.account.table("tickets")
        alive = sorted(number for number, row in table.items() if not row["deleted"])
        chosen = self._draw.sample(alive, min(tickets, len(alive)))
        for number in chosen:
            self._churn(number)
        return [str(number) for number in chosen]

    def _churn(self, number: int) -> None:
        row = self.account.table("tickets")[number]
        actor = row["responder_id"] or next(iter(self.account.table("agents")))
        if self._draw.random() < 0.6:
            said = f"<div>Looked at it again ({self._draw.randrange(10_000)}).</div>"
            conversations.place(self.account, row, actor, said, source=conversations.NOTE, private=True)
        else:
            priority = self._draw.choice([each for each in (1, 2, 3, 4) if each != row["priority"]])
            from deskmind.sandbox.freshservice.tickets import apply

            apply(self.account, row, {"priority": priority}, actor)

    def _routed(self, request: Request, scope: Scope) -> Reply:
        if not request.path.startswith(_ROOT):
            raise not_found()
        path = request.path.removeprefix(_ROOT).rstrip("/")
        others: set[str] = set()
        for method, pattern, route in self._table.get(path.count("/"), ()):
            match = pattern.fullmatch(path)
            if match is None:
                continue
            if method == request.method:
                return route.handler(self._call(request, scope, match.groupdict()))
            others.add(method)
        if others:
            said = f"{request.method} method is not allowed. It should be one of these method(s): {', '.join(sorted(others))}"
            raise Refused(
                405, {"code": "method_not_allowed", "message": said}, {"Allow": ", ".join(sorted(others))}
            )
        raise not_found()

    def _call(self, request: Request, scope: Scope, match: Mapping[str, str]) -> Call:
        return Call(request=request, account=self.account, scope=scope, workflows=self.workflows, match=match)

    def _scope(self, request: Request) -> Scope:
        """The key is the user name; the password is not looked at."""
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        try:
            key = base64.b64decode(given, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            key = ""
        agent = self.account.table("agents").get(self.account.keys.get(key, 0))
        if scheme.lower() != "basic" or agent is None or not agent["active"]:
            raise no_credentials()
        return Scope(self.account, agent)

    def _spend(self, request: Request) -> dict[str, str]:
        """One credit, and one more for each thing that is included."""
        cost = 1 + len([each for each in request.query.get("include", "").split(",") if each])
        spent = self._window.spend(cost)
        if not spent.allowed:
            raise self._limited(spent.reset_in)
        return {
            "x-ratelimit-total": str(self._window.limit),
            "x-ratelimit-remaining": str(spent.remaining),
            "x-ratelimit-used-currentrequest": str(cost),
        }

    def _limited(self, seconds: float) -> Refused:
        headers = {
            "Retry-After": str(max(1, -int(-seconds // 1))),
            "x-ratelimit-total": str(self._window.limit),
            "x-ratelimit-remaining": "0",
            "x-ratelimit-used-currentrequest": "1",
        }
        return Refused(429, {"message": "You have exceeded the limit of requests per minute"}, headers)

    def _download(self, number: int, token: str) -> Reply:
        for files in self.account.files.values():
            for file in files:
                if file.id == number and file.to_json("")["attachment_url"].endswith(token):
                    return Reply.of(200, file.content, {"Content-Type": file.content_type})
        return Reply.of(404)

    def _now(self) -> datetime:
        return self.clock.second()

    def _send(self, workflow: Workflow, body: bytes, headers: dict[str, str]) -> None:
        self.outbox.send(workflow.url, body, headers, user=workflow.username, password=workflow.password)


def _usual() -> dict[str, str]:
    return {
        "x-freshservice-api-version": "latest=v2; requested=v2",
        "x-request-id": str(uuid.uuid4()),
        "x-fw-ratelimiting-managed": "true",
        "cache-control": "no-cache, no-store, max-age=0, must-revalidate",
    }


def _compiled(routes: Iterable[Route]) -> dict[int, list[tuple[str, re.Pattern[str], Route]]]:
    """Routes by their depth; fixed parts win over variable ones."""
    found: dict[int, list[tuple[str, re.Pattern[str], Route]]] = {}
    for route in sorted(routes, key=lambda each: each.path.count("{")):
        pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", route.path))
        found.setdefault(route.path.count("/"), []).append((route.method, pattern, route))
    return found
