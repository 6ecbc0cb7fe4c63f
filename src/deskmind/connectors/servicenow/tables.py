"""Walking a table of ServiceNow.

By keyset on ``(sys_updated_on, sys_id)``: rows that change move behind what is still to be read, and rows of one second,
of which there may be hundreds, are told apart by their ids. The page limit applies before access rules, so a short or
empty page is not the end: the count in ``X-Total-Count``, or the ``Link`` to a next page, says whether it is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from urllib.parse import quote

from deskmind.connectors.core.client import Answer, Client
from deskmind.connectors.core.paging import next_link
from deskmind.connectors.servicenow.fields import moment, time_text, value
from deskmind.errors import SourcePermissionError, SourceReplyError, SourceUnavailableError

__all__ = ["Place", "Rows", "Table", "latest", "result"]

Rows = list[dict[str, Any]]
_BOTH = "sysparm_display_value"
_SEEN_AT_LEAST = 0.8
"""Of the rows that there are; where fewer are seen, the account lacks rights, and what is not seen is not taken for gone."""


@dataclass(frozen=True, slots=True)
class Place:
    """After which row to go on, and how many rows behind it are hidden or unreadable."""

    updated: str = ""
    id: str = ""
    skip: int = 0

    def to_json(self) -> list[Any]:
        """For a cursor."""
        return [self.updated, self.id, self.skip]

    @classmethod
    def of(cls, value: Any) -> Place:
        """What ``to_json`` gave, or the beginning."""
        return cls(*value) if value else cls()


class Table:
    """One table, seen through one query.

    Args:
        client: of the instance.
        name: of the table.
        query: a fixed encoded query, such as ``active=true``.
        fields: to read; empty for all.
        shown: whether to ask for what people see beside what is stored.
        key: the time field rows are ordered by.
    """

    def __init__(
        self,
        client: Client,
        name: str,
        *,
        query: str = "",
        fields: Sequence[str] = (),
        shown: bool = True,
        key: str = "sys_updated_on",
    ) -> None:
        self._client = client
        self.name = name
        self._query = query
        self._fields = fields
        self._shown = shown
        self._key = key

    async def after(
        self, place: Place, since: datetime | None, size: int
    ) -> AsyncIterator[tuple[Rows, Place, str]]:
        """Rows behind a place, a page at a time, each with the place behind it; and the id of a row that cannot be read.

        A page whose answer cannot be read is asked for in smaller parts, down to the one row that breaks it. Where not even that
        row's id can be read, it is not the row that is to blame: that is the error.
        """
        wanted = size
        while True:
            try:
                answer = await self._page(place, since, wanted, part=wanted < size)
            except (SourceReplyError, SourceUnavailableError):
                if wanted > 1:
                    wanted = max(1, wanted // 4)
                    continue
                broken = await self._only_id(place, since)
                place = Place(place.updated, place.id, place.skip + 1)
                yield [], place, broken
                wanted = size
                continue
            rows = result(answer)
            more = _more(answer, place.skip, wanted, len(rows))
            place = self._behind(place, rows, wanted)
            if rows:
                yield rows, place, ""
            if not more:
                return
            wanted = min(size, wanted * 2)

    async def ids(self, size: int = 5000) -> AsyncIterator[list[str]]:
        """All ids, in their own order.

        Raises:
            SourcePermissionError: more than a fifth of the rows that there are may not be seen.
        """
        light = Table(self._client, self.name, query=self._query, fields=("sys_id",), shown=False, key="")
        total = _total(await light._page(Place(), None, 1, part=False))
        came = 0
        async for rows, _, broken in light.after(Place(), None, size):
            came += len(rows)
            if broken:
                raise SourceReplyError(
                    f"The ids of '{self.name}' cannot be listed.",
                    why="A row breaks the answer.",
                    remedy="Run it again.",
                )
            yield [value(row["sys_id"]) for row in rows]
        if (
            came < (total or 0) * _SEEN_AT_LEAST
        ):  # some may have been deleted meanwhile, or be nobody's to see
            raise SourcePermissionError(
                f"Only {came:,} of {total:,} rows of '{self.name}' may be seen.",
                why="Whether the others are gone cannot be told.",
                remedy="Give the integration's account its rights; 'deskmind connect test' names those that are missing.",
            )

    async def some(self, query: str, *, size: int = 1000) -> Rows:
        """All rows of a narrower query.

        Raises:
            SourceReplyError: one of them breaks the answer.
        """
        rows, broken = await self.legible(query, size=size)
        if broken:
            raise SourceReplyError(
                f"A row of '{self.name}' cannot be read.",
                why=f"It breaks the answer: {broken[0]}.",
                remedy="Look at it in the instance.",
            )
        return rows

    async def legible(self, query: str, *, size: int = 1000) -> tuple[Rows, list[str]]:
        """The rows of a narrower query that can be read, and the ids of those that break the answer."""
        joined = "^".join(part for part in (self._query, query) if part)
        narrow = Table(self._client, self.name, query=joined, fields=self._fields, shown=self._shown, key="")
        found: Rows = []
        lost: list[str] = []
        async for rows, _, broken in narrow.after(Place(), None, size):
            found.extend(rows)
            if broken:
                lost.append(broken)
        return found, lost

    async def field(self, identity: str, name: str) -> str:
        """One field alone of a row that breaks answers; empty where that cannot be had either."""
        try:
            rows = result(await self._ask(f"sys_id={identity}", 1, 0, (name,), part=True))
        except (SourceReplyError, SourceUnavailableError):
            return ""
        return value(rows[0].get(name)) if rows else ""

    async def one(self, identity: str) -> dict[str, Any] | None:
        """The row of an id; None where there is none to be seen."""
        rows = await self._first(f"sys_id={identity}")
        return rows[0] if rows else None

    async def _first(self, query: str) -> Rows:
        parts = [self._query, query]
        return result(await self._ask("^".join(part for part in parts if part), 1, 0))

    async def _page(self, place: Place, since: datetime | None, size: int, *, part: bool) -> Answer:
        return await self._ask(self._encoded(place, since), size, place.skip, part=part)

    async def _ask(
        self, query: str, size: int, offset: int, fields: Sequence[str] = (), *, part: bool = False
    ) -> Answer:
        asked: dict[str, Any] = {
            "sysparm_query": query,
            "sysparm_limit": size,
            "sysparm_offset": offset,
            _BOTH: "all" if self._shown else "false",
        }
        if fields or self._fields:
            asked["sysparm_fields"] = ",".join(fields or self._fields)
        path = f"/api/now/table/{quote(self.name)}"
        return await self._client.request("GET", path, query=asked, part=part)

    async def _only_id(self, place: Place, since: datetime | None) -> str:
        """The id of the row that breaks an answer."""
        rows = result(await self._ask(self._encoded(place, since), 1, place.skip, ("sys_id",), part=True))
        return value(rows[0].get("sys_id")) if rows else "hidden"

    def _encoded(self, place: Place, since: datetime | None) -> str:
        order = [f"ORDERBY{self._key}", "ORDERBYsys_id"] if self._key else ["ORDERBYsys_id"]
        fixed = [self._query] if self._query else []
        if not self._key:
            behind = [f"sys_id>{place.id}"] if place.id else []
            return "^".join((*fixed, *behind, *order))
        if not place.updated:
            begin = [f"{self._key}>={time_text(since)}"] if since else []
            return "^".join((*fixed, *begin, *order))
        later = "^".join((*fixed, f"{self._key}>{place.updated}"))
        same = "^".join((*fixed, f"{self._key}={place.updated}", f"sys_id>{place.id}"))
        return "^".join((f"{later}^NQ{same}", *order))

    def _behind(self, place: Place, rows: Rows, size: int) -> Place:
        if not rows:
            return Place(place.updated, place.id, place.skip + size)
        last = rows[-1]
        updated = value(last.get(self._key)) if self._key else ""
        identity = value(last.get("sys_id"))
        if not identity or (self._key and not updated):  # the same page would come for ever
            raise SourceReplyError(
                f"The rows of '{self.name}' cannot be told apart.",
                why=f"One has no sys_id or no {self._key or 'sys_id'}.",
                remedy="See that an access rule does not hide these fields from the integration's account.",
            )
        return Place(updated, identity)


def result(answer: Answer) -> Rows:
    """The rows of an answer."""
    data = answer.data
    rows: Any = cast("dict[str, Any]", data).get("result") if isinstance(data, dict) else None
    if isinstance(rows, dict):
        return [cast("dict[str, Any]", rows)]
    if not isinstance(rows, list):
        raise SourceReplyError(
            "An answer has no rows.",
            why="It lacks the field 'result'.",
            remedy="Check that the address is that of a ServiceNow instance.",
        )
    return cast("Rows", rows)


def latest(rows: Sequence[Mapping[str, Any]], key: str) -> datetime | None:
    """The latest time among rows."""
    times = [moment(value(row.get(key))) for row in rows]
    return max((one for one in times if one is not None), default=None)


def _total(answer: Answer) -> int | None:
    """How many rows there are, those that we may not see too; None where the instance does not say."""
    total = answer.headers.get("X-Total-Count", "")
    return int(total) if total.isdecimal() else None


def _more(answer: Answer, skip: int, size: int, came: int) -> bool:
    total = _total(answer)
    if total is not None:
        return skip + size < total
    return came >= size or next_link(answer.headers) is not None
