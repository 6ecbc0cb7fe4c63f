"""The ServiceNow sandbox: an instance behind a socket."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qsl

from deskmind.sandbox.company import Size
from deskmind.sandbox.servicenow.attachment_api import attachment
from deskmind.sandbox.servicenow.batch_api import batch
from deskmind.sandbox.servicenow.errors import Refused, no_resource, not_authenticated
from deskmind.sandbox.servicenow.import_api import import_set
from deskmind.sandbox.servicenow.instance import Instance
from deskmind.sandbox.servicenow.knowledge_api import knowledge
from deskmind.sandbox.servicenow.limits import RateLimits
from deskmind.sandbox.servicenow.seeding import fill
from deskmind.sandbox.servicenow.stats_api import stats
from deskmind.sandbox.servicenow.table_api import record, records
from deskmind.sandbox.servicenow.users import PASSWORD, User, basic
from deskmind.sandbox.servicenow.webhooks import Webhooks
from deskmind.sandbox.web import Call, Clock, Reply, SandboxServer

__all__ = ["ServiceNowSandbox"]

_NOW = re.compile(
    r"/api/now(?:/(?P<version>v[12]))?/(?P<api>table|attachment|stats|import|batch)(?P<rest>/.*)?"
)
_KNOWLEDGE = re.compile(r"/api/sn_km_api(?:/v1)?/knowledge/articles(?P<rest>/.*)?")
_ONLOOKER = "deskmind.onlooker"
_ALWAYS = {
    "Server": "ServiceNow",
    "X-Content-Type-Options": "nosniff",
    "Pragma": "no-store,no-cache",
    "Cache-Control": "no-cache,no-store,must-revalidate,max-age=-1",
    "Expires": "0",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "Server-Timing": "sem_wait;dur=0, sesh_wait;dur=0",
}


class ServiceNowSandbox(SandboxServer):
    """A ServiceNow instance with the demo company in it.

    The accounts are `admin`, `deskmind.integration` (what a connector should have) and one for each person, all with
    the same password; see `credentials`. `instance` is its database; `limits` its rate limits, none at first.

    >>> async with ServiceNowSandbox(seed=7) as sandbox:
    ...     url = sandbox.url  # e.g. http://127.0.0.1:40123
    """

    vendor: ClassVar[str] = "servicenow"

    def __init__(
        self,
        *,
        seed: int = 0,
        size: Size = "small",
        until: datetime | None = None,
        tls: bool = False,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Clock | None = None,
        ca_file: Path | None = None,
    ) -> None:
        super().__init__(
            seed=seed, size=size, until=until, tls=tls, host=host, port=port, clock=clock, ca_file=ca_file
        )
        self.instance = Instance(seed, self.clock, self.lag)
        self.limits = RateLimits(self.instance.store, self.clock)
        fill(self.instance, self.company)
        self.broken_rows: set[tuple[str, str]] = set()
        """Tables and sys_ids of rows with a text that ends an answer in its middle."""
        self._webhooks = Webhooks(self.instance, self.outbox)
        self._session = hashlib.md5(str(seed).encode(), usedforsecurity=False).hexdigest().upper()
        self._churned = 0
        self._transactions = 0

    def onlooker(self) -> dict[str, str]:
        """A plain user with the role ``itil`` and nothing else, made at the first call: its user name and password."""
        store = self.instance.store
        if not store.by("sys_user", "user_name", _ONLOOKER):
            (role,) = store.by("sys_user_role", "name", "itil")
            user, moment = store.fresh_key(), "2026-01-01 00:00:00"
            store.add(
                "sys_user",
                {"sys_id": user, "sys_updated_on": moment, "user_name": _ONLOOKER, "active": "true"},
            )
            held = {"sys_id": store.fresh_key(), "sys_updated_on": moment, "user": user}
            store.add("sys_user_has_role", {**held, "role": store.read("sys_user_role", role, "sys_id")})
        return {"onlooker_username": _ONLOOKER, "onlooker_password": PASSWORD}

    @property
    def credentials(self) -> dict[str, str]:
        """The administrator's user name and password."""
        return {"username": "admin", "password": PASSWORD}

    def limit(self, requests: int, *, user: str = "", role: str = "") -> None:
        """Allows so many requests an hour: to one user, to each user with a role, or to each user."""
        store = self.instance.store
        admin = self._named("admin")
        given = {"name": "Limit", "request_limit": str(requests)}
        if user:
            given["user"] = self._named(user).sys_id
        if role:
            given["role"] = store.key("sys_user_role", role)
        self.instance.records.create("sys_rate_limit_rules", given, admin)

    async def answer(self, call: Call) -> Reply:
        """Answers as the instance does."""
        try:
            reply = self._broken(call, await self._routed(call))
        except Refused as refused:
            reply = refused.reply()
        return reply.told(self._told(reply))

    def too_many(self, call: Call, retry_after: float | None) -> Reply:
        """Too many requests."""
        wait = {} if retry_after is None else {"Retry-After": str(int(retry_after))}
        refused = Refused(429, "Rate limit exceeded", "Rate limit exceeded", wait)
        reply = refused.reply()
        return reply.told(self._told(reply))

    def failed(self, call: Call, status: int) -> Reply:
        """Something broke: a proxy's page for 502 to 504, an error body for the rest."""
        if status in (502, 503, 504):
            page = b"<html><head><title>Service Unavailable</title></head><body>Instance is unavailable.</body></html>"
            return Reply.of(status, page, {"Content-Type": "text/html", "Server": "ServiceNow"})
        reply = Refused(status, "Transaction cancelled: maximum execution time exceeded", "").reply()
        return reply.told(self._told(reply))

    def token_expired(self, call: Call) -> Reply:
        """Nobody, from here on, until a new token is asked for."""
        self.instance.tokens.expire_all()
        reply = not_authenticated("BEARER").reply()
        return reply.told(self._told(reply))

    def churn(self, tickets: int) -> list[str]:
        """Agents comment on, reassign, resolve, open and delete tickets; what they touched, by sys_id."""
        store, records = self.instance.store, self.instance.records
        self._churned += 1
        draw = random.Random(self.company.seed * 31 + self._churned)  # noqa: S311 - reproducible on purpose
        admin = self._named("admin")
        rows = store.ordered("incident", ())
        touched: list[str] = []
        for number, row in enumerate(draw.sample(rows, min(tickets, len(rows)))):
            sys_id = store.read("incident", row, "sys_id")
            touched.append(sys_id)
            if number % 25 == 24:
                records.delete("incident", sys_id, admin)
            elif number % 10 == 9:
                made = records.create(
                    "incident", {"short_description": f"Opened in round {self._churned}"}, admin
                )
                touched[-1] = store.read("incident", made, "sys_id")
            else:
                records.update(
                    "incident", row, {"work_notes": f"Looked at it in round {self._churned}."}, admin
                )
        return touched

    async def _routed(self, call: Call) -> Reply:
        if call.path == "/oauth_token.do":
            return self._token(call)
        user = self.instance.directory.by_headers(call.headers)
        told = self.limits.count(user)
        reply = await self._for_user(user, call)
        return reply.to(user.name).told(
            {**told, "X-Is-Logged-In": "true", "X-Transaction-ID": self._transaction()}
        )

    def _broken(self, call: Call, reply: Reply) -> Reply:
        """An answer with a broken row in it, unless only its id was asked for, has half of its body."""
        table = call.path.rpartition("/table/")[2].partition("/")[0]
        ids = [sys_id.encode() for name, sys_id in self.broken_rows if name == table]
        if not isinstance(reply.body, bytes) or call.query.get("sysparm_fields") == "sys_id":
            return reply
        if not any(sys_id in reply.body for sys_id in ids):
            return reply
        return Reply(reply.status, reply.body[: len(reply.body) // 2], reply.headers, reply.user)

    async def _for_user(self, user: User, call: Call) -> Reply:
        if found := _KNOWLEDGE.fullmatch(call.path):
            return knowledge(self.instance, user, call, found["rest"] or "")
        found = _NOW.fullmatch(call.path)
        if found is None:
            raise no_resource()
        rest = found["rest"] or ""
        first, _, second = rest.strip("/").partition("/")
        match found["api"]:
            case "attachment":
                return attachment(self.instance, user, call, rest)
            case "batch":
                return await batch(call, self.answer)
            case "stats":
                return stats(self.instance, user, call, first)
            case "import":
                return import_set(self.instance, user, call, first, second)
            case _ if first and second:
                return record(self.instance, user, call, first, second)
            case _ if first:
                return records(self.instance, user, call, first, found["version"] or "")
            case _:
                raise no_resource()

    def _token(self, call: Call) -> Reply:
        if call.method != "POST":
            raise no_resource()
        form = dict(parse_qsl(call.content.decode("utf-8", "replace"), keep_blank_values=True))
        directory = self.instance.directory
        client = basic(call.headers.get("Authorization", ""))
        if client is not None:
            form |= {"client_id": client[0], "client_secret": client[1]}
        return self.instance.tokens.grant(
            form, lambda name, password: password == PASSWORD and directory.named(name) is not None
        )

    def _told(self, reply: Reply) -> Mapping[str, str]:
        if "Set-Cookie" in reply.headers:
            return _ALWAYS
        return {**_ALWAYS, "Set-Cookie": f"JSESSIONID={self._session}; Path=/; HttpOnly; SameSite=None"}

    def _transaction(self) -> str:
        self._transactions += 1
        return f"{self._transactions:012x}"

    def _named(self, name: str) -> User:
        user = self.instance.directory.named(name)
        if user is None:
            raise ValueError(f"there is no account {name}")
        return user
