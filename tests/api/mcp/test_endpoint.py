"""MCP over HTTP, by the protocol's own Python client and by hand."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from deskmind.api import create_app
from deskmind.app import Deskmind
from deskmind.desk import Desk

VPN = "# VPN\n\nTo reset the VPN token, open the portal and choose Reset token. The new token works after a minute."


@asynccontextmanager
async def speaking(base_url: str, key: str, mode: Any = "auto") -> AsyncIterator[Client]:
    """The unmodified client, in the protocol of today or of before (``legacy``)."""
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}) as http,
        Client(streamable_http_client(f"{base_url}/mcp", http_client=http), mode=mode) as client,
    ):
        yield client


Speak = Callable[[], AbstractAsyncContextManager[Client]]


@pytest.fixture(params=["auto", "legacy"])
def speak(request: Any, caller: Any, base_url: str) -> Speak:
    """Opens a member's client; what it opens closes in the task that opened it."""
    return partial(speaking, base_url, caller.key, request.param)


async def test_a_member_reads_the_desk(speak: Speak, caller: Any) -> None:
    async with speak() as client:
        await caller.desk.knowledge.add("vpn.md", VPN.encode())
        offered = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert {"search", "ask", "read_document", "predict_triage", "check_access", "list_prompts"} <= set(
            offered
        )
        assert all(tool.annotations and tool.annotations.read_only_hint for tool in offered.values())
        found = (await client.call_tool("search", {"query": "reset VPN token"})).structured_content
        assert "open the portal" in found["passages"][0]["text"]
        answer = (
            await client.call_tool("ask", {"question": "How do I reset the VPN token?"})
        ).structured_content
        assert answer["found"]
        assert answer["citations"][0]["document_id"] == found["passages"][0]["document_id"]
        told = await client.call_tool("explain_request", {"request_id": answer["request_id"]})
        assert told.structured_content["parts"][0]["operation"] == "knowledge.ask"
        listed = (await client.call_tool("list_requests", {"limit": 1})).structured_content
        assert len(listed["requests"]) == 1
        assert listed["next"]
        decision = (await client.call_tool("check_access", {"permission": "audit:read"})).structured_content
        assert not decision["allowed"]


async def test_documents_are_resources_and_cut_honestly(speak: Speak, caller: Any) -> None:
    async with speak() as client:
        await caller.desk.knowledge.add("vpn.md", VPN.encode())
        (resource,) = (await client.list_resources()).resources
        (content,) = (await client.read_resource(resource.uri)).contents
        text = content.text
        assert "Reset token" in text
        document_id = resource.uri.rpartition("/")[2]
        pieces, offset = [], 0
        while offset is not None:
            given = {"document_id": document_id, "offset": offset, "limit": 40}
            piece = (await client.call_tool("read_document", given)).structured_content
            assert piece["total_chars"] == len(text)
            pieces.append(piece["text"])
            offset = piece["next_offset"]
        assert "".join(pieces) == text
        assert len(pieces) == -(-len(text) // 40)


async def test_lists_go_on_exactly_as_long_as_there_is_more(
    caller: Any, base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deskmind.api.mcp.resources._PAGE", 2)
    for number in range(4):
        await caller.desk.knowledge.add(f"d{number}.md", f"Document {number}".encode())
    async with speaking(base_url, caller.key) as client:
        first = await client.list_resources()
        second = await client.list_resources(cursor=first.next_cursor)
        assert second.next_cursor is None
        assert len({item.uri for item in (*first.resources, *second.resources)}) == 4
        page = (await client.call_tool("list_documents", {"limit": 2})).structured_content
        rest = await client.call_tool("list_documents", {"limit": 2, "after": page["next"]})
        assert rest.structured_content["next"] is None
        with pytest.raises(MCPError, match="does not continue a list"):
            await client.list_resources(cursor="nonsense")


async def test_prompts_of_the_tenant_are_prompts(speak: Speak, operator: Desk) -> None:
    async with speak() as client:
        text = (
            "name: sort\ndescription: Sort a ticket\nvariables:\n  ticket: {type: string}\n  most: {type: integer}\n"
            "messages:\n- {role: system, content: 'At most {{ most }}'}\n- {role: user, content: 'Sort {{ ticket }}'}\n"
        )
        await operator.prompts.import_(text, label="production")
        await operator.prompts.import_(text.replace("name: sort", "name: draft"))
        prompts = {prompt.name: prompt for prompt in (await client.list_prompts()).prompts}
        assert "draft" not in prompts
        assert [(item.name, item.required) for item in prompts["sort"].arguments or []] == [
            ("ticket", True),
            ("most", True),
        ]
        got = await client.get_prompt("sort", {"ticket": "INC1", "most": "3"})
        assert [(one.role, one.content.text) for one in got.messages] == [
            ("user", "At most 3"),
            ("user", "Sort INC1"),
        ]
        with pytest.raises(MCPError, match="not JSON"):
            await client.get_prompt("sort", {"ticket": "INC1", "most": "three"})
        with pytest.raises(MCPError) as refused:
            await client.get_prompt("draft", {})
        assert refused.value.data["type"] == "urn:deskmind:problem:prompt-not-found"


async def test_errors_are_in_the_protocols_form(speak: Speak) -> None:
    async with speak() as client:
        missing = await client.call_tool("read_document", {"document_id": str(uuid4())})
        assert missing.is_error
        assert "There is no document" in missing.content[0].text
        assert missing.meta["deskmind/problem"]["type"] == "urn:deskmind:problem:not-found"
        invalid = await client.call_tool("search", {"query": "x", "limit": 9999, "secret": "hunter2"})
        assert invalid.is_error
        assert "limit" in invalid.content[0].text
        assert "hunter2" not in invalid.content[0].text
        denied = await client.call_tool(
            "duplicate_tickets", {"tickets": [{"reference": "A", "text": "printer"}]}
        )
        assert denied.meta["deskmind/problem"]["status"] == 403
        with pytest.raises(MCPError, match="no tool 'delete_document'"):
            await client.call_tool("delete_document", {"document_id": str(uuid4())})
        for uri in (f"deskmind://documents/{uuid4()}", "file:///etc/passwd"):
            with pytest.raises(MCPError) as refused:
                await client.read_resource(uri)
            assert refused.value.code == (-32002 if client.protocol_version < "2026" else -32602)


async def test_what_another_tenant_has_is_not_there(speak: Speak, app: Deskmind, new_tenant: Any) -> None:
    async with speak() as client:
        other = await app.desk(tenant=await new_tenant())
        await other.knowledge.add("secret.md", b"Their secret")
        (document,) = await other.knowledge.documents()
        assert (await client.list_resources()).resources == []
        hidden = await client.call_tool("read_document", {"document_id": str(document.document_id)})
        assert hidden.meta["deskmind/problem"]["status"] == 404


async def test_writing_is_offered_only_where_it_is_allowed(app: Deskmind, caller: Any, serving: Any) -> None:
    chosen = app.settings.model_copy(
        update={"mcp": app.settings.mcp.model_copy(update={"allow_writes": True})}
    )
    async with Deskmind.open(chosen) as writing, serving(create_app(app=writing)) as address:  # noqa: SIM117
        async with speaking(address, caller.key) as client:
            added = await client.call_tool("add_document", {"name": "vpn.md", "text": VPN})
            assert added.structured_content["stored"] == 1
            answer = (
                await client.call_tool("ask", {"question": "How is the token reset?"})
            ).structured_content
            rated = await client.call_tool(
                "give_feedback", {"request_id": answer["request_id"], "rating": "up"}
            )
            assert rated.structured_content["rating"] == "up"
            (resource,) = (await client.list_resources()).resources
            await client.call_tool("delete_document", {"document_id": resource.uri.rpartition("/")[2]})
            assert (await client.list_resources()).resources == []


async def test_nobody_and_foreign_pages_are_refused(caller: Any, base_url: str) -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    headers = {"Accept": "application/json, text/event-stream"}
    async with httpx2.AsyncClient(base_url=base_url, headers=headers) as http:
        nobody = await http.post("/mcp", json=message)
        assert (nobody.status_code, nobody.headers["www-authenticate"]) == (401, "Bearer")
        assert nobody.json()["type"] == "urn:deskmind:problem:authentication"
        http.headers["Authorization"] = f"Bearer {caller.key}"
        for origin, status in (
            ("https://evil.example", 403),
            ("null", 403),
            ("http://[", 403),
            ("http://localhost:3000", 200),
        ):
            answer = await http.post("/mcp", json=message, headers={"Origin": origin})
            assert answer.status_code == status
        assert (await http.get("/mcp")).status_code == 405
        garbage = await http.post("/mcp", content=b"{", headers={"Content-Type": "application/json"})
        assert garbage.status_code == 400
        assert json.loads(garbage.content)["error"]["code"] == -32700
