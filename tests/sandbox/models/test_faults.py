"""Each fault as a client meets it, and what the book says of it: in every wire format."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskmind.sandbox.models import Fault, Faults, Reply


def _whole(vendor, http):
    return http.post(vendor.path, json=vendor.body, headers=vendor.headers)


def _stream(vendor, http):
    return http.post(vendor.stream_path, json=vendor.stream_body, headers=vendor.headers)


async def _read_until_broken(response) -> tuple[str, bool]:
    """All that came, and whether the connection ended in the middle of the body."""
    came = b""
    try:
        async for data in response.content.iter_any():
            came += data
    except aiohttp.ClientPayloadError:
        return came.decode(), True
    return came.decode(), False


def _pieces(vendor, events, text):
    return [piece for event in events(text) if "error" not in event and (piece := vendor.piece(event))]


async def test_bad_json_whole(vendor, http, sandbox):
    sandbox.faults.add("bad_json")
    async with _whole(vendor, http) as response:
        text = await response.text()
    assert response.status == 200
    with pytest.raises(json.JSONDecodeError):
        json.loads(text)
    assert (sandbox.book[0].output_tokens, sandbox.book[0].billed, sandbox.book[0].finished) == (
        7,
        True,
        False,
    )


async def test_bad_json_in_a_stream(vendor, http, sandbox, events):
    sandbox.faults.add("bad_json", after=2)
    async with _stream(vendor, http) as response:
        text, broken = await _read_until_broken(response)
    assert not broken
    good, _, bad = text.rstrip().rpartition("data: ")
    assert len(_pieces(vendor, events, good)) == 2
    with pytest.raises(json.JSONDecodeError):
        json.loads(bad)
    assert (sandbox.book[0].output_tokens, sandbox.book[0].finished) == (2, False)


async def test_wrong_content_type(vendor, http, sandbox, said):
    sandbox.faults.add("wrong_content_type")
    async with _whole(vendor, http) as response:
        assert response.content_type == "text/html"
        assert said in await response.text()
    async with _stream(vendor, http) as response:
        assert response.content_type == "text/html"
    await sandbox.book.settled()
    assert [entry.billed for entry in sandbox.book] == [True, True]


async def test_empty_body(vendor, http, sandbox):
    sandbox.faults.add("empty_body")
    for ask in (_whole, _stream):
        async with ask(vendor, http) as response:
            assert (response.status, await response.read()) == (200, b"")
    assert [(entry.output_tokens, entry.billed, entry.finished) for entry in sandbox.book] == [
        (7, True, False),
        (0, True, False),
    ]


async def test_close_without_answer(vendor, http, sandbox):
    sandbox.faults.add("close_without_answer")
    for ask in (_whole, _stream):
        with pytest.raises(aiohttp.ServerDisconnectedError):
            async with ask(vendor, http):
                pass
    for entry in (await sandbox.book.settled()).entries:
        assert (entry.status, entry.billed, entry.finished, entry.client_hung_up) == (
            None,
            False,
            False,
            False,
        )


async def test_no_usage(vendor, http, sandbox):
    sandbox.faults.add("no_usage")
    async with _whole(vendor, http) as response:
        assert "usage" not in (await response.text()).lower()
    body = vendor.stream_body
    if vendor.name in ("openai", "azure"):
        body = body | {"stream_options": {"include_usage": True}}
    async with http.post(vendor.stream_path, json=body, headers=vendor.headers) as response:
        assert "usage" not in (await response.text()).lower()
    assert [(entry.output_tokens, entry.finished) for entry in sandbox.book] == [(7, True), (7, True)]


async def test_cut_before_the_first_token(vendor, http, sandbox, events):
    sandbox.faults.add("cut_before_first_token")
    async with _stream(vendor, http) as response:
        text, broken = await _read_until_broken(response)
    assert broken
    assert _pieces(vendor, events, text) == []
    entry = (await sandbox.book.settled())[0]
    assert (entry.output_tokens, entry.billed, entry.finished, entry.client_hung_up) == (
        0,
        True,
        False,
        False,
    )


@pytest.mark.parametrize("after", [1, 3, 7])
async def test_cut_after_some_chunks(vendor, http, sandbox, events, after):
    sandbox.faults.add("cut_after", after=after)
    async with _stream(vendor, http) as response:
        text, broken = await _read_until_broken(response)
    assert broken
    assert len(_pieces(vendor, events, text)) == after
    entry = (await sandbox.book.settled())[0]
    assert (entry.output_tokens, entry.billed, entry.finished, entry.client_hung_up) == (
        after,
        True,
        False,
        False,
    )


@pytest.mark.parametrize("kind", ["cut_after", "cut_before_first_token"])
async def test_cut_in_a_whole_body(vendor, http, sandbox, kind):
    sandbox.faults.add(kind)
    with pytest.raises(aiohttp.ClientPayloadError):
        async with _whole(vendor, http) as response:
            await response.read()
    entry = (await sandbox.book.settled())[0]
    assert (entry.output_tokens, entry.billed, entry.finished, entry.client_hung_up) == (
        7,
        True,
        False,
        False,
    )


async def test_an_error_in_a_stream(vendor, http, sandbox, events):
    sandbox.faults.add("error_in_stream", after=2)
    async with _stream(vendor, http) as response:
        text, broken = await _read_until_broken(response)
    found = events(text)
    assert not broken
    assert len(_pieces(vendor, events, text)) == 2
    error = found[-1]["error"]
    wanted = {"anthropic": ("type", "overloaded_error"), "gemini": ("status", "UNAVAILABLE")}
    name, value = wanted.get(vendor.name, ("type", "server_error"))
    assert error[name] == value
    assert "[DONE]" not in text
    assert (sandbox.book[0].output_tokens, sandbox.book[0].finished) == (2, False)
    async with _whole(vendor, http) as response:
        assert response.status == 500


@pytest.mark.parametrize("whole", [False, True])
async def test_stalling_lasts_until_the_client_goes(vendor, http, sandbox, whole):
    sandbox.faults.add("stall_after", after=2)
    ask = _whole if whole else _stream
    response = await ask(vendor, http)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await response.read()
    response.close()
    entry = (await sandbox.book.settled())[0]
    assert (entry.client_hung_up, entry.billed, entry.finished) == (True, True, False)
    assert entry.output_tokens == (7 if whole else 2)


async def test_stalling_may_end(vendor, http, sandbox, events):
    sandbox.faults.add("stall_after", after=2, seconds=0.01)
    async with _stream(vendor, http) as response:
        assert len(_pieces(vendor, events, await response.text())) == 7
    async with _whole(vendor, http) as response:
        assert vendor.text(await response.json())
    assert all(entry.finished for entry in sandbox.book)


async def test_slow_headers_and_a_client_that_does_not_wait(vendor, http, sandbox):
    slow = sandbox.faults.add("slow_headers", seconds=30)
    for ask in (_whole, _stream):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await ask(vendor, http)
    for entry in (await sandbox.book.settled()).entries:
        assert (entry.status, entry.client_hung_up, entry.billed) == (None, True, False)
    sandbox.faults.remove(slow)
    sandbox.faults.add("slow_headers", seconds=0.01)
    async with _stream(vendor, http) as response:
        await response.read()
    assert sandbox.book[-1].finished


@pytest.mark.parametrize("whole", [False, True])
async def test_a_slow_first_token_comes_after_the_headers(vendor, http, sandbox, whole):
    sandbox.faults.add("slow_first_token", seconds=30)
    response = await (_whole if whole else _stream)(vendor, http)
    assert response.status == 200
    assert sandbox.book[0].output_tokens == (7 if whole else 0)
    assert not sandbox.book[0].finished
    response.close()
    assert (await sandbox.book.settled())[0].client_hung_up
    sandbox.faults.clear()
    sandbox.faults.add("slow_first_token", seconds=0)
    async with (_whole if whole else _stream)(vendor, http) as response:
        await response.read()
    assert sandbox.book[1].finished


async def test_a_scripted_reply_may_bring_its_fault(vendor, http, sandbox, events):
    sandbox.script(
        [Fault("server_error", status=503), Reply("a b c", fault=Fault("cut_after", after=1)), "fine"]
    )
    async with _stream(vendor, http) as response:
        assert response.status == 503
    async with _stream(vendor, http) as response:
        text, broken = await _read_until_broken(response)
    assert broken
    assert _pieces(vendor, events, text) == ["a"]
    async with _stream(vendor, http) as response:
        assert _pieces(vendor, events, await response.text()) == ["fine"]


async def test_a_refused_request_does_not_use_up_the_script(vendor, http, sandbox):
    sandbox.script(["kept"])
    sandbox.faults.add("server_error", at=(1,))
    async with _whole(vendor, http) as response:
        assert response.status == 500
    async with _whole(vendor, http) as response:
        assert vendor.text(await response.json()) == "kept"


async def test_faults_for_one_model_leave_others_alone(http, sandbox, openai_headers):
    fault = sandbox.faults.add("server_error", model="bad")
    statuses = []
    for model in ("good", "bad", "good"):
        body = {"model": model, "input": "x"}
        async with http.post("/v1/embeddings", json=body, headers=openai_headers) as response:
            statuses.append(response.status)
    assert statuses == [200, 500, 200]
    assert (fault.seen, fault.struck) == (1, 1)


@given(every=st.integers(1, 10), asked=st.integers(0, 60))
def test_every_nth_is_struck(every, asked):
    faults = Faults()
    fault = faults.add("server_error", every=every)
    struck = [number for number in range(1, asked + 1) if faults.strike("echo")]
    assert struck == list(range(every, asked + 1, every))
    assert fault.struck == len(struck)


@given(places=st.sets(st.integers(1, 30), min_size=1))
def test_only_the_positions_are_struck(places):
    faults = Faults()
    faults.add("server_error", at=tuple(places))
    assert {number for number in range(1, 31) if faults.strike("echo")} == places


@given(rate=st.floats(0, 1), seed=st.integers())
def test_a_rate_strikes_the_same_requests_for_the_same_seed(rate, seed):
    runs = []
    for _ in range(2):
        faults = Faults(seed)
        faults.add("server_error", rate=rate)
        runs.append([faults.strike("echo") is not None for _ in range(50)])
    assert runs[0] == runs[1]
    assert rate not in (0, 1) or set(runs[0]) == {bool(rate)}


def test_several_faults_count_for_themselves_and_the_first_is_shown():
    faults = Faults()
    two = faults.add("server_error", every=2)
    three = faults.add("rate_limit", every=3)
    shown = [fault.kind if (fault := faults.strike("echo")) else "" for _ in range(6)]
    assert shown == ["", "server_error", "rate_limit", "server_error", "", "server_error"]
    assert (two.struck, three.struck) == (3, 2)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "earthquake"}, "there is no fault 'earthquake'"),
        ({"kind": "cut_after", "every": 2, "rate": 0.5}, "one of at, every and rate"),
        ({"kind": "cut_after", "every": 0}, "every is at least 1"),
        ({"kind": "cut_after", "rate": 2}, "rate is a share"),
        ({"kind": "rate_limit", "retry_form": "weeks"}, "retry_form is one of"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Fault(**fields)
