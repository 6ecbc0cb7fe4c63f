"""Requests go to the configured host alone, whatever addresses, redirects and name servers say."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from deskmind.connectors.core import Basic, Client, Pace, Reach, Retry
from deskmind.connectors.core.reach import GuardedResolver, address_permitted
from deskmind.errors import ForbiddenAddressError, SourceReplyError


@pytest.fixture
async def vendor() -> AsyncIterator[tuple[str, list[web.Request]]]:
    """A system that redirects wherever ``to`` says and tells what it was asked."""
    asked: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request)
        if to := request.query.get("to"):
            return web.Response(status=302, headers={"Location": to})
        return web.json_response({"ok": True})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    await runner.cleanup()


def client(url: str, **given: str) -> Client:
    return Client(
        Reach(url, files=(".files.example.net",), **given),
        Basic("me", "s3cret"),
        pace=Pace(1000, 1.0),
        retry=Retry(attempts=2, base=0.01, longest=0.01),
    )


@pytest.mark.parametrize(
    "elsewhere",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://localhost:1/",
        "http://127.0.0.1@evil.example.net/",
        "http://127.0.0.1\\@evil.example.net/",
        "https://127.0.0.1/",
        "ftp://127.0.0.1/",
    ],
)
async def test_no_request_goes_to_another_origin(
    vendor: tuple[str, list[web.Request]], elsewhere: str
) -> None:
    url, asked = vendor
    async with client(url) as ours:
        with pytest.raises(ForbiddenAddressError):
            await ours.get(elsewhere)
        with pytest.raises(ForbiddenAddressError):
            [piece async for piece in ours.stream(elsewhere)]
    assert asked == []


async def test_a_redirect_is_followed_for_files_alone_and_inside(
    vendor: tuple[str, list[web.Request]],
) -> None:
    url, asked = vendor
    async with client(url) as ours:
        with pytest.raises(SourceReplyError, match="redirects"):
            await ours.get("/a", {"to": f"{url}/b"})
        assert b"".join([piece async for piece in ours.stream("/a?to=/b")]) == b'{"ok": true}'
        for target in ("http://169.254.169.254/", "https://evil.example.net/", "http://a.files.example.net/"):
            with pytest.raises(ForbiddenAddressError):
                [piece async for piece in ours.stream(f"/a?to={target}")]
        with pytest.raises(SourceReplyError, match="without end"):
            [
                piece
                async for piece in ours.stream(
                    "/a?to=/a%3Fto%3D/a%253Fto%253D/a%25253Fto%25253D/a%2525253Fto%2525253D/b"
                )
            ]
    assert {one.path for one in asked} == {"/a", "/b"}


def test_a_file_elsewhere_is_asked_for_without_our_credentials() -> None:
    reach = Reach("https://desk.example.com", files=(".files.example.net",))
    assert reach.download("https://a.files.example.net/x")[1] is False
    assert reach.download("https://desk.example.com/x")[1] is True
    for wrong in ("https://files.example.net.evil.example/", "https://evilfiles.example.net/"):
        with pytest.raises(ForbiddenAddressError):
            reach.download(wrong)


class Changing(AbstractResolver):
    """A name server that gives a public address first, then what it is really about."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = self._answers.pop(0)
        return [
            ResolveResult(hostname=host, host=one, port=port, family=family, proto=0, flags=0)
            for one in found
        ]

    async def close(self) -> None:
        """Nothing is held."""


async def test_a_name_that_changes_its_mind_reaches_no_private_address() -> None:
    names = GuardedResolver(
        Changing(["93.184.216.34"], ["10.0.0.5"], ["169.254.169.254", "93.184.216.34"]), "public"
    )
    assert [one["host"] for one in await names.resolve("desk.example.com")] == ["93.184.216.34"]
    with pytest.raises(ForbiddenAddressError):
        await names.resolve("desk.example.com")
    assert [one["host"] for one in await names.resolve("desk.example.com")] == ["93.184.216.34"]


async def test_a_name_of_this_machine_is_not_connected_to_where_public_is_asked(
    vendor: tuple[str, list[web.Request]],
) -> None:
    url, asked = vendor
    async with client(url.replace("127.0.0.1", "localhost"), networks="public") as ours:
        with pytest.raises(ForbiddenAddressError):
            await ours.get("/a")
    with pytest.raises(ForbiddenAddressError):
        Reach(url, networks="public")
    assert asked == []


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1%eth0", "0.0.0.0", "224.0.0.1"]
)
def test_addresses_that_are_never_reached(address: str) -> None:
    assert not address_permitted(address, "any")


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0177.0.0.1", "0x7f.1"])
def test_a_number_that_resolvers_take_for_an_address_is_no_host(host: str) -> None:
    with pytest.raises(ForbiddenAddressError):
        Reach(f"https://{host}/", networks="public")
    with pytest.raises(ForbiddenAddressError):
        Reach("https://desk.example.net").token(f"https://{host}/token")
