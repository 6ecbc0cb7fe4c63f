"""Every request that a connector sends is one that the vendor documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.sandbox.specifications import freshservice_document, jira_document
from tests.sandbox.third_party import needs_clients

from deskmind.connectors import Act, Kind, Ticket
from deskmind.connectors.freshservice import Freshservice
from deskmind.connectors.jira import Jira
from deskmind.sandbox.freshservice import FreshserviceSandbox
from deskmind.sandbox.jira import JiraSandbox

from .documents import Document, Sent, captured

Source = Jira | Freshservice
_UNPAGED = ["query parameter page is not documented", "query parameter per_page is not documented"]
_JIRA_SAYS_IN_WORDS = {
    ("PUT", "/rest/api/#/issue/#/assignee"): ["body accountId: None is not of type 'string'"]
}
"""The operation's description: null makes the issue unassigned."""
_FRESHSERVICE_LEAVES_OUT = {
    ("GET", "/api/#/tickets"): _UNPAGED,
    ("GET", "/api/#/tickets/#/conversations"): _UNPAGED,
    ("GET", "/api/#/groups"): ["no operation GET /api/v2/groups"],
    ("GET", "/api/#/requester_groups"): ["no operation GET /api/v2/requester_groups"],
    ("GET", "/api/#/requester_groups/#/members"): ["no operation GET /api/v2/requester_groups/#/members"],
    ("GET", "/api/#/service_catalog/items"): ["no operation GET /api/v2/service_catalog/items"],
    ("PUT", "/api/#/tickets/#"): ["a body of multipart/form-data is not documented"],
}
"""What the vendor's reference in words has and its Swagger document lacks."""


@needs_clients
async def test_what_is_sent_to_jira_is_documented(jira_box: JiraSandbox, jira: Jira) -> None:
    with captured(jira_box) as sent:
        await everything_read(jira)
        ticket = await everything_written(jira, title="A printer", project="ITSM", type="[System] Incident")
        await jira.apply(await jira.propose(Act.TRANSITION, ticket.id, to="Work in progress"))
        await jira.apply(await jira.propose(Act.ASSIGN, ticket.id, assignee=None))
    platform, desk = Document(jira_document("platform")), Document(jira_document("servicedesk"))
    of_jira = [
        one for one in sent if not one.path.startswith("/wiki/")
    ]  # no document of Confluence is at hand
    portal = [one for one in of_jira if one.path.startswith("/rest/servicedeskapi/")]
    assert wrong(desk, portal) == {}
    assert wrong(platform, [one for one in of_jira if one not in portal]) == _JIRA_SAYS_IN_WORDS


async def test_what_is_sent_to_freshservice_is_documented(
    freshservice_box: FreshserviceSandbox, freshservice: Freshservice, shared_data: Path
) -> None:
    with captured(freshservice_box) as sent:
        await everything_read(freshservice)
        ticket = await everything_written(
            freshservice, title="A printer", email="someone@halvern.example.net"
        )
        await freshservice.apply(await freshservice.propose(Act.TRANSITION, ticket.id, to="pending"))
    document = Document(freshservice_document(shared_data / "specs" / "freshservice-v2.0.1.swagger.yml"))
    assert wrong(document, sent) == _FRESHSERVICE_LEAVES_OUT


def wrong(document: Document, sent: list[Sent]) -> dict[tuple[str, str], list[str]]:
    """What is not documented, by method and path; requests that differ in values alone are looked at once."""
    assert len(sent) > 5
    found: dict[tuple[str, str], set[str]] = {}
    for one in {(one.shape, one.query, one.content): one for one in sent}.values():
        for what in document.wrong(one):
            found.setdefault(one.shape, set()).add(what)
    return {shape: sorted(some) for shape, some in found.items()}


def test_a_request_that_is_not_documented_is_found() -> None:
    body = {"type": "object", "properties": {"name": {"type": "string"}}, "additionalProperties": False}
    get = {"parameters": [{"name": "limit", "in": "query", "schema": {"type": "integer"}}]}
    post = {
        "parameters": [],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
    }
    document = Document({"paths": {"/a/{id}": {"get": get, "post": post}}})
    kind = "application/json"
    assert document.wrong(Sent("GET", "/a/1", (("limit", "5"),), "", b"")) == []
    assert document.wrong(Sent("POST", "/a/1", (), kind, b'{"name": "x"}')) == []
    for broken in (
        Sent("GET", "/a/1/b", (), "", b""),
        Sent("GET", "/a/1", (("limit", "many"),), "", b""),
        Sent("GET", "/a/1", (("size", "5"),), "", b""),
        Sent("POST", "/a/1", (), kind, b""),
        Sent("POST", "/a/1", (), kind, b'{"name": 5}'),
        Sent("POST", "/a/1", (), kind, b'{"title": "x"}'),
        Sent("POST", "/a/1", (), "text/plain", b"x"),
    ):
        assert document.wrong(broken)


async def everything_read(source: Source) -> None:
    await source.health()
    await source.check()
    for kind in source.capabilities.kinds:
        first: str = ""
        count = 0
        async for page in source.pages(kind, page_size=50):
            first = first or next((one.id for one in page.records), "")
            count += 1
            if kind is Kind.TICKET and count > 3:
                break
        assert await source.get(kind, first)
    async for ids in source.ids(Kind.TICKET):
        assert ids
        break


async def everything_written(source: Source, **new: Any) -> Ticket:
    applied = await source.apply(
        await source.propose(
            Act.CREATE,
            description="It **burns**.",
            priority="high" if source.vendor == "freshservice" else "High",
            **new,
        )
    )
    ticket = await source.get(Kind.TICKET, applied.id)
    assert isinstance(ticket, Ticket)
    await source.apply(await source.propose(Act.UPDATE, ticket.id, title="Another printer"))
    for internal in (True, False):
        await source.apply(
            await source.propose(Act.COMMENT, ticket.id, text="- one\n- two", internal=internal)
        )
    file = {"name": "trace.txt", "content": b"some bytes", "content_type": "text/plain"}
    await source.apply(await source.propose(Act.ATTACH, ticket.id, **file), content=b"some bytes")
    article = await anext(source.articles())
    await source.apply(await source.propose(Act.PUBLISH, article.id, text="As **new**."))
    await source.apply(
        await source.propose(Act.PUBLISH, title="All new", text="As new.", base=article.base.id)
    )
    async for other in source.tickets():
        if other.assignee is not None:
            await source.apply(await source.propose(Act.ASSIGN, ticket.id, assignee=other.assignee.id))
            break
    return ticket
