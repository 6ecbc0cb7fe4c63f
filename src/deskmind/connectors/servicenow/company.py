"""What surrounds the records of an instance: comments, files, roles, criteria."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from deskmind.connectors.access import Grantee
from deskmind.connectors.core.client import Client
from deskmind.connectors.core.mapping import parts_of
from deskmind.connectors.model import Attachment, Comment, Reference
from deskmind.connectors.servicenow import reading
from deskmind.connectors.servicenow.criteria import Criteria, Criterion
from deskmind.connectors.servicenow.fields import value
from deskmind.connectors.servicenow.onlooker import shown_to, unfit
from deskmind.connectors.servicenow.sight import Sight
from deskmind.connectors.servicenow.tables import Rows, Table, result
from deskmind.errors import NotFoundError, SourcePermissionError

__all__ = ["Parts", "Surroundings"]

_T = TypeVar("_T")
_CRITERIA = ("user_criteria", "kb_uc_can_read_mtom", "kb_uc_cannot_read_mtom")
_AT_ONCE = 80
_FRESH = 60.0


@dataclass(frozen=True, slots=True)
class Parts(Generic[_T]):
    """What belongs to some records, by the record's id.

    Attributes:
        found: the parts.
        unread: what could not be read, and why; without an id where it is not known whose it is.
    """

    found: Mapping[str, Sequence[_T]]
    unread: Mapping[str, Sequence[str]]

    def of(self, record: str) -> tuple[tuple[_T, ...], tuple[str, ...]]:
        """Those of one record, and what of them could not be read."""
        return tuple(self.found.get(record, ())), tuple(self.unread.get(record, ()))


class Surroundings:
    """Reads what belongs to a page of records; roles and criteria are read again after a minute."""

    def __init__(
        self,
        client: Client,
        readers: Sequence[str],
        overseers: Sequence[str],
        *,
        open_without: bool,
        onlooker: tuple[str, Client] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._readers = readers
        self._overseers = overseers
        self._onlooker = onlooker
        self._open_without = open_without
        self._clock = clock
        self._known: dict[str, tuple[float, Any]] = {}
        self._lock = asyncio.Lock()

    async def comments(self, ids: Sequence[str]) -> Parts[Comment]:
        """Comments and work notes by the ticket's id, oldest first."""
        fields = ("sys_id", "element_id", "element", "value", "sys_created_on", "sys_created_by")
        table = Table(
            self._client,
            "sys_journal_field",
            fields=fields,
            shown=False,
            query="elementINcomments,work_notes",
        )
        rows, broken = await self._of(table, "element_id", ids)
        people = await self._people({value(row.get("sys_created_by")) for row in rows})
        rows.sort(key=lambda one: (value(one.get("sys_created_on")), value(one.get("sys_id"))))
        parts = _grouped(rows, "element_id", partial(reading.comment, people=people), "comment")
        unread = {record: list(some) for record, some in parts.unread.items()}
        for one in broken:
            whose = await table.field(one, "element_id")
            unread.setdefault(whose, []).append(f"comment {one}: the answer with it cannot be read")
        return Parts(parts.found, unread)

    async def attachments(self, ids: Sequence[str]) -> Parts[Attachment]:
        """Files by their record's id."""
        found: Rows = []
        for some in _slices(ids):
            offset = 0
            while rows := await self._files(some, offset):
                found.extend(rows)
                offset += len(rows)
                if len(rows) < 1000:
                    break
        return _grouped(found, "table_sys_id", reading.attachment, "attachment")

    async def readers(self) -> frozenset[Grantee]:
        """The roles that see what the onlooker sees."""
        return await self._fresh("readers", partial(self._read_roles, self._readers))

    async def overseers(self) -> frozenset[Grantee]:
        """The roles that see every ticket."""
        return await self._fresh("overseers", partial(self._read_roles, self._overseers))

    async def technicians(self) -> frozenset[str]:
        """Ids of the users who have one of those roles."""
        return await self._fresh("technicians", self._read_technicians)

    def forget_people(self) -> None:
        """Ask again what the authors of comments are called."""
        self._known.pop("people", None)

    async def sight(self, table: str, ids: Sequence[str]) -> Sight:
        """What the onlooker is shown of some rows; nothing where there is none whose sight can stand for others."""
        if self._onlooker is None:
            return Sight()
        identity, why = await self._fresh("onlooker", self._read_onlooker)
        return Sight() if why else Sight(await shown_to(self._onlooker[1], table, ids), identity)

    async def criteria(self) -> Criteria:
        """The user criteria and where they are set."""
        return await self._fresh("criteria", self._read_criteria)

    async def _files(self, ids: Sequence[str], offset: int) -> Rows:
        query = {
            "sysparm_query": f"table_sys_idIN{','.join(ids)}^ORDERBYsys_id",
            "sysparm_limit": 1000,
            "sysparm_offset": offset,
        }
        return result(await self._client.request("GET", "/api/now/attachment", query=query))

    async def _of(self, table: Table, field: str, ids: Sequence[str]) -> tuple[Rows, list[str]]:
        """Rows by a field's values, and the ids of those that cannot be read."""
        rows: Rows = []
        broken: list[str] = []
        for some in _slices(ids):
            legible, lost = await table.legible(f"{field}IN{','.join(some)}")
            rows.extend(legible)
            broken.extend(lost)
        return rows, broken

    async def _people(self, logins: set[str]) -> Mapping[str, Reference]:
        known: dict[str, Reference] = self._known.setdefault("people", (0.0, {}))[1]
        table = Table(self._client, "sys_user", fields=("sys_id", "user_name", "name"), shown=False)
        unknown = sorted(one for one in logins - known.keys() if one and "," not in one and "^" not in one)
        rows, _ = await self._of(table, "user_name", unknown)  # one that is broken is named among the people
        for row in rows:
            known[value(row.get("user_name"))] = Reference(value(row.get("sys_id")), value(row.get("name")))
        return known

    async def _read_onlooker(self) -> tuple[str, str]:
        assert self._onlooker is not None
        return await unfit(self._client, self._onlooker[0], self._readers)

    async def _read_roles(self, names: Sequence[str]) -> frozenset[Grantee]:
        if not names:
            return frozenset()
        table = Table(self._client, "sys_user_role", fields=("sys_id", "name"), shown=False)
        rows = await table.some(f"nameIN{','.join(names)}")
        return frozenset(Grantee("role", value(row.get("sys_id"))) for row in rows)

    async def _read_technicians(self) -> frozenset[str]:
        roles = [one.id for one in await self._read_roles((*self._readers, *self._overseers))]
        table = Table(self._client, "sys_user_has_role", fields=("sys_id", "user", "role"), shown=False)
        rows, _ = await self._of(table, "role", roles)  # one that is broken is named among the memberships
        return frozenset(value(row.get("user")) for row in rows)

    async def _read_criteria(self) -> Criteria:
        """All of them; where one may be hidden from us, none says who may read anything."""
        criteria, can_read, cannot_read = [await self._all(one) for one in _CRITERIA]
        if criteria is None or can_read is None or cannot_read is None:
            return Criteria(hidden=True)
        return Criteria(
            {value(row.get("sys_id")): Criterion.of(row) for row in criteria},
            _set_on(can_read),
            _set_on(cannot_read),
            self._open_without,
            active=await self._active_bases(),
        )

    async def _active_bases(self) -> frozenset[str]:
        table = Table(self._client, "kb_knowledge_base", fields=("sys_id", "active"), shown=False)
        try:
            return frozenset(value(row.get("sys_id")) for row in await table.some("active=true"))
        except (SourcePermissionError, NotFoundError):
            return frozenset()

    async def _all(self, table: str) -> Rows | None:
        """Every row of a table; None where some are held back: an access rule does that without a word."""
        try:
            answer = await self._client.request("GET", f"/api/now/table/{table}", query={"sysparm_limit": 1})
            rows = await Table(self._client, table, shown=False).some("")
        except (SourcePermissionError, NotFoundError):
            return None
        total = answer.headers.get("X-Total-Count", "")
        return None if total.isdigit() and len(rows) < int(total) else rows

    async def _fresh(self, name: str, read: Callable[[], Any]) -> Any:
        async with self._lock:
            at, known = self._known.get(name, (0.0, None))
            if known is None or self._clock() - at > _FRESH:
                known = await read()
                self._known[name] = (self._clock(), known)
            return known


def _set_on(rows: Rows) -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        found[value(row.get("kb_knowledge_base"))].append(value(row.get("user_criteria")))
    return found


def _grouped(rows: Rows, whose: str, read: Callable[[Any], _T], what: str) -> Parts[_T]:
    """Rows as parts of the records that they name."""
    by_record: dict[str, Rows] = defaultdict(list)
    for row in rows:
        by_record[value(row.get(whose))].append(row)
    parts = {record: parts_of(some, read, what, "sys_id") for record, some in by_record.items()}
    return Parts(
        {record: found for record, (found, _) in parts.items()},
        {record: unread for record, (_, unread) in parts.items() if unread},
    )


def _slices(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[at : at + _AT_ONCE] for at in range(0, len(ids), _AT_ONCE)]
