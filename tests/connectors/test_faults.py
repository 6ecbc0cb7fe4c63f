"""What vendors do on bad days, and that a connector neither crashes, loses anything, nor hammers."""

from __future__ import annotations

import pytest

from deskmind.connectors import Kind
from deskmind.connectors.core import Basic, Limits, OAuth, Retry
from deskmind.connectors.freshservice import Freshservice, FreshserviceOptions
from deskmind.connectors.servicenow import ServiceNow
from deskmind.errors import SourceRateLimitedError, SourceReplyError, SourceUnavailableError
from deskmind.sandbox.freshservice import FreshserviceSandbox
from deskmind.sandbox.servicenow import ServiceNowSandbox
from deskmind.sandbox.web import SandboxServer

from .conftest import QUICK, connect


@pytest.fixture(params=["servicenow", "jira", "freshservice"])
def box(request: pytest.FixtureRequest) -> SandboxServer:
    return request.getfixturevalue(f"{request.param}_box")


@pytest.fixture(params=["servicenow", "jira", "freshservice"])
def small(request: pytest.FixtureRequest) -> SandboxServer:
    return request.getfixturevalue(f"small_{request.param}")


async def ids(source: object, size: int | None = None) -> set[str]:
    pages = source.pages(Kind.TICKET, page_size=size)  # type: ignore[attr-defined]
    return {one.id async for page in pages for one in page.records}


@pytest.mark.parametrize("kind", ["server_error", "refuse", "cut", "bad_json", "html", "rate_limit"])
async def test_a_pass_survives_failures_and_loses_nothing(small: SandboxServer, kind: str) -> None:
    async with connect(small, details=False) as source:
        whole = await ids(source, 8)
        assert len(whole) > 30
        times = 1 if kind == "rate_limit" else None  # each is waited for, by the vendor's word
        fault = small.faults.add(kind, every=4, times=times, retry_after=0.01)  # type: ignore[arg-type]
        try:
            assert await ids(source, 8) == whole
            assert fault.struck >= 1
        finally:
            small.faults.clear()


async def test_an_endless_storm_of_429_ends_in_a_clear_error_after_few_requests(
    servicenow_box: ServiceNowSandbox,
) -> None:
    box = servicenow_box
    async with connect(box) as source:
        box.faults.add("rate_limit", retry_after=0.01)
        box.log.clear()
        with pytest.raises(SourceRateLimitedError, match="wants fewer requests"):
            await ids(source)
        assert len(box.log) <= QUICK.attempts
        box.faults.clear()


async def test_a_dead_vendor_is_asked_less_and_less(box: SandboxServer) -> None:
    async with connect(box) as source:
        box.faults.add("server_error", status=500)
        box.log.clear()
        for _ in range(20):
            with pytest.raises((SourceUnavailableError, SourceReplyError)):
                await source.get(Kind.TICKET, "10000" if box.vendor != "servicenow" else "a" * 32)
        assert len(box.log) <= 8
        box.faults.clear()


async def test_a_page_that_cannot_be_read_costs_one_record(small_servicenow: ServiceNowSandbox) -> None:
    async with connect(small_servicenow) as source:
        whole = await ids(source)
        small_servicenow.faults.add("bad_json", path="/api/now/table/incident", at=(1, 2, 3, 4))
        read, lost = set[str](), list[str]()
        async for page in source.pages(Kind.TICKET):
            read |= {one.id for one in page.records}
            lost += [one.id for one in page.undecoded]
        assert read | set(lost) >= whole
        small_servicenow.faults.clear()


async def test_a_token_that_expires_is_renewed_once_for_all_that_wait(
    servicenow_box: ServiceNowSandbox,
) -> None:
    given = servicenow_box.credentials
    assert given
    async with connect(servicenow_box) as source:
        servicenow_box.faults.add("expired_token", at=(2,))
        with pytest.raises(Exception, match="refuses the credentials"):  # a password is not renewed
            await ids(source)
        servicenow_box.faults.clear()


async def test_the_rate_stays_below_what_the_headers_name() -> None:
    async with FreshserviceSandbox(requests_per_minute=60) as box:
        auth = Basic(box.credentials["api_key"], "X")
        options = FreshserviceOptions(limit=1_000_000)  # what we are told must count, not what we believed
        async with Freshservice(box.url, auth, options=options, retry=Retry(attempts=1)) as source:
            waited: list[float] = []

            async def skip(seconds: float) -> None:
                waited.append(seconds)
                box.clock.advance(seconds)
                clock[0] += seconds

            clock = [0.0]
            source.client.pace._sleep = skip  # type: ignore[attr-defined]
            source.client.pace._clock = lambda: clock[0]  # type: ignore[attr-defined]
            source.client.pace._at = 0.0  # type: ignore[attr-defined]
            for _ in range(200):
                await source.client.get("/api/v2/tickets", {"per_page": 1})
            assert [entry.status for entry in box.log if entry.status == 429] == []
            # 200 requests at 60 a minute take over 3 minutes of the vendor's clock
            assert clock[0] > 180


async def test_an_answer_that_would_fill_memory_is_refused(servicenow_box: ServiceNowSandbox) -> None:
    async with connect(servicenow_box, limits=Limits(answer_bytes=2000)) as source:
        with pytest.raises(SourceReplyError, match="longer than 2,000 bytes"):
            await source.client.get("/api/now/table/incident", {"sysparm_limit": 50})


def test_credentials_are_in_no_representation() -> None:
    for auth in (Basic("me", "s3cret"), OAuth("/oauth_token.do", client_id="c", client_secret="s3cret")):
        assert "s3cret" not in repr(auth)


async def test_the_request_log_has_neither_query_nor_secret(servicenow: ServiceNow) -> None:
    await anext(servicenow.tickets())
    lines = repr(list(servicenow.client.log))
    assert "/api/now/table/incident" in lines
    assert "sysparm_query" not in lines
    assert "Basic" not in lines
