"""Where nothing is sent: private networks, by whatever name, redirect or change of mind."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import given
from hypothesis import strategies as st
from tests.webhooks.conftest import Receiver

from deskmind.errors import ForbiddenAddressError, InvalidRequestError
from deskmind.outbound import address_permitted, literal_refused
from deskmind.webhooks.sending import Sender
from deskmind.webhooks.targets import Target, check_target


class Names(AbstractResolver):
    """A resolver with these answers, one after the other."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        address = self.answers.pop(0)
        return [ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        """Nothing is held."""


@pytest.fixture
async def sender_with() -> AsyncIterator[Callable[..., Sender]]:
    made: list[Sender] = []

    def make(*answers: str) -> Sender:
        made.append(Sender(5.0, resolver=Names(*answers) if answers else None))
        return made[-1]

    yield make
    for one in made:
        await one.close()


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/x",
        "https://127.0.0.1/x",
        "https://10.1.2.3/x",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/x",
        "https://[::ffff:10.0.0.1]/x",
        "https://[64:ff9b::a00:1]/x",
        "https://[2002:7f00:1::]/x",
        "https://[64:ff9b:1::a00:1]/x",
        "https://[64:ff9b:1:a00:0:100::]/x",
        "https://[::ffff:0:10.0.0.1]/x",
        "https://[3fff::1]/x",
        "https://[3fff:fff:ffff::1]/x",
        "https://[5f00::1]/x",
        "https://[5f00:ffff::1]/x",
        "https://[100:0:0:1::1]/x",
        "https://192.0.0.8/x",
        "https://192.0.0.200/x",
        "https://127.1/x",
        "https://2130706433/x",
        "https://0177.0.0.1/x",
        "https://0x7f.1/x",
        "https://0X7F000001/x",
        "https://8.8.8.8.8/x",
        "https://localhost/x",
        "https://printer.local/x",
        "https://metadata.google.internal/x",
    ],
)
def test_what_is_not_public_https_is_forbidden(url: str) -> None:
    with pytest.raises(ForbiddenAddressError):
        check_target(url, [])


@pytest.mark.parametrize(
    "url",
    [
        *("", "hooks.example", "ftp://hooks.example/", "https://", "https:///x", "javascript:alert(1)"),
        *(
            "https://ann:secret@hooks.example/",
            "https://hooks.example/#x",
            "https://hooks.example\\@10.0.0.1/",
        ),
        *("https://hooks.example/a b", "https://hooks.example/\r\nHost: x", "https://hooks.example:99999/"),
        *(
            "https://hooks.exämple/",
            "https://hooks.example./",
            "https://[::1/",
            f"https://h.example/{'x' * 2000}",
        ),
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidRequestError):
        check_target(url, [])


def test_hosts_that_the_installation_names_may_be_internal_and_no_others() -> None:
    internal = ["127.0.0.1:9000", "Events.corp", "169.254.169.254", "0xa9fea9fe"]
    assert check_target("http://127.0.0.1:9000/x", internal) == Target(
        "http://127.0.0.1:9000/x", "127.0.0.1:9000", "any"
    )
    assert check_target("http://EVENTS.corp:8080/x", internal).networks == "any"
    assert check_target("https://hooks.example/x", internal).networks == "public"
    for url in (
        "http://127.0.0.1:9001/x",
        "http://events.corp.evil.example/x",
        "http://169.254.169.254/x",
        "http://0xa9fea9fe/x",
    ):
        with pytest.raises(ForbiddenAddressError):
            check_target(url, internal)


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_no_address_outside_of_the_public_networks_passes(address: Any) -> None:
    host = f"[{address}]" if address.version == 6 else str(address)
    if address.is_global:
        return
    with pytest.raises(ForbiddenAddressError):
        check_target(f"https://{host}/", [])


@given(
    st.ip_addresses(v=4), st.sampled_from(["::ffff:0:0", "::ffff:0:0:0", "64:ff9b::", "64:ff9b:1::", "::"])
)
def test_an_ipv4_address_in_ipv6_is_what_it_stands_for(address: Any, prefix: str) -> None:
    number = int(ipaddress.IPv6Address(prefix)) + int(address)
    if address_permitted(str(ipaddress.IPv6Address(number)), "public"):
        assert address_permitted(str(address), "public")


async def test_a_name_that_turns_to_a_private_address_gets_nothing(
    receiver: Receiver, sender_with: Callable[..., Sender]
) -> None:
    url = f"http://hooks.example:{receiver.port}/x"
    public = Target(url, "hooks.example", "public")
    sent = await sender_with("127.0.0.1").send(public, {}, b"{}")
    assert (sent.outcome, receiver.got) == ("forbidden", [])
    receiver.headers = {"Connection": "close"}
    changing = sender_with("127.0.0.1", "169.254.169.254")
    trusted = Target(url, "hooks.example", "any")
    assert [(await changing.send(trusted, {}, b"{}")).outcome for _ in range(2)] == ["delivered", "forbidden"]
    assert len(receiver.got) == 1


async def test_a_redirect_to_the_inside_is_not_followed(
    receiver: Receiver, sender_with: Callable[..., Sender]
) -> None:
    async with Receiver() as inside:
        receiver.answers = [inside.url]
        sent = await sender_with().send(Target(receiver.url, "127.0.0.1", "any"), {}, b"{}")
        assert (sent.outcome, sent.status, inside.got) == ("redirected", 302, [])


@pytest.mark.parametrize(
    "address",
    [
        "64:ff9b:1:a9fe:a9:fe00::",
        "64:ff9b:1:a9:fea9:fe::",
        "64:ff9b:1:0:a9:fea9:fe00:0",
        "64:ff9b:1::a9fe:a9fe",
    ],
)
def test_the_metadata_of_clouds_is_refused_whatever_prefix_a_gateway_translates(address: str) -> None:
    """RFC 6052: 48, 56, 64 and 96 bits of prefix."""
    assert not address_permitted(address, "any")


@pytest.mark.parametrize("address", ["3ffe:ffff::1", "4000::1", "5eff::1", "5f01::1", "192.0.1.1", "8.8.8.8"])
def test_the_neighbours_of_what_is_reserved_are_public(address: str) -> None:
    assert address_permitted(address, "public")


@pytest.mark.parametrize(
    "host", ["hooks.example", "4.hooks.example", "0x7f.hooks.example", "1password.com", "x.0xg"]
)
def test_names_with_numbers_in_them_are_names(host: str) -> None:
    assert not literal_refused(host, "public")


def test_digits_of_other_scripts_are_digits() -> None:
    assert literal_refused("\uff11\uff12\uff17\u3002\uff11", "any")
