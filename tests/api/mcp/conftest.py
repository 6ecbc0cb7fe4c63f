"""A service that offers all of it: writes, questions, sampling, and tokens of an issuer on a real socket."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

from deskmind.api import create_app
from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.sandbox.models import DEFAULT_KEY, ModelSandbox

RESOURCE = "https://desk.example.com/mcp"
Talk = Callable[..., AbstractAsyncContextManager[Client]]


@dataclass
class Issuer:
    """An identity provider."""

    key: ec.EllipticCurvePrivateKey
    url: str = ""

    def token(self, user: str, scope: str, tenant: str, **claims: Any) -> str:
        """A token for the endpoint."""
        now = int(time.time())
        body = {"iss": self.url, "aud": RESOURCE, "sub": user, "org": tenant, "scope": scope, "iat": now}
        return jwt.encode({**body, "exp": now + 60, **claims}, self.key, "ES256", headers={"kid": "one"})


@dataclass
class Service:
    """It, and what stands behind it."""

    app: Deskmind
    url: str
    issuer: Issuer
    model: ModelSandbox


@pytest.fixture(scope="module")
async def issuer() -> AsyncIterator[Issuer]:
    found = Issuer(ec.generate_private_key(ec.SECP256R1()))
    shown = {**ECAlgorithm.to_jwk(found.key.public_key(), as_dict=True), "kid": "one", "use": "sig"}

    async def about(_: web.Request) -> web.Response:
        return web.json_response({"issuer": found.url, "jwks_uri": f"{found.url}/keys"})

    async def keys(_: web.Request) -> web.Response:
        return web.json_response({"keys": [shown]})

    service = web.Application()
    service.add_routes([web.get("/.well-known/openid-configuration", about), web.get("/keys", keys)])
    runner = web.AppRunner(service)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield found
    await runner.cleanup()


@pytest.fixture(scope="module")
async def service(app: Deskmind, desk_home: Path, issuer: Issuer, serving: Any) -> AsyncIterator[Service]:
    async with (
        ModelSandbox() as model,
        Deskmind.open(
            home=desk_home,
            knowledge={"embedder": "hashing"},
            answer={"threshold": 0.0},
            api={"embedded_worker": False},
            mcp={
                "allow_writes": True,
                "allow_sampling": True,
                "watch_seconds": 0.05,
                "url": RESOURCE,
                "answer_seconds": 60,
            },
            oidc={
                "issuer": issuer.url,
                "tenant_claim": "org",
                "tenants": {f"tenant-{n}": f"tenant-{n}" for n in range(1, 3000)},
            },
            models={
                "fast": {
                    "deployments": [
                        {"model": "echo", "base_url": f"{model.base_url}/v1", "api_key": DEFAULT_KEY}
                    ],
                    "retries": 0,
                }
            },
        ) as offering,
        serving(create_app(app=offering)) as address,
    ):
        yield Service(offering, address, issuer, model)


@asynccontextmanager
async def _talking(url: str, key: str, mode: str, **more: Any) -> AsyncIterator[Client]:
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=60) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http), mode=mode, **more) as client,
    ):
        yield client


@pytest.fixture(params=["auto", "legacy"])
def talk(request: pytest.FixtureRequest, service: Service) -> Talk:
    """Opens the protocol's own client with a key, in the protocol of today and of before."""
    return partial(_talking, service.url, mode=request.param)


@pytest.fixture
async def key(operator: Desk) -> str:
    """Of an operator called boss."""
    await operator.principals.add_user("boss", role="operator")
    return (await operator.keys.create("boss")).secret
