"""The connector that a file describes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import quote

from deskmind.connectors.access import EVERYONE, Access, Grantee
from deskmind.connectors.core import Auth, Client, Limits, Pace, Reach, Retry
from deskmind.connectors.core.client import Answer
from deskmind.connectors.core.mapping import is_empty
from deskmind.connectors.core.paging import Rows, by_link, by_start, by_token, next_link, overlapping
from deskmind.connectors.core.source import Batch, Source, Start, Stream, decode_apart
from deskmind.connectors.core.wire import made_at
from deskmind.connectors.model import Article, Kind, Person, Reference, Ticket
from deskmind.connectors.protocol import AnyRecord, Capabilities, Right
from deskmind.connectors.rest.description import Description, Listed
from deskmind.connectors.text import markdown_from_html, markdown_from_plain
from deskmind.errors import DeskmindError, SourceReplyError

__all__ = ["Rest"]

_FORMS: dict[Kind, type[Ticket | Article | Person]] = {
    Kind.TICKET: Ticket,
    Kind.ARTICLE: Article,
    Kind.PERSON: Person,
}
_TIMES = frozenset({"created_at", "updated_at", "resolved_at", "closed_at", "due_at", "valid_to"})
_TEXTS = frozenset({"description", "text", "resolution_notes"})
_REFERENCES = frozenset(
    {
        "requester",
        "opened_by",
        "assignee",
        "assignment_group",
        "organisation",
        "service",
        "author",
        "manager",
        "parent",
        "base",
    }
)
_LISTS = frozenset({"tags", "category", "emails", "phones"})


class Rest(Source):
    """A system read as its description says; it writes nothing."""

    def __init__(
        self,
        url: str,
        auth: Auth,
        description: Description,
        *,
        limits: Limits | None = None,
        retry: Retry | None = None,
        networks: str = "any",
    ) -> None:
        """No request is sent yet."""
        pace = Pace(description.limit, 60.0)
        client = Client(Reach(url, networks=networks), auth, pace=pace, limits=limits, retry=retry)
        super().__init__(client, url)
        self.vendor = description.vendor
        self._description = description

    @property
    def capabilities(self) -> Capabilities:
        """What its description lists."""
        listed = self._listed()
        changing = frozenset(kind for kind, one in listed.items() if one.since)
        return Capabilities(frozenset(listed), incremental=changing, sweep=frozenset(listed))

    def streams(self, kind: Kind) -> Sequence[Stream]:
        """The list of a kind."""
        return [_ListedStream(self.client, kind, self._description, self._listed()[kind])]

    async def ids(self, kind: Kind) -> AsyncIterator[Sequence[str]]:
        """All ids of a kind."""
        async for page in self.pages(kind):
            yield [one.id for one in page.records]

    async def get(self, kind: Kind, id: str) -> AnyRecord | None:  # noqa: A002
        """One record, found by going through its list."""
        async for page in self.pages(kind):
            for record in page.records:
                if record.id == id:
                    return record
        return None

    async def check(self) -> Sequence[Right]:
        """Whether each list can be read."""
        return [await self._right(kind, one) for kind, one in self._listed().items()]

    async def probe(self) -> str:
        """Ask for the first list."""
        one = next(iter(self._listed().values()))
        await self.client.get(one.path, {**one.query, one.size[0]: 1})
        return f"{self.vendor} answers"

    async def _right(self, kind: Kind, one: Listed) -> Right:
        try:
            await self.client.get(one.path, {**one.query, one.size[0]: 1})
        except DeskmindError as error:
            return Right(f"read {one.path}", f"{kind} records", False, error.remedy)
        return Right(f"read {one.path}", f"{kind} records", True)

    def _listed(self) -> dict[Kind, Listed]:
        given = self._description
        pairs = ((Kind.TICKET, given.tickets), (Kind.ARTICLE, given.articles), (Kind.PERSON, given.people))
        return {kind: one for kind, one in pairs if one is not None}


class _ListedStream:
    def __init__(self, client: Client, kind: Kind, description: Description, listed: Listed) -> None:
        self.name = listed.path
        self._client = client
        self._kind = kind
        self._description = description
        self._listed = listed
        self._begun: datetime | None = None

    async def read(self, start: Start) -> AsyncIterator[Batch]:
        self._begun = None
        query = dict(self._listed.query)
        if self._listed.since and start.since is not None:
            query[self._listed.since] = start.since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        async for rows in self._pages(query):  # in an order that the description does not tell
            records, undecoded = await decode_apart(self._kind, rows, self._record, self._listed.id)
            times = [one.updated_at for one in records if one.updated_at is not None]
            yield Batch(records, seen=max(times, default=None), undecoded=undecoded, begun=self._begun)

    def _pages(self, query: dict[str, Any]) -> AsyncIterator[Rows]:
        one, ask = self._listed, self._ask
        sized = {**query, one.size[0]: one.size[1]}
        match one.paging:
            case "link":
                return by_link(
                    lambda link: ask(sized, link), self._rows, lambda answer: next_link(answer.headers)
                )
            case "token":

                def with_token(token: str | None) -> Any:
                    return ask({**sized, one.parameter: token} if token else sized)

                return by_token(with_token, self._rows, lambda data: _text(_at(data, one.next)) or None)
            case "start":
                return by_start(lambda start: ask({**sized, one.parameter: start}), self._rows)
            case "number":
                return self._numbered(query)

    async def _numbered(self, query: dict[str, Any]) -> AsyncIterator[Rows]:
        one = self._listed

        async def fetch(number: int, per_page: int) -> Rows:
            answer = await self._ask({**query, one.parameter: number, one.size[0]: per_page})
            return self._rows(answer.data)

        async for rows, _ in overlapping(fetch, lambda row: _text(row.get(one.id)), size=one.size[1]):
            yield rows

    async def _ask(self, query: Mapping[str, Any], link: str | None = None) -> Answer:
        answer = await self._client.request("GET", link or self._listed.path, query=None if link else query)
        self._begun = self._begun or made_at(answer.headers)
        return answer

    def _rows(self, data: Any) -> Rows:
        rows = _at(data, self._listed.rows)
        if not isinstance(rows, list):
            raise SourceReplyError(
                f"An answer of '{self._listed.path}' has no rows.",
                why=f"There is no list at '{self._listed.rows or 'its top'}'.",
                remedy="Correct 'rows' in the description.",
            )
        return cast("Rows", rows)

    def _record(self, row: dict[str, Any]) -> AnyRecord:
        one = self._listed
        identity = _text(row.get(one.id))
        if not identity:
            raise ValueError("no id")
        values = {name: self._value(name, _at(row, path)) for name, path in one.fields.items()}
        used = {path.split(".")[0] for path in one.fields.values()} | {one.id}
        unmapped = tuple(
            sorted(name for name, held in row.items() if name not in used and not is_empty(held))
        )
        form = _FORMS[self._kind]
        if form is not Person:
            values.setdefault("key", identity)
            values["access"] = self._access(row)
        return form(
            vendor=self._description.vendor,
            id=identity,
            url=self._description.web.replace("{id}", quote(identity, safe="")),
            raw=row,
            unmapped=unmapped,
            **{name: held for name, held in values.items() if held is not None},
        )

    def _access(self, row: dict[str, Any]) -> Access:
        if self._listed.everyone:
            return Access((frozenset({EVERYONE}),))
        people = [_text(_at(row, path)) for path in self._listed.readers]
        return Access((frozenset(Grantee("user", one) for one in people if one),))

    def _value(self, name: str, held: Any) -> Any:
        if is_empty(held):
            return None
        if name in _TIMES:
            at = datetime.fromisoformat(str(held))
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
        if name in _REFERENCES:
            return Reference(_text(held))
        if name in _LISTS:
            return tuple(map(str, cast("list[Any]", held))) if isinstance(held, list) else (str(held),)
        if name in _TEXTS:
            return _TO_MARKDOWN[self._listed.texts](str(held))
        return held if isinstance(held, bool) else str(held)


_TO_MARKDOWN: dict[str, Callable[[str], str]] = {
    "html": markdown_from_html,
    "plain": markdown_from_plain,
    "markdown": str,
}


def _at(value: Any, path: str) -> Any:
    for key in filter(None, path.split(".")):
        value = cast("dict[str, Any]", value).get(key) if isinstance(value, dict) else None
    return value


def _text(value: Any) -> str:
    return "" if value is None else str(value)
