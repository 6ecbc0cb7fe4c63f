"""The ServiceNow connector."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from deskmind.connectors.core import Auth, Client, Limits, Pace, Reach, Retry
from deskmind.connectors.core.effects import Effects
from deskmind.connectors.core.hooks import signed_events
from deskmind.connectors.core.source import Source, Stream, decode_apart
from deskmind.connectors.model import Article, Attachment, Kind, Ticket
from deskmind.connectors.protocol import AnyRecord, Capabilities, Event, Page, Right, Undecoded
from deskmind.connectors.servicenow import reading
from deskmind.connectors.servicenow.company import Surroundings
from deskmind.connectors.servicenow.fields import value
from deskmind.connectors.servicenow.limits import limit_of, words_of
from deskmind.connectors.servicenow.onlooker import Onlooker
from deskmind.connectors.servicenow.rights import onlooking, rights
from deskmind.connectors.servicenow.sight import TicketReaders
from deskmind.connectors.servicenow.streams import DeletedStream, Reader, RowReader, TableStream
from deskmind.connectors.servicenow.tables import Rows, Table
from deskmind.connectors.servicenow.writes import ServiceNowWrites
from deskmind.connectors.writing import Act, Applied, Claims, Outcome, Proposal
from deskmind.errors import InvalidRequestError, NotFoundError

__all__ = ["ServiceNow", "ServiceNowOptions"]

_PLAIN: dict[Kind, str] = {
    Kind.GROUP: "sys_user_group",
    Kind.SERVICE: "cmdb_ci_service",
    Kind.CONFIGURATION_ITEM: "cmdb_ci",
    Kind.CATALOG_ITEM: "sc_cat_item",
    Kind.PERSON: "sys_user",
    Kind.ARTICLE: "kb_knowledge",
}
_ORGANISATIONS = ("core_company", "cmn_department")
_MEMBERSHIPS = (("sys_user_grmember", "group"), ("sys_user_has_role", "role"))
_INCREMENTAL = frozenset(
    {
        Kind.TICKET,
        Kind.PERSON,
        Kind.GROUP,
        Kind.ORGANISATION,
        Kind.SERVICE,
        Kind.CONFIGURATION_ITEM,
        Kind.CATALOG_ITEM,
    }
)


@dataclass(frozen=True, slots=True)
class ServiceNowOptions:
    """What differs between instances.

    Attributes:
        tables: of tickets, each below ``task``.
        readers: names of the roles whose holders see what the onlooker sees; without one, tickets of their groups.
        overseers: names of the roles that see every ticket.
        group_sees: whether readers see every ticket that is assigned to a group of theirs.
        open_without_criteria: whether a knowledge base without *Can Read* criteria is open to everybody.
        networks: ``public`` where the address comes from a tenant.
        limit, window: requests in seconds, until the instance names a rule of its own.
    """

    tables: tuple[str, ...] = ("incident", "sc_req_item", "problem", "change_request")
    readers: tuple[str, ...] = ("itil",)
    overseers: tuple[str, ...] = ("admin",)
    group_sees: bool = True
    open_without_criteria: bool = True
    networks: str = "any"
    limit: int = 1200
    window: float = 60.0


class ServiceNow(Source):
    """One ServiceNow instance::

    async with ServiceNow("https://example.service-now.com", Basic("deskmind", "…")) as source:
        async for ticket in source.tickets(since=yesterday):
            print(ticket.key, ticket.title)
    """

    vendor: str = "servicenow"
    page_size: ClassVar[int] = 200
    longest_page: ClassVar[int] = 1000

    def __init__(
        self,
        url: str,
        auth: Auth,
        *,
        options: ServiceNowOptions | None = None,
        onlooker: Onlooker | None = None,
        limits: Limits | None = None,
        retry: Retry | None = None,
    ) -> None:
        """No request is sent yet.

        Args:
            url: of the instance, such as ``https://example.service-now.com``.
            auth: ``Basic``, ``OAuth`` at ``/oauth_token.do``, or ``Header("x-sn-apikey", …)``.
            options: what differs between instances.
            onlooker: a user who is asked what everybody with a reader role sees.
            limits: bounds of time and size.
            retry: when to try again.
        """
        self._options = options or ServiceNowOptions()
        pace = Pace(self._options.limit, self._options.window)
        reach = Reach(url, networks=self._options.networks)
        client = Client(reach, auth, pace=pace, limits=limits, retry=retry, reading=limit_of, words=words_of)
        super().__init__(client, url)
        self._onlooker: tuple[str, Client] | None = None
        if onlooker is not None:
            looking = Client(reach, onlooker.auth, pace=pace, limits=limits, retry=retry, words=words_of)
            self._onlooker = (onlooker.login, looking)
        self._around = Surroundings(
            client,
            self._options.readers,
            self._options.overseers,
            open_without=self._options.open_without_criteria,
            onlooker=self._onlooker,
        )
        self._effects = Effects(self.vendor, ServiceNowWrites(client, self.url))

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        return Capabilities(
            kinds=frozenset(Kind),
            incremental=_INCREMENTAL,
            acts=frozenset(Act),
            sweep=frozenset(Kind),
            webhooks=True,
            overlap=timedelta(minutes=2),
        )

    async def close(self) -> None:
        """Return connections."""
        await super().close()
        if self._onlooker is not None:
            await self._onlooker[1].close()

    def streams(self, kind: Kind) -> Sequence[Stream]:
        """The tables that make up a kind."""
        match kind:
            case Kind.TICKET:
                tickets = [
                    self._stream(kind, one, optional=one != "incident") for one in self._options.tables
                ]
                return (*tickets, self._deleted())
            case Kind.ORGANISATION:
                return [self._stream(kind, one) for one in _ORGANISATIONS]
            case Kind.MEMBERSHIP:
                return [self._stream(kind, one, whole=True) for one, _ in _MEMBERSHIPS]
            case Kind.GROUP:
                return [
                    self._stream(kind, "sys_user_group"),
                    self._stream(kind, "sys_user_role", optional=True),
                ]
            case Kind.ARTICLE:
                # a change of criteria changes no article, so each pass reads all of them
                return [self._stream(kind, "kb_knowledge", whole=True)]
            case _:
                return [self._stream(kind, _PLAIN[kind])]

    async def ids(self, kind: Kind) -> AsyncIterator[Sequence[str]]:
        """All ids of a kind that can be seen, table by table; a table that is not found is no proof that its records are gone."""
        for table in self._tables(kind):
            async for some in Table(self.client, table).ids():
                yield some

    async def get(self, kind: Kind, id: str) -> AnyRecord | None:  # noqa: A002
        """One record as it is now."""
        for table in self._tables(kind):
            try:
                row = await Table(self.client, table).one(_checked(id))
            except NotFoundError:
                row = None
            if row is not None:
                return (await self._reader(kind, table)([row])).read(row)
        return None

    async def some(self, kind: Kind, ids: Sequence[str]) -> Page:
        """These records as they are now, table by table."""
        self._around.forget_people()
        left = [_checked(one) for one in ids]
        records: list[AnyRecord] = []
        undecoded: list[Undecoded] = []
        for table in self._tables(kind):
            try:
                rows, broken = await Table(self.client, table).legible(f"sys_idIN{','.join(left)}")
            except NotFoundError:
                continue
            reader = await self._reader(kind, table)(rows)
            found, lost = await decode_apart(kind, rows, reader.read, "sys_id")
            records += found
            undecoded += (*lost, *reader.undecoded)
            undecoded += (Undecoded(kind, one, "the answer with it cannot be read") for one in broken)
            met = {*broken, *(value(row.get("sys_id")) for row in rows)}
            left = [one for one in left if one not in met]
            if not left:
                break
        return Page(kind, tuple(records), "", last=True, undecoded=tuple(undecoded))

    async def download(self, attachment: Attachment) -> AsyncIterator[bytes]:
        """The bytes of a file in pieces."""
        async for piece in self.client.stream(f"/api/now/attachment/{quote(attachment.id, safe='')}/file"):
            yield piece

    def event(self, headers: Mapping[str, str], body: bytes, *, secret: str | None = None) -> Sequence[Event]:
        """What a business rule's call says, in the form that the vendor's page shows."""
        return signed_events(headers, body, secret)

    async def propose(self, act: Act, target: str | None = None, **values: Any) -> Proposal:
        """What would be written; see the vendor's page for the values of each act."""
        return await self._effects.propose(act, target or "", values)

    async def apply(
        self, proposal: Proposal, *, claims: Claims | None = None, content: bytes | Path | None = None
    ) -> Applied:
        """Send it once and read it back."""
        return await self._effects.apply(proposal, claims=claims, content=content)

    async def reconcile(self, proposal: Proposal, *, sent_at: datetime | None = None) -> Outcome:
        """Whether it was written."""
        return await self._effects.reconcile(proposal, sent_at=sent_at)

    async def check(self) -> Sequence[Right]:
        """The rights it needs, each with whether it has them."""
        found = await rights(self.client, self._options.tables)
        login = self._onlooker[0] if self._onlooker is not None else ""
        return [*found, await onlooking(self.client, login, self._options.readers)]

    async def probe(self) -> str:
        """Ask for one user."""
        await self.client.get("/api/now/table/sys_user", {"sysparm_limit": 1, "sysparm_fields": "sys_id"})
        return "ServiceNow answers"

    def _tables(self, kind: Kind) -> Sequence[str]:
        match kind:
            case Kind.TICKET:
                return self._options.tables
            case Kind.ORGANISATION:
                return _ORGANISATIONS
            case Kind.MEMBERSHIP:
                return [one for one, _ in _MEMBERSHIPS]
            case Kind.GROUP:
                return ("sys_user_group", "sys_user_role")
            case _:
                return (_PLAIN[kind],)

    def _stream(self, kind: Kind, table: str, *, optional: bool = False, whole: bool = False) -> Stream:
        reader = self._reader(kind, table)
        return TableStream(Table(self.client, table), kind, reader, optional=optional, whole=whole)

    def _deleted(self) -> Stream:
        tables = self._options.tables
        query = f"tablenameIN{','.join(tables)}"
        table = Table(self.client, "sys_audit_delete", query=query, shown=False, key="sys_created_on")
        return DeletedStream(
            table, tables, lambda _, id_: Ticket(vendor=self.vendor, id=id_, key=id_, deleted=True)
        )

    def _reader(self, kind: Kind, table: str) -> Reader:
        async def prepare(rows: Rows) -> RowReader:
            ids = [value(row.get("sys_id")) for row in rows]
            match kind:
                case Kind.TICKET:
                    return await self._ticket_reader(table, ids)
                case Kind.ARTICLE:
                    return await self._article_reader(ids)
                case Kind.PERSON:
                    technicians = await self._around.technicians()
                    return RowReader(partial(reading.person, url=self.url, technicians=technicians))
                case Kind.MEMBERSHIP:
                    return RowReader(partial(reading.membership, kind=dict(_MEMBERSHIPS)[table]))
                case Kind.ORGANISATION:
                    return RowReader(partial(reading.organisation, table=table, url=self.url))
                case Kind.GROUP:
                    read = reading.role if table == "sys_user_role" else reading.group
                    return RowReader(partial(read, url=self.url))
                case Kind.SERVICE:
                    return RowReader(partial(reading.service, url=self.url))
                case Kind.CONFIGURATION_ITEM:
                    return RowReader(partial(reading.configuration_item, url=self.url))
                case Kind.CATALOG_ITEM:
                    return RowReader(partial(reading.catalog_item, url=self.url))

        return prepare

    async def _ticket_reader(self, table: str, ids: Sequence[str]) -> RowReader:
        comments = await self._around.comments(ids)
        files = await self._around.attachments(ids)
        readers, overseers = await self._around.readers(), await self._around.overseers()
        sight = await self._around.sight(table, ids)
        who = TicketReaders(readers, overseers, sight, group_sees=self._options.group_sees)

        def read(row: dict[str, Any]) -> Ticket:
            identity = value(row.get("sys_id"))
            return reading.ticket(
                row,
                table,
                self.url,
                comments=comments.of(identity),
                attachments=files.of(identity),
                readers=who,
            )

        strays = (*comments.unread.get("", ()), *files.unread.get("", ()))
        return RowReader(read, tuple(_stray(one) for one in strays))

    async def _article_reader(self, ids: Sequence[str]) -> RowReader:
        files = await self._around.attachments(ids)
        criteria = await self._around.criteria()

        def read(row: dict[str, Any]) -> Article:
            return reading.article(row, self.url, criteria, files.of(value(row.get("sys_id"))))

        return RowReader(read)


def _stray(unread: str) -> Undecoded:
    """A part of which it is not known whose it is."""
    part, _, why = unread.partition(": ")
    return Undecoded(Kind.TICKET, part, why)


def _checked(identity: str) -> str:
    if not identity.isalnum():
        raise InvalidRequestError(
            "The id is not one of ServiceNow's.", remedy="Give a sys_id: 32 letters and digits."
        )
    return identity
