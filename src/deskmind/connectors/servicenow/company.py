"""What surrounds the records of an instance: comments, files, roles, criteria."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from deskmind.connectors.access import Grantee
from deskmind.connectors.core.client import Client
from deskmind.connectors.model import Attachment, Comment, Reference
from deskmind.connectors.servicenow import reading
from deskmind.connectors.servicenow.criteria import Criteria, Criterion
from deskmind.connectors.servicenow.fields import value
from deskmind.connectors.servicenow.onlooker import shown_to, unfit
from deskmind.connectors.servicenow.sight import Sight
from deskmind.connectors.servicenow.tables import Rows, Table, result
from deskmind.errors import NotFoundError, SourcePermissionError

__all__ = ["Surroundings"]

_CRITERIA = ("user_criteria", "kb_uc_can_read_mtom", "kb_uc_cannot_read_mtom")
_AT_ONCE = 80
_FRESH = 60.0


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

    async def comments(self, ids: Sequence[str]) -> Mapping[str, Sequence[Comment]]:
        """Comments and work notes by the ticket's id, oldest first."""
        fields = ("sys_id", "element_id", "element", "value", "sys_created_on", "sys_created_by")
        table = Table(
            self._client,
            "sys_journal_field",
            fields=fields,
            shown=False,
            query="elementINcomments,work_notes",
        )
        rows = await self._of(table, "element_id", ids)
        people = await self._people({value(row.get("sys_created_by")) for row in rows})
        found: dict[str, list[Comment]] = defaultdict(list)
        for row in sorted(rows, key=lambda one: (value(one.get("sys_created_on")), value(one.get("sys_id")))):
            found[value(row.get("element_id"))].append(reading.comment(row, people))
        return found

    async def attachments(self, ids: Sequence[str]) -> Mapping[str, Sequence[Attachment]]:
        """Files by their record's id."""
        found: dict[str, list[Attachment]] = defaultdict(list)
        for some in _parts(ids):
            offset = 0
            while rows := await self._files(some, offset):
                for row in rows:
                    found[value(row.get("table_sys_id"))].append(reading.attachment(row))
                offset += len(rows)
                if len(rows) < 1000:
                    break
        return found

    async def readers(self) -> frozenset[Grantee]:
        """The roles that see what the onlooker sees."""
        return await self._fresh("readers", partial(self._read_roles, self._readers))

    async def overseers(self) -> frozenset[Grantee]:
        """The roles that see every ticket."""
        return await self._fresh("overseers", partial(self._read_roles, self._overseers))

    async def technicians(self) -> frozenset[str]:
        """Ids of the users who have one of those roles."""
        return await self._fresh("technicians", self._read_technicians)

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

    async def _of(self, table: Table, field: str, ids: Sequence[str]) -> Rows:
        rows: Rows = []
        for some in _parts(ids):
            rows.extend(await table.some(f"{field}IN{','.join(some)}"))
        return rows

    async def _people(self, logins: set[str]) -> Mapping[str, Reference]:
        known: dict[str, Reference] = self._known.setdefault("people", (0.0, {}))[1]
        table = Table(self._client, "sys_user", fields=("sys_id", "user_name", "name"), shown=False)
        unknown = sorted(one for one in logins - known.keys() if one and "," not in one and "^" not in one)
        for row in await self._of(table, "user_name", unknown):
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
        return frozenset(value(row.get("user")) for row in await self._of(table, "role", roles))

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


def _parts(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[at : at + _AT_ONCE] for at in range(0, len(ids), _AT_ONCE)]
