"""Resources that are all alike: list, read, create, change, delete of one table's rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from deskmind.sandbox.freshservice.account import Row
from deskmind.sandbox.freshservice.call import Call, Route, answer, empty
from deskmind.sandbox.freshservice.filters import compiled, quoted
from deskmind.sandbox.freshservice.refusal import denied, invalid, problem
from deskmind.sandbox.web import Reply

Keep = Callable[[Call, Row], bool]


@dataclass(frozen=True, slots=True)
class Resource:
    """A table under a path. `fields` are what may be written, with their defaults; `filters` what lists may ask for."""

    path: str
    table: str
    one: str
    many: str
    fields: Mapping[str, Any]
    required: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    queryable: Mapping[str, str] = field(default_factory=dict[str, str])
    query_name: str = "query"
    sees: Keep = lambda call, row: True
    numbered: bool = False
    admin_writes: bool = False
    created_status: int = 201
    deletes: bool = True

    def routes(self) -> tuple[Route, ...]:
        """The usual five."""
        found = (
            Route("GET", self.path, self.listed),
            Route("POST", self.path, self.create),
            Route("GET", f"{self.path}/{{id}}", self.read),
            Route("PUT", f"{self.path}/{{id}}", self.change),
        )
        return (*found, Route("DELETE", f"{self.path}/{{id}}", self.delete)) if self.deletes else found

    def listed(self, call: Call) -> Reply:
        """A page of rows, by equality of the filters and by the filter language."""
        found = [each for each in call.account.table(self.table).values() if self.sees(call, each)]
        for name in self.filters:
            if wanted := call.query(name):
                found = [each for each in found if str(each.get(name)).lower() == wanted.lower()]
        if self.queryable and call.query(self.query_name):
            keep = compiled(
                quoted(call.query(self.query_name), self.query_name), self.queryable, self.query_name
            )
            found = [each for each in found if keep(each)]
        if since := call.query("updated_since"):
            found = [each for each in found if str(each["updated_at"]) >= since]
        return call.page(found, self.many)

    def read(self, call: Call) -> Reply:
        """One row."""
        return answer(self.one, self.row(call))

    def create(self, call: Call) -> Reply:
        """A new row."""
        self._may_write(call)
        body = self._checked(call, new=True)
        now = call.account.now()
        number = call.account.next_number(self.table) if self.numbered else call.account.next_id()
        made = {"id": number, **self.fields, **body, "created_at": now, "updated_at": now}
        call.account.table(self.table)[number] = made
        return answer(self.one, made, self.created_status)

    def change(self, call: Call) -> Reply:
        """Changes fields of a row."""
        self._may_write(call)
        row = self.row(call)
        row.update(self._checked(call, new=False))
        row["updated_at"] = call.account.now()
        return answer(self.one, row)

    def delete(self, call: Call) -> Reply:
        """Deletes, without a trace; 204."""
        self._may_write(call)
        del call.account.table(self.table)[self.row(call)["id"]]
        return empty()

    def row(self, call: Call) -> Row:
        """The row that the path names, if the agent sees it."""
        found = call.row(self.table)
        if not self.sees(call, found):
            raise denied()
        return found

    def _may_write(self, call: Call) -> None:
        if self.admin_writes and not call.scope.admin:
            raise denied()

    def _checked(self, call: Call, *, new: bool) -> Row:
        body = call.body()
        errors = [
            problem(name, "Unexpected/invalid field in request", "invalid_field")
            for name in body
            if name not in self.fields
        ]
        if new:
            missing = [name for name in self.required if body.get(name) in (None, "", [])]
            errors += [problem(name, "It should be a/an String", "missing_field") for name in missing]
        if errors:
            raise invalid(*errors)
        return body
