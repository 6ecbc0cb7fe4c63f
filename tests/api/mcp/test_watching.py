"""Clients hear of changes of what they may see, and of nothing else."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import mcp_types as types
import pytest
from mcp.client.client import Client
from mcp.shared.exceptions import MCPError
from tests.api.mcp.conftest import Service, Talk

from deskmind.desk import Desk
from deskmind.knowledge.ingest import StagedFile


class Ear:
    """Hears what changed, whatever the protocol's version."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[str] = asyncio.Queue()

    async def __call__(self, message: Any) -> None:
        if isinstance(message, types.ResourceUpdatedNotification):
            self.heard.put_nowait(str(message.params.uri))

    async def next(self) -> str:
        async with asyncio.timeout(60):
            return await self.heard.get()


@asynccontextmanager
async def listening(client: Client, *uris: str) -> AsyncIterator[None]:
    """While the client wants its message handler to hear of these."""
    if client.protocol_version < "2026":
        for uri in uris:
            await _ask(client, types.SubscribeRequest(params=types.SubscribeRequestParams(uri=uri)))
        yield
        with contextlib.suppress(MCPError):  # where the key was revoked meanwhile
            for uri in uris:
                await _ask(client, types.UnsubscribeRequest(params=types.UnsubscribeRequestParams(uri=uri)))
    else:
        async with client.listen(resource_subscriptions=uris):
            yield


async def _ask(client: Client, request: Any) -> None:
    await client.session.send_request(request, types.EmptyResult)


async def _reading(operator: Desk) -> str:
    """The key of a member of hr."""
    await operator.principals.add_user("req1", groups=["hr"])
    return (await operator.keys.create("req1")).secret


async def _ticket(operator: Desk, key: str, text: str, *groups: str) -> str:
    """A ticket as a synchronisation leaves it; its address."""
    facts = {"kind": "ticket", "key": key}
    file = StagedFile(f"ticket/{key}", "", f"{key}.md", text.encode(), metadata=facts)
    await operator.knowledge.add_files([file], groups=groups)
    return f"deskmind://tickets/{key}"


async def _add(operator: Desk, text: str, *groups: str) -> str:
    """A document; its address."""
    before = {one.document_id for one in await operator.knowledge.documents()}
    await operator.knowledge.add("doc.md", text.encode(), groups=groups)
    (added,) = {one.document_id for one in await operator.knowledge.documents()} - before
    return f"deskmind://documents/{added}"


async def test_changes_are_told_as_long_as_they_may_be_seen(talk: Talk, operator: Desk) -> None:
    key = await _reading(operator)
    ear = Ear()
    pay = await _ticket(operator, "INC1", "When is pay day?", "hr")
    vpn = await _ticket(operator, "INC2", "No VPN.")
    async with talk(key, message_handler=ear) as client, listening(client, pay, vpn):
        await _ticket(operator, "INC2", "Still no VPN.")
        assert await ear.next() == vpn
        await operator.principals.set_groups("req1", [])
        assert await ear.next() == pay  # as if it were gone
        await _ticket(operator, "INC1", "It was yesterday.", "hr")
        await _ticket(operator, "INC2", "VPN again.")
        assert await ear.next() == vpn
    assert ear.heard.empty()


async def test_a_document_is_told_when_it_is_replaced_or_removed(talk: Talk, operator: Desk) -> None:
    key, ear = await _reading(operator), Ear()
    first = await _add(operator, "Open the portal.")
    async with talk(key, message_handler=ear) as client, listening(client, first):
        second = await _add(operator, "Close the portal.")
        assert await ear.next() == first
    async with talk(key, message_handler=ear) as client, listening(client, second):
        await operator.knowledge.delete(UUID(second.rpartition("/")[2]))
        assert await ear.next() == second


async def test_runs_are_told_as_they_go_on(talk: Talk, service: Service, operator: Desk) -> None:
    await operator.principals.add_user("ann")
    await operator.access.grant("technician", user="ann")
    key = (await operator.keys.create("ann")).secret
    ann = await service.app.desk(tenant=operator.scope.tenant, user="ann")
    agent = ann.agent("noter", instructions="Note.", model="fast")
    run_id = await ann.agents.start(agent, "Note hello.")
    uri, ear = f"deskmind://runs/{run_id}", Ear()
    async with talk(key, message_handler=ear) as client, listening(client, uri):
        (before,) = (await client.read_resource(uri)).contents
        assert '"state": "queued"' in before.text
        await ann.agents.cancel(run_id)
        assert await ear.next() == uri
        (after,) = (await client.read_resource(uri, cache_mode="bypass")).contents
        assert '"state": "cancelled"' in after.text


async def test_what_is_not_there_or_not_allowed_is_not_watched(talk: Talk, operator: Desk) -> None:
    key = await _reading(operator)
    hidden, nothing = await _add(operator, "Secret", "board"), f"deskmind://documents/{uuid4()}"
    async with talk(key) as client:
        if client.protocol_version < "2026":
            for uri in (hidden, nothing, "file:///etc/passwd"):
                with pytest.raises(MCPError, match="no such resource"):
                    await _ask(client, types.SubscribeRequest(params=types.SubscribeRequestParams(uri=uri)))
        else:
            many = [f"deskmind://documents/{uuid4()}" for _ in range(101)]
            with pytest.raises(MCPError, match="Too many"):
                async with client.listen(resource_subscriptions=many):
                    raise AssertionError


async def _until_refused(client: Client) -> None:
    """What was said of a key is believed for a second."""
    while True:
        await client.list_tools(cache_mode="bypass")


async def test_whose_key_is_revoked_hears_nothing_more(talk: Talk, operator: Desk) -> None:
    await operator.principals.add_user("req1")
    key = await operator.keys.create("req1")
    uri, ear = await _ticket(operator, "INC1", "No VPN."), Ear()
    other = (await operator.keys.create("req1")).secret
    async with talk(key.secret, message_handler=ear) as client, listening(client, uri):
        await operator.keys.revoke(key.key_id)
        with pytest.raises(MCPError):
            await _until_refused(client)
        later = Ear()
        async with talk(other, message_handler=later) as watching, listening(watching, uri):
            await _ticket(operator, "INC1", "Still no VPN.")
            assert await later.next() == uri
        assert ear.heard.empty()
