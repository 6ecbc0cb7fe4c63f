"""Faults, script and book over HTTP, and the server in a process of its own."""

from __future__ import annotations

import asyncio
import json
import signal
import sys

import pytest
from aiohttp import ClientSession

CHAT = {"model": "echo", "messages": [{"role": "user", "content": "a b"}]}


async def _ask(http, headers):
    async with http.post("/v1/chat/completions", json=CHAT, headers=headers) as response:
        return response.status, await response.json()


async def test_faults_are_switched_over_http(http, openai_headers):
    async with http.post(
        "/_sandbox/faults", json={"kind": "server_error", "at": [2], "status": 503}
    ) as response:
        assert (response.status, (await response.json())["faults"][0]["kind"]) == (200, "server_error")
    assert [(await _ask(http, openai_headers))[0] for _ in range(3)] == [200, 503, 200]
    async with http.get("/_sandbox/faults") as response:
        fault = (await response.json())["faults"][0]
        assert (fault["seen"], fault["struck"]) == (3, 1)
    many = {"faults": [{"kind": "rate_limit"}, {"kind": "no_usage", "at": 1}]}
    async with http.post("/_sandbox/faults", json=many) as response:
        assert len((await response.json())["faults"]) == 3
    async with http.delete("/_sandbox/faults") as response:
        assert (await response.json()) == {"faults": []}
    assert (await _ask(http, openai_headers))[0] == 200


async def test_replies_are_scripted_over_http(http, openai_headers):
    replies = [
        "plain",
        {"text": "half", "stop": "length"},
        {"tool_calls": [{"name": "f", "arguments": {"x": 1}}]},
        {"fault": {"kind": "server_error"}},
    ]
    async with http.post("/_sandbox/script", json=replies) as response:
        assert await response.json() == {"queued": 4}
    answers = [await _ask(http, openai_headers) for _ in range(4)]
    choices = [answer["choices"][0] for _, answer in answers[:3]]
    assert [choice["finish_reason"] for choice in choices] == ["stop", "length", "tool_calls"]
    assert choices[2]["message"]["tool_calls"][0]["function"] == {"name": "f", "arguments": '{"x": 1}'}
    assert answers[3][0] == 500
    async with http.post("/_sandbox/script", json={"replies": ["never"]}) as response:
        assert await response.json() == {"queued": 1}
    async with http.delete("/_sandbox/script") as response:
        assert await response.json() == {"queued": 0}
    assert (await _ask(http, openai_headers))[1]["choices"][0]["message"]["content"] == "a b"


async def test_the_book_is_read_over_http(http, openai_headers):
    for _ in range(3):
        await _ask(http, openai_headers)
    async with http.get("/_sandbox/book?after=1&settle=5") as response:
        book = await response.json()
    assert [entry["id"] for entry in book["entries"]] == [2, 3]
    assert (book["requests"], book["billed_requests"], book["billed_output_tokens"]) == (3, 3, 6)
    assert (book["connections"], book["in_flight"]) == (1, 0)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/_sandbox/faults", {"kind": "earthquake"}),
        ("/_sandbox/faults", {"every": 2}),
        ("/_sandbox/faults", {"kind": "cut_after", "colour": "red"}),
        ("/_sandbox/script", [7]),
        ("/_sandbox/script", {"txt": "x"}),
        ("/_sandbox/script", {"stop": "whenever"}),
    ],
)
async def test_what_makes_no_sense_is_a_400_that_says_why(http, path, body):
    async with http.post(path, json=body) as response:
        assert response.status == 400
        assert (await response.json())["error"]
    async with http.get("/_sandbox/nothing") as response:
        assert response.status == 404


async def test_it_runs_in_a_process_of_its_own_until_it_is_told_to_end():
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "deskmind.sandbox.models", "--key", "k1", "--key", "k2", "--seed", "7",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        told = json.loads(await asyncio.wait_for(process.stdout.readline(), 60))
        assert told["key"] == "k1"
        async with ClientSession(told["base_url"]) as http:
            for key, status in (("k1", 200), ("k2", 200), ("sandbox-key", 401)):
                assert (await _ask(http, {"Authorization": f"Bearer {key}"}))[0] == status
            async with http.post("/_sandbox/faults", json={"kind": "server_error", "rate": 0.5}) as response:
                assert (await response.json())["faults"][0]["seed"] == 7
            process.send_signal(signal.SIGTERM)
            _, errors = await asyncio.wait_for(process.communicate(), 60)
        assert (process.returncode, errors) == (0, b"")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_it_needs_nothing_else_of_deskmind():
    program = (
        "import sys, deskmind.sandbox.models; "
        "print([n for n in sys.modules if n.startswith('deskmind.') and not n.startswith('deskmind.sandbox')])"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert out.decode().strip() == "[]"
