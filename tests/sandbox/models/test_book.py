"""The book of account where clients come, go and crowd."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest
from aiohttp import ClientSession

from deskmind.sandbox.models import ModelSandbox


async def test_a_client_that_hangs_up_is_billed_for_the_chunks_written_until_then(vendor, events):
    async with ModelSandbox(gap=0.05) as sandbox, ClientSession(sandbox.base_url) as http:
        response = await http.post(vendor.stream_path, json=vendor.stream_body, headers=vendor.headers)
        text = ""
        async for data in response.content.iter_any():
            text += data.decode()
            if sum(bool(vendor.piece(event)) for event in events(text)) >= 2:
                break
        response.close()
        entry = (await sandbox.book.settled())[0]
    read = sum(bool(vendor.piece(event)) for event in events(text))
    assert (entry.client_hung_up, entry.finished, entry.billed) == (True, False, True)
    assert entry.output_tokens == read == 2


async def test_a_client_that_hangs_up_from_a_stream_without_gaps_is_noticed(http, sandbox, openai_headers):
    body = {"model": "echo-1000000", "stream": True, "messages": [{"role": "user", "content": "x"}]}
    response = await http.post("/v1/chat/completions", json=body, headers=openai_headers)
    await response.content.readany()
    response.close()
    entry = (await sandbox.book.settled())[0]
    assert (entry.client_hung_up, entry.finished) == (True, False)
    assert 0 < entry.output_tokens < 1_000_000


async def test_a_client_that_does_not_read_is_not_ahead_of_what_was_written(sandbox):
    """The server waits for a slow reader; what it could not write is not billed."""
    body = json.dumps(
        {"model": "echo-500000", "stream": True, "messages": [{"role": "user", "content": "x"}]}
    ).encode()
    host, port = sandbox.base_url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
    writer.write(
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sandbox-key\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    )
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    writer.close()
    entry = (await sandbox.book.settled())[0]
    assert (entry.client_hung_up, entry.finished) == (True, False)
    assert entry.output_tokens < 500_000


async def test_the_server_that_stops_does_not_blame_the_client():
    async with ModelSandbox() as sandbox, ClientSession(sandbox.base_url) as http:
        sandbox.faults.add("stall_after", after=1)
        body = {"model": "echo", "stream": True, "messages": [{"role": "user", "content": "a b"}]}
        headers = {"Authorization": "Bearer sandbox-key"}
        response = await http.post("/v1/chat/completions", json=body, headers=headers)
        await sandbox.stop()
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
    entry = sandbox.book[0]
    assert (entry.client_hung_up, entry.finished, entry.output_tokens) == (False, False, 1)


async def test_the_most_requests_at_one_time_and_connections_are_counted(sandbox, openai_headers):
    body = {"model": "echo", "messages": [{"role": "user", "content": "a b"}]}
    sandbox.faults.add("slow_headers", seconds=0.2)

    async def ask(session):
        async with session.post("/v1/chat/completions", json=body, headers=openai_headers) as response:
            await response.read()

    async with ClientSession(sandbox.base_url) as session:
        await asyncio.gather(*(ask(session) for _ in range(5)))
    assert (sandbox.book.most_in_flight, sandbox.book.connections) == (5, 5)
    sandbox.faults.clear()
    async with ClientSession(sandbox.base_url, connector=aiohttp.TCPConnector(limit=1)) as session:
        await asyncio.gather(*(ask(session) for _ in range(5)))
    assert (sandbox.book.most_in_flight, sandbox.book.connections) == (5, 6)
    assert (sandbox.book.in_flight, len(sandbox.book)) == (0, 10)


async def test_sums_are_of_billed_requests_only(vendor, http, sandbox):
    sandbox.faults.add("server_error", at=(2,))
    for _ in range(3):
        async with http.post(vendor.path, json=vendor.body, headers=vendor.headers) as response:
            await response.read()
    assert [entry.status for entry in sandbox.book] == [200, 500, 200]
    assert (sandbox.book.billed_input_tokens, sandbox.book.billed_output_tokens) == (14, 14)


async def test_waiting_for_what_never_settles_ends(vendor, http, sandbox):
    sandbox.faults.add("stall_after")
    response = await http.post(vendor.stream_path, json=vendor.stream_body, headers=vendor.headers)
    with pytest.raises(TimeoutError):
        await sandbox.book.settled(0.05)
    response.close()
    await sandbox.book.settled()
