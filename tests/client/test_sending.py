"""Requests that fail on the way: what is sent again, with which key, for how long, and what the error says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from deskmind.client import AsyncClient, Client, Retries
from deskmind.client._retries import Patience
from deskmind.errors import (
    AuthenticationError,
    BudgetExceededError,
    ConversationNotFoundError,
    DatabaseUnavailableError,
    InvalidRequestError,
    LimitExceededError,
    NotFoundError,
    PreconditionFailedError,
    ServerReplyError,
    ServerUnreachableError,
    StreamGoneError,
    UnavailableError,
)

QUICK = Retries(attempts=4, total_seconds=30, first_seconds=0.001, longest_seconds=0.002)
FOUND = {"passages": []}
MOVED = {"status": "ok", "version": "0.1.0"}


def answer(status: int, body: object, **headers: str) -> bytes:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [
        f"HTTP/1.1 {status} X",
        f"content-length: {len(content)}",
        *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def problem(status: int, code: str, **more: object) -> bytes:
    told = {
        "type": f"urn:deskmind:problem:{code}",
        "title": "T",
        "status": status,
        "detail": "It is so. Because. Do it.",
        "why": "Because.",
        "remedy": "Do it.",
    }
    headers = {"Retry_After": str(more["retry_after"])} if "retry_after" in more else {}
    return answer(status, {**told, **more, "request_id": "req_1"}, **headers)


@dataclass
class Script:
    """A server that gives the answers of a list, one a request; None closes the connection without one."""

    address: str = ""
    answers: list[bytes | None] = field(default_factory=list)
    seen: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                headers = {}
                while text := (await reader.readline()).decode().strip():
                    name, _, value = text.partition(": ")
                    headers[name.lower()] = value
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                self.seen.append((line.decode().strip(), headers, body))
                given = self.answers.pop(0)
                if given is None:
                    break
                writer.write(given)
                await writer.drain()
                if b"chunked" in given:  # it is cut in the middle
                    break
        finally:
            writer.close()


@pytest.fixture
async def script() -> AsyncIterator[Script]:
    made = Script()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield made


@pytest.fixture
async def client(script: Script) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(script.address, api_key="dk_secret", retries=QUICK) as made:
        yield made


async def test_a_read_is_sent_again_until_it_is_answered(client: AsyncClient, script: Script) -> None:
    script.answers = [
        None,
        answer(502, b"<html>"),
        problem(503, "overloaded", retry_after=0),
        answer(200, FOUND),
    ]
    assert (await client.search("x")).passages == ()
    assert len(script.seen) == 4
    assert all("idempotency-key" not in headers for _, headers, _ in script.seen)


async def test_a_change_is_sent_again_with_the_same_key(client: AsyncClient, script: Script) -> None:
    under_way = problem(409, "request-in-progress", retry_after=0)
    script.answers = [None, under_way, problem(503, "database-unavailable"), answer(204, b"")]
    await client.documents.delete("d")
    keys = {headers["idempotency-key"] for _, headers, _ in script.seen}
    assert (len(script.seen), len(keys)) == (4, 1)


async def test_a_change_under_a_condition_has_a_key_whatever_its_method(
    client: AsyncClient, script: Script
) -> None:
    """Without one a second attempt would be refused for what the first one did."""
    saved = {"version": 1, "text": "", "saved_at": None, "policies": []}
    script.answers = [None, answer(200, saved), answer(200, saved)]
    await client.access.set_policy("", if_match='"7"')
    assert {headers["if-match"] for _, headers, _ in script.seen} == {'"7"'}
    assert len({headers["idempotency-key"] for _, headers, _ in script.seen}) == 1
    await client.access.set_policy("")
    assert script.seen[-1][1].keys().isdisjoint({"if-match", "idempotency-key"})


async def test_a_resource_that_is_another_by_now_is_an_error(client: AsyncClient, script: Script) -> None:
    for code in ("precondition-failed", "of-a-later-release"):
        script.answers = [problem(412, code)]
        with pytest.raises(PreconditionFailedError):
            await client.documents.delete("d", if_match='"7"')


async def test_two_changes_have_two_keys(client: AsyncClient, script: Script) -> None:
    script.answers = [answer(204, b""), answer(204, b"")]
    await client.documents.delete("d")
    await client.documents.delete("d")
    assert len({headers["idempotency-key"] for _, headers, _ in script.seen}) == 2


async def test_an_upload_is_read_from_disk_again(client: AsyncClient, script: Script, tmp_path: Path) -> None:
    file = tmp_path / 'a "b".md'
    file.write_bytes(b"# A\n" * 200_000)
    stored = {
        "ingest_id": "0190a3c2-8f4e-7c3d-9a41-2b6f0e9d1c55",
        "state": "done",
        "stored": 1,
        "unchanged": 0,
    }
    script.answers = [None, answer(201, stored)]
    assert (await client.documents.upload(file)).stored == 1
    first, second = (body for _, _, body in script.seen)
    assert first == second
    assert b"# A\n" * 200_000 in second
    assert b'filename="a %22b%22.md"' in second


@pytest.mark.parametrize("status", [429, 503])
async def test_no_wait_goes_beyond_the_time_there_is(
    client: AsyncClient, script: Script, status: int
) -> None:
    script.answers = [problem(status, "limit-exceeded" if status == 429 else "overloaded", retry_after=31)]
    with pytest.raises((LimitExceededError, UnavailableError)) as caught:
        await client.search("x")
    assert caught.value.details["retry_after"] == 31
    assert len(script.seen) == 1


async def test_attempts_are_bounded(client: AsyncClient, script: Script) -> None:
    script.answers = [None] * 9
    with pytest.raises(ServerUnreachableError) as caught:
        await client.search("x")
    assert len(script.seen) == QUICK.attempts
    assert "POST /v1/search" in caught.value.why
    assert "secret" not in str(caught.value)


async def test_a_refusal_is_not_sent_again(client: AsyncClient, script: Script) -> None:
    script.answers = [problem(429, "budget-exceeded", budget="month")]
    with pytest.raises(BudgetExceededError) as caught:
        await client.search("x")
    error = caught.value
    assert (error.what, error.why, error.remedy) == ("It is so.", "Because.", "Do it.")
    assert error.details == {"budget": "month", "request_id": "req_1"}


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        (problem(401, "authentication"), AuthenticationError),
        (problem(404, "conversation-not-found"), ConversationNotFoundError),
        (problem(422, "of-a-newer-server"), InvalidRequestError),
        (answer(500, b"<html>"), UnavailableError),
        (answer(302, b"", location="http://127.0.0.1:1/"), ServerReplyError),
        (answer(200, b"<html>"), ServerReplyError),
        (answer(200, []), ServerReplyError),
    ],
)
async def test_problems_are_errors_of_the_sdk(
    client: AsyncClient, script: Script, told: bytes, kind: type[Exception]
) -> None:
    script.answers = [told]
    with pytest.raises(kind):
        await client.search("x")
    assert len(script.seen) == 1


async def test_an_answer_of_another_form_names_the_field(client: AsyncClient, script: Script) -> None:
    script.answers = [
        answer(200, {"passages": [{"chunk_id": "private", "title": "VPN", "of_a_newer_server": 1}]})
    ]
    passage = (await client.search("x")).passages[0]
    assert passage.title == "VPN"
    assert passage.as_dict()["of_a_newer_server"] == 1
    with pytest.raises(ServerReplyError, match="chunk_id") as caught:
        _ = passage.chunk_id
    assert "private" not in str(caught.value)
    with pytest.raises(ServerReplyError, match="uri"):
        _ = passage.uri
    with pytest.raises(AttributeError):
        passage.title = "other"


def stream(*events: str, whole: bool = True) -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(one.encode()), one.encode()) for one in events)
    return head + chunks + (b"0\r\n\r\n" if whole else b"")


def run(state: str) -> str:
    return f'event: run\ndata: {{"state": "{state}"}}\n\n'


async def test_a_stream_goes_on_after_the_last_event(client: AsyncClient, script: Script) -> None:
    script.answers = [
        stream(": still here\n\n", "id: a\r\n" + run("queued"), "id: b\n" + run("run")[:9], whole=False),
        stream("id: c\n", run("running"), whole=False),
        stream("id: d\n" + run("done")),
    ]
    events = [(one.id, one.data.state) async for one in client.runs.follow("r")]  # type: ignore[union-attr]
    assert events == [("a", "queued"), ("c", "running"), ("d", "done")]
    assert [headers.get("last-event-id") for _, headers, _ in script.seen] == [None, "a", "c"]


async def test_a_stream_that_cannot_be_asked_for_again_is_an_error(
    client: AsyncClient, script: Script
) -> None:
    begun = 'id: 1\nevent: delta\ndata: {"text": "The token "}\n\n'
    told: list[str] = []

    async def listen() -> None:
        async for one in client.ask_stream("x"):
            told.append(one.data.text)  # noqa: PERF401 - those before the error count

    script.answers = [stream(begun)]
    with pytest.raises(ServerUnreachableError):
        await listen()
    assert told == ["The token "]
    script.answers = [stream(begun, whole=False)]
    with pytest.raises(ServerUnreachableError):
        await listen()
    assert len(script.seen) == 2


async def test_an_answer_is_gone_on_with_and_not_asked_for_again(client: AsyncClient, script: Script) -> None:
    kept = "0" * 32
    delta = 'id: {place}\nevent: delta\ndata: {{"text": "so"}}\n\n'
    script.answers = [
        stream(delta.format(place=f"{kept}.1"), whole=False),
        None,
        stream(delta.format(place=f"{kept}.2"), whole=False),
        problem(410, "stream-gone"),
    ]
    told: list[str] = []

    async def listen() -> None:
        async for event in client.ask_stream("x"):
            told.append(event.id)  # noqa: PERF401 - those before the error count

    with pytest.raises(StreamGoneError):
        await listen()
    assert told == [f"{kept}.1", f"{kept}.2"]
    asked = [headers.get("last-event-id") for _, headers, _ in script.seen]
    assert asked == [None, f"{kept}.1", f"{kept}.1", f"{kept}.2"]


async def test_a_problem_in_a_stream_is_raised(client: AsyncClient, script: Script) -> None:
    told = {"type": "urn:deskmind:problem:database-unavailable", "detail": "Gone.", "status": 503}
    script.answers = [stream(f"event: problem\ndata: {json.dumps(told)}\n\n")]
    with pytest.raises(DatabaseUnavailableError, match="Gone"):
        async for _ in client.ask_stream("x"):
            pass


def problem_event(status: int, code: str, **more: object) -> str:
    told = {"type": f"urn:deskmind:problem:{code}", "detail": "Gone.", "status": status, **more}
    return f"event: problem\ndata: {json.dumps(told)}\n\n"


@pytest.mark.parametrize(
    "passing",
    [
        problem_event(503, "database-unavailable"),
        problem_event(503, "overloaded", retry_after=0.001),
        problem_event(502, "model"),
    ],
)
async def test_a_problem_that_passes_does_not_end_what_is_followed(
    client: AsyncClient, script: Script, passing: str
) -> None:
    script.answers = [
        stream("id: a\n" + run("queued"), passing),
        stream(passing),
        stream("id: b\n" + run("done")),
    ]
    events = [(one.id, one.data.state) async for one in client.runs.follow("r")]  # type: ignore[union-attr]
    assert events == [("a", "queued"), ("b", "done")]
    assert [headers.get("last-event-id") for _, headers, _ in script.seen] == [None, "a", "a"]


@pytest.mark.parametrize(
    ("ending", "kind", "asked"),
    [
        (problem_event(503, "database-unavailable"), DatabaseUnavailableError, QUICK.attempts),
        (problem_event(503, "unavailable"), UnavailableError, 1),
        (problem_event(404, "not-found"), NotFoundError, 1),
        ("event: problem\ndata: <html>\n\n", ServerReplyError, 1),
        ("event: problem\ndata: []\n\n", ServerReplyError, 1),
        ('event: problem\ndata: {"status": "x"}\n\n', ServerReplyError, 1),
        ('event: problem\ndata: {"status": 503}\n\n', ServerReplyError, 1),
    ],
)
async def test_a_problem_that_stays_ends_what_is_followed(
    client: AsyncClient, script: Script, ending: str, kind: type[Exception], asked: int
) -> None:
    script.answers = [stream(ending)] * asked
    with pytest.raises(kind):
        async for _ in client.runs.follow("r"):
            pass
    assert len(script.seen) == asked


async def test_code_that_waits_does_the_same(script: Script) -> None:
    script.answers = [
        None,
        answer(200, {"documents": [{"title": "a"}], "next": "0190a3c2-8f4e-7c3d-9a41-2b6f0e9d1c55"}),
        answer(200, {"documents": [{"title": "b"}], "next": None}),
        stream('id: 1\nevent: answer\ndata: {"text": "20 minutes"}\n\n'),
    ]

    def wait() -> tuple[list[str], list[str]]:
        with Client(script.address, api_key="dk_secret", retries=QUICK) as client:
            titles = [one.title for one in client.documents.each(limit=1)]
            return titles, [one.data.text for one in client.ask_stream("x")]

    assert await asyncio.to_thread(wait) == (["a", "b"], ["20 minutes"])
    assert script.seen[2][0].startswith("GET /v1/documents?limit=1&after=0190a3c2")


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("ftp://x", "k"),
        ("deskmind.example.org", "k"),
        ("https://a:b@x", "k"),
        ("https://x", "a\nb"),
        ("https://x", " "),
    ],
)
def test_what_cannot_be_an_address_or_a_key_is_refused(url: str, key: str) -> None:
    with pytest.raises(InvalidRequestError):
        AsyncClient(url, api_key=key)


async def test_nobody_there_is_said_with_the_reason() -> None:
    async with AsyncClient(
        "http://127.0.0.1:9", api_key="k", retries=Retries(attempts=2, first_seconds=0.001)
    ) as client:
        with pytest.raises(ServerUnreachableError) as caught:
            await client.documents.add("a.md", "# A")
    assert "POST /v1/documents" in caught.value.why


def test_waits_grow_and_end() -> None:
    patience = Patience(Retries(attempts=4, total_seconds=10, first_seconds=1, longest_seconds=2))
    waits = [patience.wait() for _ in range(4)]
    assert waits[3] is None
    assert all(0 <= (wait or 0) <= bound for wait, bound in zip(waits, (1, 2, 2, 0), strict=True))
    patience.renew()
    assert patience.wait(11) is None
    assert Patience(Retries()).wait(20) >= 20  # type: ignore[operator]


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../documents", "/"])
async def test_a_name_that_would_be_the_address_of_something_else_is_not_sent(
    client: AsyncClient, script: Script, name: str
) -> None:
    calls = [client.prompts.get, client.budgets.delete, client.agents.allow_tool, client.documents.delete]
    for call in calls:
        with pytest.raises(InvalidRequestError, match="cannot be named over HTTP"):
            await call(name)
    with pytest.raises(InvalidRequestError, match="cannot be named over HTTP"):
        await client.prompts.get_label("answer", name)
    with pytest.raises(InvalidRequestError, match="cannot be named over HTTP"):
        async for _ in client.runs.follow(name):
            pass
    assert script.seen == []


@pytest.mark.parametrize("name", ["", "..", "vendor/../fast", "./fast"])
async def test_a_models_name_does_not_lead_elsewhere(client: AsyncClient, script: Script, name: str) -> None:
    with pytest.raises(InvalidRequestError, match="cannot be named over HTTP"):
        await client.models.get(name)
    assert script.seen == []
