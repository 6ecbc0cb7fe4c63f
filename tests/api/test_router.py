"""The router in somebody else's application: which resources it has, where it says that they are, and its document."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request
from pydantic import BaseModel
from starlette.types import ASGIApp, Receive, Scope, Send

from deskmind.api import problems, router
from deskmind.api.application import _OURS as UNWATCHED
from deskmind.api.routes import RESOURCES
from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import InvalidRequestError

Serve = Callable[[FastAPI], AbstractAsyncContextManager[str]]
DeskFor = Callable[[Request], Awaitable[Desk]]

_FAR = {"name": "far", "vendor": "servicenow", "url": "https://localhost:1", "credentials": {"token": "x"}}


@pytest.fixture
def desk_for(operator: Desk) -> DeskFor:
    async def known(_: Request) -> Desk:
        return operator

    return known


def _host() -> FastAPI:
    host = FastAPI(telemetry=UNWATCHED)
    problems.install(host)
    return host


def _plain(routes: APIRouter) -> FastAPI:
    host = _host()
    host.include_router(routes)
    return host


def _below_a_prefix(routes: APIRouter) -> FastAPI:
    host, between = _host(), APIRouter(prefix="/internal")
    between.include_router(routes)
    host.include_router(between, prefix="/api")
    return host


def _below_a_value(routes: APIRouter) -> FastAPI:
    host = _host()
    host.include_router(routes, prefix="/of/{company}")
    return host


def _mounted(routes: APIRouter) -> FastAPI:
    host = _host()
    host.mount("/desk", _plain(routes))
    return host


class Rooted:
    """What a server that is told its root does behind a proxy that takes it away: uvicorn puts it back, others do not."""

    def __init__(self, app: ASGIApp, *, put_back: str) -> None:
        self._app = app
        self._put_back = put_back

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "root_path": "/behind", "path": self._put_back + scope["path"]}
        await self._app(scope, receive, send)


def _behind_a_proxy(routes: APIRouter) -> FastAPI:
    host = _plain(routes)
    host.add_middleware(Rooted, put_back="/behind")
    return host


def _behind_another(routes: APIRouter) -> FastAPI:
    host = _plain(routes)
    host.add_middleware(Rooted, put_back="")
    return host


@pytest.mark.parametrize(
    ("mount", "asked", "told"),
    [
        (_plain, "/v1", "/v1"),
        (_below_a_prefix, "/api/internal/v1", "/api/internal/v1"),
        (_below_a_value, "/of/A%20%26%20B/v1", "/of/A%20%26%20B/v1"),
        (_mounted, "/desk/v1", "/desk/v1"),
        (_behind_a_proxy, "/v1", "/behind/v1"),
        (_behind_another, "/v1", "/behind/v1"),
    ],
)
async def test_addresses_are_those_that_the_caller_can_ask(
    app: Deskmind,
    desk_for: DeskFor,
    serving: Serve,
    mount: Callable[[APIRouter], FastAPI],
    asked: str,
    told: str,
) -> None:
    routes = router(desk_for=desk_for, private_connections=True, receive=app.receive_webhook)
    async with serving(mount(routes)) as address, httpx.AsyncClient(base_url=address, timeout=60) as client:

        async def get(place: str) -> httpx.Response:
            assert place.startswith(f"{told}/"), place
            return await client.get(asked + place.removeprefix(told))

        training = (await client.post(f"{asked}/triage/trainings", json={})).headers["location"]
        assert (await get(training)).status_code == 200
        (job,) = (await client.get(f"{asked}/jobs")).json()["jobs"]
        assert job["about"]["href"] == training
        single = (await client.get(f"{asked}/jobs/{job['job_id']}")).json()
        assert single["about"]["href"] == training

        made = await client.post(f"{asked}/connectors", json=_FAR)
        assert (await get(made.headers["location"])).json()["name"] == "far"
        again = await client.post(f"{asked}/connectors/far/sync")
        assert again.headers["location"] == made.headers["location"]
        secret = (await client.post(f"{asked}/connectors/far/webhook-secret")).json()
        unsigned = await client.post(asked + secret["path"].removeprefix(told))
        assert (secret["path"].startswith(told), unsigned.status_code) == (True, 401)

        await client.post(f"{asked}/users", json={"name": "leaver"})
        erasure = await client.post(f"{asked}/privacy/erasures", json={"subject": "leaver"})
        assert (await get(erasure.headers["location"])).status_code == 200


async def test_nobody_is_told_a_secret_for_calls_that_are_not_taken(
    operator: Desk, desk_for: DeskFor, serving: Serve
) -> None:
    await operator.connections.add("far", "servicenow", "https://localhost:1", {"token": "x"})
    async with serving(_plain(router(desk_for=desk_for))) as address, httpx.AsyncClient() as client:
        (connector,) = (await client.get(f"{address}/v1/connectors")).json()["connectors"]
        place = f"{address}/v1/connectors"
        assert (await client.post(f"{place}/far/webhook-secret")).status_code == 404
        assert (await client.post(f"{place}/{connector['connection_id']}/webhook")).status_code == 404


async def test_some_resources_are_mounted_and_work(operator: Desk, desk_for: DeskFor, serving: Serve) -> None:
    await operator.knowledge.add("vpn.md", b"# VPN\n\nA new VPN token arrives within 20 minutes.")
    host = _plain(router(desk_for=desk_for, prefix="/desk", resources=["search", "keys"]))
    assert list(host.openapi()["paths"]) == [
        "/desk/search",
        "/desk/keys",
        "/desk/keys/{key_id}/rotate",
        "/desk/keys/{key_id}",
    ]
    async with serving(host) as address, httpx.AsyncClient(base_url=f"{address}/desk") as client:
        found = await client.post("/search", json={"query": "token"})
        assert len(found.json()["passages"]) == 1
        assert (await client.get("/keys")).json() == {"keys": []}
        for path in ("/documents", "/users", "/jobs"):
            assert (await client.get(path)).status_code == 404
        assert (await client.post("/ask", json={"question": "token?"})).status_code == 404


def test_each_resource_can_be_mounted_alone_and_all_of_them_are_the_whole(desk_for: DeskFor) -> None:
    def operations(**options: Any) -> set[str]:
        document = _plain(router(desk_for=desk_for, **options)).openapi()
        assert list(_dangling(document)) == []
        return {one["operationId"] for methods in document["paths"].values() for one in methods.values()}

    alone = [operations(resources=[name]) for name in RESOURCES]
    assert all(alone)
    assert sum(map(len, alone)) == len(set().union(*alone))
    assert set().union(*alone) == operations() == operations(resources=RESOURCES)


def test_a_resource_that_is_not_known_is_refused_with_those_that_are(desk_for: DeskFor) -> None:
    for wanted in (["search", "tickets"], "tickets"):
        with pytest.raises(InvalidRequestError, match="'tickets'") as caught:
            router(desk_for=desk_for, resources=wanted)
        assert all(name in caught.value.why for name in RESOURCES)


def test_the_documentation_names_the_resources() -> None:
    page = (Path(__file__).parents[2] / "docs" / "http-api.md").read_text()
    table = page.partition("| resource | paths below the prefix |")[2].partition("\n\n")[0]
    first = [line.split("|")[1] for line in table.splitlines()[2:]]
    assert sorted(name.strip(" `") for cell in first for name in cell.split(",")) == sorted(RESOURCES)


class Problem(BaseModel):
    """Not ours."""

    severity: int


class AnswerBody(BaseModel):
    """Not ours."""

    yes: bool


class WorkflowRunBody(BaseModel):
    """Not ours."""

    miles: float


def test_the_hosts_models_may_be_named_as_ours(desk_for: DeskFor) -> None:
    host = _plain(router(desk_for=desk_for))

    @host.get("/theirs")
    async def theirs() -> tuple[Problem, AnswerBody, WorkflowRunBody]:
        raise NotImplementedError

    document = host.openapi()
    assert list(_dangling(document)) == []

    def schema_of(path: str, method: str, status: str) -> dict[str, Any]:
        content = document["paths"][path][method]["responses"][status]["content"]
        name = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
        return document["components"]["schemas"][name]["properties"]

    assert {"type", "detail", "remedy"} <= schema_of("/v1/documents", "get", "401").keys()
    assert {"text", "citations"} <= schema_of("/v1/ask", "post", "200").keys()
    for path, method, kind, field in (
        ("/v1/ask", "post", "answer", "citations"),
        ("/v1/runs/{run_id}/events", "get", "run", "workflow"),
    ):
        media = document["paths"][path][method]["responses"]["200"]["content"]["text/event-stream"]
        assert field in media["x-deskmind-events"][kind]["properties"]


def _dangling(document: dict[str, Any]) -> Iterator[str]:
    """References to what the document does not have."""
    for place in _references(document):
        found: Any = document
        for part in place.removeprefix("#/").split("/"):
            found = found.get(part, {})
        if not found:
            yield place


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for one in node.values():
            yield from _references(one)
    elif isinstance(node, list):
        for one in node:
            yield from _references(one)
