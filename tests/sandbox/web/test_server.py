"""What every ITSM sandbox has: faults, a log, a clock, TLS and its own paths."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, ClassVar

import aiohttp
import pytest

from deskmind.sandbox.web import Blob, Call, Clock, Fault, FixedWindow, IndexLag, Reply, SandboxServer

BODY = {"rows": [{"name": "one", "updated": "today"}]}


class Plain(SandboxServer):
    """The smallest vendor: it counts what it carries out."""

    vendor: ClassVar[str] = "plain"
    done = 0

    async def answer(self, call: Call) -> Reply:
        self.done += 1
        if call.path == "/large":
            return Reply.of(200, Blob(1_000_001))
        return Reply.json(200, BODY).to("somebody")

    def too_many(self, call: Call, retry_after: float | None) -> Reply:
        return Reply.json(429, {"slow": "down"}, {"Retry-After": str(retry_after)})

    def failed(self, call: Call, status: int) -> Reply:
        return Reply.json(status, {"broken": True})

    def token_expired(self, call: Call) -> Reply:
        return Reply.json(401, {"token": "expired"})

    @property
    def credentials(self) -> dict[str, str]:
        return {"username": "somebody", "password": "x"}

    def churn(self, tickets: int) -> list[str]:
        return [str(number) for number in range(tickets)]


@pytest.fixture
async def server() -> AsyncIterator[Plain]:
    async with Plain() as sandbox:
        yield sandbox


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def get(http: aiohttp.ClientSession, url: str) -> tuple[int, bytes]:
    async with http.get(url) as response:
        return response.status, await response.read()


@pytest.mark.parametrize(
    ("fault", "status", "body", "done"),
    [
        (Fault("rate_limit", retry_after=7), 429, b'{"slow":"down"}', 0),
        (Fault("server_error", status=502), 502, b'{"broken":true}', 0),
        (Fault("error_after", status=504), 504, b'{"broken":true}', 1),
        (Fault("expired_token"), 401, b'{"token":"expired"}', 0),
        (Fault("slow", seconds=0.001), 200, json.dumps(BODY, separators=(",", ":")).encode(), 1),
        (Fault("bad_json"), 200, b'{"rows":[{"name":"one', 1),
        (
            Fault("changed_schema", rename={"updated": "changed", "name": ""}),
            200,
            b'{"rows":[{"changed":"today"}]}',
            1,
        ),
    ],
)
async def test_a_fault_is_shown_as_it_is_named(
    server: Plain, http: aiohttp.ClientSession, fault: Fault, status: int, body: bytes, done: int
):
    server.faults.add(fault)
    assert await get(http, server.url) == (status, body)
    assert server.done == done
    (entry,) = server.log
    assert (entry.fault, entry.status) == (fault.kind, status)


@pytest.mark.parametrize(("kind", "done"), [("refuse", 0), ("lose", 1), ("cut", 1)])
async def test_a_connection_ends_before_or_after_the_request_was_carried_out(
    server: Plain, http: aiohttp.ClientSession, kind: Any, done: int
):
    server.faults.add(kind)
    with pytest.raises(aiohttp.ClientError):
        async with http.post(server.url) as response:
            await response.read()
    assert server.done == done


async def test_a_large_answer_is_cut_in_its_middle(server: Plain, http: aiohttp.ClientSession):
    assert len((await get(http, server.url + "/large"))[1]) == 1_000_001
    server.faults.add("cut", path="^/large$", times=1)
    with pytest.raises(aiohttp.ClientPayloadError):
        await get(http, server.url + "/large")
    assert (await get(http, server.url + "/large"))[0] == 200


async def test_a_maintenance_page_comes_as_a_success(server: Plain, http: aiohttp.ClientSession):
    server.faults.add("html")
    status, body = await get(http, server.url)
    assert (status, body.startswith(b"<!DOCTYPE html>")) == (200, True)


async def test_a_fault_strikes_where_and_as_often_as_it_says(server: Plain, http: aiohttp.ClientSession):
    server.faults.add("server_error", path="/tickets", method="GET", every=2)
    seen = [(await get(http, server.url + "/tickets"))[0] for _ in range(4)]
    assert seen == [200, 503, 200, 503]
    assert (await get(http, server.url + "/people"))[0] == 200
    server.faults.clear()
    server.faults.add("rate_limit", at=(2,), retry_after=1)
    assert [(await get(http, server.url))[0] for _ in range(3)] == [200, 429, 200]


@pytest.mark.parametrize(
    "wrong", [{"kind": "flood"}, {"kind": "slow", "every": 1, "rate": 0.5}, {"kind": "slow", "colour": 1}, {}]
)
async def test_a_fault_that_is_none_is_refused(
    server: Plain, http: aiohttp.ClientSession, wrong: dict[str, Any]
):
    async with http.post(server.url + "/_sandbox/faults", json=wrong) as response:
        assert response.status == 400
        assert "error" in await response.json()
    assert len(server.faults) == 0


async def test_its_own_paths_switch_faults_move_the_clock_and_show_the_log(
    server: Plain, http: aiohttp.ClientSession
):
    own = server.url + "/_sandbox/"

    async def post(path: str, data: object) -> Any:
        async with http.post(own + path, json=data) as response:
            return await response.json()

    told = await post("faults", [{"kind": "server_error", "times": 1}])
    assert told["faults"][0]["kind"] == "server_error"
    assert (await get(http, server.url))[0] == 503
    async with http.delete(own + "faults") as response:
        assert await response.json() == {"faults": []}
    before = server.clock.now()
    await post("clock", {"advance": 3600})
    assert (server.clock.now() - before).total_seconds() >= 3600
    await post("lag", {"seconds": 9})
    assert server.lag.seconds == 9
    assert await post("churn", {"tickets": 3}) == {"changed": ["0", "1", "2"]}
    assert await post("churn", {}) == {"error": "tickets is missing"}
    log = json.loads((await get(http, own + "log"))[1])
    assert [entry["status"] for entry in log["entries"]] == [503]
    assert (await get(http, own + "nothing"))[0] == 404


async def test_the_log_measures_the_highest_rate(server: Plain, http: aiohttp.ClientSession):
    for _ in range(5):
        await get(http, server.url)
    assert [entry.user for entry in server.log] == ["somebody"] * 5
    for place, entry in enumerate(server.log):
        entry.at = place * 0.3
    assert server.log.most_in(1.0) == 4
    assert server.log.rate(0.5) == 4.0
    server.log.clear()
    assert (len(server.log), server.log.total) == (0, 0)


async def test_tls_is_trusted_by_who_is_given_the_authority_and_by_nobody_else(http: aiohttp.ClientSession):
    async with Plain(tls=True) as server:
        assert server.url.startswith("https://")
        assert server.ca_file is not None
        context = ssl.create_default_context(cafile=str(server.ca_file))
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        async with http.get(server.url, ssl=context) as response:
            assert response.status == 200
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await get(http, server.url)
        assert server.described() == {
            "base_url": server.url, "username": "somebody", "password": "x", "ca_file": str(server.ca_file),
        }  # fmt: skip
    assert not server.ca_file.exists()


def test_an_address_is_known_only_once_it_listens():
    with pytest.raises(RuntimeError, match="not started"):
        _ = Plain().url


def test_a_window_allows_so_much_and_begins_anew():
    clock = Clock(datetime(2026, 11, 1, tzinfo=UTC))
    window = FixedWindow(clock, limit=3, seconds=60)
    assert [(spent.allowed, spent.remaining) for spent in (window.spend(2), window.spend(2), window.spend())] == [
        (True, 1), (False, 1), (True, 0),
    ]  # fmt: skip
    assert window.spend().reset_in == 60
    clock.advance(60)
    assert window.spend().allowed


def test_an_index_knows_a_change_after_its_lag():
    clock = Clock(datetime(2026, 11, 1, tzinfo=UTC))
    lag = IndexLag(clock, 5)
    lag.touch("a")
    assert (lag.settled("a"), lag.settled("b")) == (False, True)
    clock.advance(5)
    assert lag.settled("a")
