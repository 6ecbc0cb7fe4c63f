"""Tokens of an issuer of ours on a real socket, and what attackers make of them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import AuthenticationError, ConfigurationError, ConflictError, UnavailableError
from deskmind.governance.access.oidc.issuer import Issuer
from deskmind.governance.access.oidc.verifying import TokenVerifier

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
WEAK = rsa.generate_private_key(public_exponent=65537, key_size=1024)
CURVE = ec.generate_private_key(ec.SECP256R1())


def public(key: Any, key_id: str, **more: Any) -> dict[str, Any]:
    """As an issuer shows it."""
    form = ECAlgorithm if isinstance(key, ec.EllipticCurvePrivateKey) else RSAAlgorithm
    return {**form.to_jwk(key.public_key(), as_dict=True), "kid": key_id, "use": "sig", **more}


@dataclass
class Provider:
    """An identity provider."""

    url: str = ""
    keys: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0
    broken: bool = False

    def token(self, key: Any = RSA, key_id: str | None = "one", alg: str = "RS256", **claims: Any) -> str:
        """A token that it signs, unless told otherwise."""
        now = int(time.time())
        body = {"iss": self.url, "aud": "deskmind", "sub": "ana", "iat": now, "exp": now + 60, **claims}
        headers = {"kid": key_id} if key_id is not None else {}
        return jwt.encode(
            {k: v for k, v in body.items() if v is not None}, key, algorithm=alg, headers=headers
        )


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    """On a real socket."""
    found = Provider(keys=[public(RSA, "one"), public(CURVE, "curve")])

    async def about(_: web.Request) -> web.Response:
        return web.json_response({"issuer": found.url, "jwks_uri": f"{found.url}/keys"})

    async def keys(_: web.Request) -> web.Response:
        found.asked += 1
        return web.Response(status=500) if found.broken else web.json_response({"keys": found.keys})

    service = web.Application()
    service.add_routes([web.get("/.well-known/openid-configuration", about), web.get("/keys", keys)])
    runner = web.AppRunner(service)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield found
    await runner.cleanup()


class Clock:
    """Goes on when it is told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def verifier_of(provider: Provider, clock: Callable[[], float] = time.monotonic) -> TokenVerifier:
    """With the defaults."""
    issuer = Issuer(provider.url, clock=clock)
    return TokenVerifier(issuer, audience="deskmind", algorithms=("RS256", "ES256"))


async def test_tokens_of_the_issuer_are_valid(provider: Provider) -> None:
    verifier = verifier_of(provider)
    for token in (
        provider.token(),
        provider.token(CURVE, "curve", "ES256"),
        provider.token(aud=["other", "deskmind"]),
        provider.token(exp=int(time.time()) - 10),
    ):
        assert (await verifier.claims(token))["sub"] == "ana"
    assert provider.asked == 1


def _segment(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _forged(provider: Provider, header: dict[str, Any], secret: bytes | None = None) -> str:
    """Signed with a secret of the attacker's choice, or not at all."""
    body = _segment(jwt.decode(provider.token(), options={"verify_signature": False}))
    signed = f"{_segment(header)}.{body}"
    mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest() if secret is not None else b""
    return f"{signed}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


PEM = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
OWN = public(OTHER, "one")
ATTACKS: dict[str, Callable[[Provider], str]] = {
    "none": lambda it: _forged(it, {"alg": "none", "kid": "one"}),
    "none in disguise": lambda it: _forged(it, {"alg": "nOnE", "kid": "one"}),
    "no algorithm": lambda it: _forged(it, {"kid": "one"}),
    "an algorithm that is no text": lambda it: _forged(it, {"alg": ["RS256"], "kid": "one"}),
    "the public key as a secret": lambda it: _forged(it, {"alg": "HS256", "kid": "one"}, PEM),
    "the public key as a secret, said to be RS256": lambda it: _forged(
        it, {"alg": "RS256", "kid": "one"}, PEM
    ),
    "a secret among the issuer's keys": lambda it: _forged(it, {"alg": "HS256", "kid": "secret"}, b"k" * 32),
    "an algorithm that is not accepted": lambda it: it.token(alg="RS512"),
    "an algorithm of another kind of key": lambda it: it.token(CURVE, "one", "ES256"),
    "another key": lambda it: it.token(OTHER),
    "a weak key": lambda it: it.token(WEAK, "weak"),
    "a key that encrypts": lambda it: it.token(OTHER, "encrypts"),
    "a key for another algorithm": lambda it: it.token(OTHER, "for RS512"),
    "expired": lambda it: it.token(exp=int(time.time()) - 60),
    "without an end": lambda it: it.token(exp=None),
    "not valid yet": lambda it: it.token(nbf=int(time.time()) + 120),
    "issued in the future": lambda it: it.token(iat=int(time.time()) + 120),
    "meant for another": lambda it: it.token(aud="payroll"),
    "meant for nobody": lambda it: it.token(aud=None),
    "of another issuer": lambda it: it.token(iss="https://evil.example"),
    "of nobody": lambda it: it.token(sub=None),
    "a path as key": lambda it: it.token(OTHER, "../../../../dev/null"),
    "SQL as key": lambda it: it.token(OTHER, "x' UNION SELECT 'k"),
    "a long key id": lambda it: it.token(key_id="k" * 201),
    "no key id where there are several": lambda it: it.token(key_id=None),
    "a key of its own": lambda it: jwt.encode(
        jwt.decode(it.token(), options={"verify_signature": False}),
        OTHER,
        "RS256",
        headers={"kid": "one", "jwk": OWN, "jku": "http://127.0.0.1:1/keys", "x5u": "http://127.0.0.1:1/x"},
    ),
    "critical headers": lambda it: jwt.encode(
        {"sub": "ana"}, RSA, "RS256", headers={"kid": "one", "crit": ["x"], "x": 1}
    ),
    "another type": lambda it: jwt.encode(
        {"sub": "ana"}, RSA, "RS256", headers={"kid": "one", "typ": "logout+jwt"}
    ),
    "huge": lambda it: it.token(padding="x" * 9_000),
    "no token": lambda _: "a.b.c",
    "not ASCII": lambda it: it.token() + "é",
    "empty": lambda _: "",
    "changed": lambda it: it.token()[:-6] + "AAAAAA",
}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.filterwarnings("ignore:The RSA key is 1024 bits long")  # the attacker's
async def test_attacks_are_refused(attack: str, provider: Provider) -> None:
    provider.keys += [
        public(WEAK, "weak"),
        public(OTHER, "for RS512", alg="RS512"),
        {**public(OTHER, "encrypts"), "use": "enc"},
        {"kty": "oct", "k": base64.urlsafe_b64encode(b"k" * 32).decode(), "kid": "secret", "use": "sig"},
    ]
    verifier = verifier_of(provider)
    with pytest.raises(AuthenticationError):
        await verifier.claims(ATTACKS[attack](provider))
    assert (await verifier.claims(provider.token()))["sub"] == "ana"


async def test_keys_rotate_and_invented_names_do_not_make_us_ask(provider: Provider) -> None:
    clock = Clock()
    verifier = verifier_of(provider, clock)
    await verifier.claims(provider.token())
    for number in range(50):
        with pytest.raises(AuthenticationError):
            await verifier.claims(provider.token(OTHER, f"invented {number}"))
    assert provider.asked == 1
    provider.keys = [public(OTHER, "two")]
    clock.now += 11
    assert (await verifier.claims(provider.token(OTHER, "two")))["sub"] == "ana"
    assert provider.asked == 2
    with pytest.raises(AuthenticationError):  # the old key is no longer the issuer's
        await verifier.claims(provider.token())
    provider.broken = True
    clock.now += 4_000
    assert (await verifier.claims(provider.token(OTHER, "two")))["sub"] == "ana"
    assert provider.asked == 3
    with pytest.raises(UnavailableError):
        await verifier_of(provider).claims(provider.token())


def test_an_issuer_is_not_asked_over_an_unsafe_connection() -> None:
    with pytest.raises(ConfigurationError):
        Issuer("http://login.example.com")


async def test_an_issuer_that_says_it_is_another_is_not_believed(provider: Provider) -> None:
    alias = Provider(url=provider.url.replace("127.0.0.1", "localhost"))
    with pytest.raises(UnavailableError):
        await verifier_of(alias).claims(alias.token())


async def test_claims_become_user_groups_and_roles(
    app: Deskmind, operator: Desk, provider: Provider, desk_home: Path
) -> None:
    tenant = operator.scope.tenant
    await operator.principals.add_group("hr")
    await operator.principals.add_group("auditors")
    await operator.access.grant("auditor", group="auditors")
    await operator.knowledge.add("pay.md", b"Salaries are paid on the 25th.", groups=["hr"])
    settings = {
        "issuer": provider.url,
        "tenant_claim": "org",
        "tenants": {"acme-corp": tenant},
        "groups": {"HR-All": "hr", "IT-Audit": "auditors"},
        "provision": True,
    }
    async with Deskmind.open(home=desk_home, knowledge={"embedder": "hashing"}, oidc=settings) as taking:

        async def desk(**claims: Any) -> Desk:
            return await taking.authenticate(provider.token(org="acme-corp", **claims))

        nobody_special = await desk(groups=["Everybody"])
        assert nobody_special.scope.principal == "ana"
        assert await nobody_special.knowledge.documents() == []
        assert len(await (await desk(groups=["HR-All"])).knowledge.documents()) == 1
        assert not (await (await desk(groups=["HR-All"])).access.check("audit:read")).allowed
        assert (await (await desk(groups=["HR-All", "IT-Audit"])).access.check("audit:read")).allowed
        # who leaves a group there has left it here; groups that no mapping names are ours
        await operator.principals.set_groups("ana", ["hr", "auditors", "local"])
        left = await desk(groups=[])
        assert await left.knowledge.documents() == []
        (user,) = [one for one in await operator.principals.users() if one.name == "ana"]
        assert user.groups == ("local",)
        events = len(await operator.audit(limit=1000))
        await desk(groups=[])
        assert len(await operator.audit(limit=1000)) == events
        for refused in ({"org": "rival"}, {"org": None}):
            with pytest.raises(AuthenticationError):
                await taking.authenticate(provider.token(**refused))
        key = await operator.keys.create("ana")
        assert (await taking.authenticate(key.secret)).scope.principal == "ana"
    with pytest.raises(AuthenticationError):  # without an issuer no token is taken
        await app.authenticate(provider.token())


async def test_refused_tokens_are_told_to_the_tenant_that_they_name_and_to_no_other(
    operator: Desk, provider: Provider, desk_home: Path
) -> None:
    settings = {"issuer": provider.url, "tenant_claim": "org", "tenants": {"acme": operator.scope.tenant}}
    async with Deskmind.open(home=desk_home, knowledge={"embedder": "hashing"}, oidc=settings) as taking:
        for token in (
            provider.token(OTHER, org="acme"),
            provider.token(org="acme", exp=int(time.time()) - 3_600),
            provider.token(org="acme"),  # valid, of nobody here
            provider.token(OTHER, org="rival"),
            "no token at all",
        ):
            with pytest.raises(AuthenticationError):
                await taking.authenticate(token)
    events = [event for event in await operator.audit() if event.action == "access.authenticate"]
    told = [(event.details["reason"], event.details["attempts"]) for event in events]
    assert sorted(told) == [("token", 1), ("token", 1), ("user", 1)]
    assert all(event.outcome == "denied" for event in events)


async def test_nobody_signs_in_as_a_service_by_taking_its_name(
    operator: Desk, provider: Provider, desk_home: Path
) -> None:
    """At some providers people choose what they are called."""
    await operator.principals.add_user("bot", kind="service", groups=["robots"])
    await operator.access.grant("service", user="bot")
    settings = {
        "issuer": provider.url,
        "tenant_claim": "org",
        "tenants": {"acme": operator.scope.tenant},
        "user_claim": "preferred_username",
        "groups": {"All": "robots"},
        "provision": True,
    }
    async with Deskmind.open(home=desk_home, knowledge={"embedder": "hashing"}, oidc=settings) as taking:
        with pytest.raises(AuthenticationError):
            await taking.authenticate(provider.token(org="acme", preferred_username="bot", groups=[]))
    (bot,) = [one for one in await operator.principals.users() if one.name == "bot"]
    assert (bot.kind, bot.groups) == ("service", ("robots",))


@pytest.mark.parametrize(("first", "second"), [("user", "service"), ("service", "user")])
async def test_a_name_says_who_acts(operator: Desk, first: Any, second: Any) -> None:
    await operator.principals.add_user("ann", kind=first)
    with pytest.raises(ConflictError, match="exists already"):
        await operator.principals.add_user("ann", kind=second)
    assert [(one.name, one.kind) for one in await operator.principals.users() if one.name == "ann"] == [
        ("ann", first)
    ]


async def test_where_both_have_a_name_it_is_the_users(operator: Desk, app: Deskmind) -> None:
    """As releases before this one let them."""
    await operator.principals.add_user("ann", kind="service")
    person = await operator.principals.add_user("ann-to-be")
    async with operator.database.transaction(operator.scope) as connection:
        await connection.execute(
            "UPDATE principals SET name = 'ann' WHERE principal_id = %s", (person.principal_id,)
        )
    desk = await app.desk(tenant=operator.scope.tenant, user="ann")
    assert desk.scope.principal_id == person.principal_id
