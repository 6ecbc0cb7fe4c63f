"""One instance: its tables and everything that acts on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from deskmind.sandbox.servicenow.access import Access
from deskmind.sandbox.servicenow.encoded import Query
from deskmind.sandbox.servicenow.journal import Journal
from deskmind.sandbox.servicenow.matching import Matcher
from deskmind.sandbox.servicenow.oauth import Tokens
from deskmind.sandbox.servicenow.records import Records
from deskmind.sandbox.servicenow.rendering import Renderer
from deskmind.sandbox.servicenow.scripted import Scripts
from deskmind.sandbox.servicenow.selection import select
from deskmind.sandbox.servicenow.store import Row, Store
from deskmind.sandbox.servicenow.users import Directory, User
from deskmind.sandbox.web import Blob, Call, Clock, IndexLag

__all__ = ["INTEGRATION_USER", "Found", "Instance"]

INTEGRATION_USER = "deskmind.integration"
"""The account that acts for client credentials and API keys: it has the roles that a connector needs."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a query found: all rows that count, and whether a part of it was invalid."""

    rows: list[Row]
    invalid: bool


class Instance:
    """An instance with its database, accounts and rules; every API works on this."""

    def __init__(self, seed: int, clock: Clock, lag: IndexLag) -> None:
        self.clock, self.lag = clock, lag
        self.store = Store(seed)
        self.tokens = Tokens(clock, seed, INTEGRATION_USER)
        self.directory = Directory(self.store, self.tokens)
        self.access = Access(self.store)
        self.records = Records(self.store, clock)
        self.files: dict[str, bytes | Blob] = {}
        self.records.listeners.append(self._touched)

    def property(self, name: str) -> str:
        """A system property."""
        rows = self.store.by("sys_properties", "name", name)
        return self.store.read("sys_properties", rows[0], "value") if rows else ""

    def matcher(self, user: User) -> Matcher:
        """Makes predicates for this user's queries, now."""
        scripts = Scripts(self.clock.now(), user.zone, user.sys_id, user.name, tuple(sorted(user.groups)))
        return Matcher(self.store, scripts, self.lag.settled)

    def find(self, user: User, table: str, query: Query, *, ruled: bool = True) -> Found:
        """Runs a query as `user`, with the before-query rule if `ruled`; access controls of rows are not applied."""
        matcher = self.matcher(user)
        added = self.access.before_query(user, table) if ruled else None
        rows = select(self.store, table, query, matcher, added)
        if matcher.invalid and self.property("glide.invalid_query.returns_no_rows") == "true":
            return Found([], invalid=True)
        return Found(rows, matcher.invalid)

    def one(self, user: User, table: str, sys_id: str) -> tuple[str, Row] | None:
        """The record with this id and its class, if `user` may see it."""
        found = self.store.find(table, sys_id)
        if found is None:
            return None
        rule = self.access.before_query(user, table)
        if (rule is not None and not rule(found[1])) or not self.access.sees(user, found[0], found[1]):
            return None
        return found

    def renderer(self, user: User, call: Call) -> Renderer:
        """Renders for this user, with links to the address that the client used."""
        journal = Journal(self.store, user, work_notes=self.access.sees_work_notes(user))
        hidden: Callable[[str], tuple[str, ...]] = lambda table: self.access.hidden_fields(user, table)  # noqa: E731
        return Renderer(self.store, user, call.base, hidden, journal.text)

    def _touched(self, operation: str, table: str, row: Row) -> None:
        self.lag.touch(self.store.read(table, row, "sys_id"))
