"""Tenants over HTTP: for owners of a tenant that operates the installation, and nobody else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from typer.testing import CliRunner

from deskmind.api import create_app
from deskmind.app import Deskmind
from deskmind.cli.root import app as command
from deskmind.client import AsyncClient
from deskmind.desk import Desk
from deskmind.errors import ConflictError, InvalidRequestError, PermissionDeniedError

_OPS = "ops-of-tenants"


class _Serve(Protocol):
    def __call__(self, service: FastAPI) -> AbstractAsyncContextManager[str]: ...


@dataclass(frozen=True)
class Operated:
    """A service whose tenant ``_OPS`` operates the installation."""

    address: str
    app: Deskmind
    desk: Desk

    async def key(self, user: str, *, role: str = "") -> str:
        """The key of a new user; the owner's for nobody's role."""
        await self.desk.principals.add_user(user, role="member" if role else "operator")
        if role and role != "requester":
            await self.desk.access.grant(role, user=user)
        return (await self.desk.keys.create(user)).secret


@pytest.fixture(scope="module")
async def operated(app: Deskmind, desk_home: Path, serving: _Serve) -> AsyncIterator[Operated]:
    await app.tenants.create(_OPS)
    opened = Deskmind.open(
        home=desk_home,
        knowledge={"embedder": "hashing"},
        api={"embedded_worker": False, "operator_tenants": [_OPS]},
    )
    async with opened as started, serving(create_app(app=started)) as address:
        yield Operated(address, started, await started.desk(tenant=_OPS))


async def test_a_tenant_is_made_with_its_owner_read_and_erased(operated: Operated) -> None:
    headers = {"Authorization": f"Bearer {await operated.key('chief')}"}
    name, once = f"made-{uuid4().hex[:8]}", {"Idempotency-Key": str(uuid4())}
    async with httpx.AsyncClient(base_url=operated.address, headers=headers) as client:
        new = {"slug": name, "name": "Made Ltd", "owner": "ann"}
        made = await client.post("/v1/tenants", json=new, headers=once)
        assert made.status_code == 201, made.text
        again = await client.post("/v1/tenants", json=new, headers=once)
        assert (again.json(), again.headers["idempotency-replayed"]) == (made.json(), "true")
        assert (await client.post("/v1/tenants", json=new)).status_code == 409
        place = f"/v1/tenants/{name}"
        assert (await client.get(place)).json() == made.json()["tenant"]
        assert made.json()["tenant"] in (await client.get("/v1/tenants")).json()["tenants"]

        theirs = {"Authorization": f"Bearer {made.json()['secret']}"}
        users = (await client.get("/v1/users", headers=theirs)).json()["users"]
        assert [(user["name"], user["role"]) for user in users] == [("ann", "operator")]
        refused = await client.get("/v1/tenants", headers=theirs)
        assert (refused.status_code, refused.json()["permission"]) == (403, "installation:read")

        assert (await client.delete(place, params={"confirm": "another"})).status_code == 422
        own = await client.delete(f"/v1/tenants/{_OPS}", params={"confirm": _OPS})
        assert (own.status_code, "operates" in own.json()["detail"]) == (409, True)
        gone = await client.delete(place, params={"confirm": name})
        assert (gone.status_code, gone.json()["slug"], gone.json()["rows"] > 0) == (200, name, True)
        assert (await client.get(place)).status_code == 404
        assert (await client.get("/v1/users", headers=theirs)).status_code == 401
        told = (await client.get("/v1/installation/acts")).json()["acts"]
        assert [act["action"] for act in told if act["tenant"] == name] == ["tenants.delete", "tenants.write"]
        assert (await client.get("/v1/installation/accounts")).status_code == 200
    mine = [event for event in await operated.desk.audit() if event.resource == name]
    assert [event.action for event in mine] == ["installation.erase", "installation.create"]


async def test_all_acts_are_reached_page_by_page(operated: Operated) -> None:
    for _ in range(3):
        await operated.desk.installation.create(f"paged-{uuid4().hex[:8]}")
    await operated.desk.principals.add_user("pager", role="operator")
    key = (await operated.desk.keys.create("pager")).secret
    whole = await operated.desk.installation.acts(limit=7)
    async with AsyncClient(operated.address, api_key=key) as client:
        walked = client.installation.each_acts(limit=2)
        told = [(await anext(walked)).request_id for _ in whole]
        assert told == [one.correlation_id for one in whole]
        with pytest.raises(InvalidRequestError):
            await client.installation.list_acts(before="x")


async def test_the_commands_do_the_same_from_afar(operated: Operated) -> None:
    key, name = await operated.key("far"), f"made-{uuid4().hex[:8]}"
    made = await _run(operated.address, key, "create", name, "--json")
    assert made["tenant"] == name
    assert made["tenant_id"] in [
        one["tenant_id"] for one in await _run(operated.address, key, "list", "--json")
    ]
    assert (await _run(operated.address, key, "delete", name, "--yes", "--json"))["tenant"] == name
    told = await _run(operated.address, key, "audit", "--json")
    assert [one["action"] for one in told if one["tenant"] == name] == ["tenants.delete", "tenants.write"]
    assert isinstance(await _run(operated.address, key, "accounts", "--json"), list)


async def _run(server: str, key: str, *words: str) -> Any:
    told = ["--server", server, "--key", key, "tenant", *words]
    done = await asyncio.to_thread(lambda: CliRunner().invoke(command, told))
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.mark.parametrize("role", ["admin", "auditor", "technician", "requester"])
async def test_nobody_but_an_owner_reaches_tenants(operated: Operated, role: str) -> None:
    async with AsyncClient(operated.address, api_key=await operated.key(f"a-{role}", role=role)) as client:
        for act in _acts(client):
            with pytest.raises(PermissionDeniedError):
                await act


async def test_an_owner_elsewhere_does_not_reach_tenants(operated: Operated, operator: Desk) -> None:
    await operator.principals.add_user("spy", role="operator")
    spy = await operator.keys.create("spy")
    async with AsyncClient(operated.address, api_key=spy.secret) as client:
        for act in _acts(client):
            with pytest.raises(PermissionDeniedError, match="whole installation"):
                await act
    denied = [event.action for event in await operator.audit() if event.outcome == "denied"]
    assert set(denied) == {"installation.read", "installation.create", "installation.erase"}


async def test_a_key_may_be_bound_to_making_tenants_alone(operated: Operated) -> None:
    await operated.desk.access.define_role("provisioning", ["installation:read", "installation:create"])
    await operated.desk.principals.add_user("robot", role="operator")
    key = await operated.desk.keys.create("robot")
    await operated.desk.access.grant("provisioning", key=key.key_id)
    name = f"made-{uuid4().hex[:8]}"
    async with AsyncClient(operated.address, api_key=key.secret) as client:
        assert (await client.tenants.create(name)).secret == ""
        with pytest.raises(PermissionDeniedError):
            await client.tenants.erase(name, name)
        with pytest.raises(PermissionDeniedError):
            await client.users.list()
    await operated.app.tenants.delete(name)


async def test_an_admin_cannot_hand_out_what_only_owners_have(operated: Operated) -> None:
    await operated.key("keen", role="admin")
    admin = await operated.app.desk(tenant=_OPS, user="keen")
    with pytest.raises(PermissionDeniedError):
        await admin.access.define_role("more", ["installation:*"])
    with pytest.raises(PermissionDeniedError):
        await admin.keys.create("robot")


async def test_without_the_setting_nobody_reaches_tenants(operator: Desk, app: Deskmind) -> None:
    await operator.principals.add_user("chief", role="operator")
    chief = await app.desk(tenant=operator.scope.tenant, user="chief")
    for desk in (chief, operator):
        with pytest.raises(PermissionDeniedError, match="whole installation"):
            await desk.installation.tenants()


async def test_what_cannot_be_done_leaves_nothing(operated: Operated) -> None:
    name = f"made-{uuid4().hex[:8]}"
    with pytest.raises(InvalidRequestError):
        await operated.desk.installation.create(name, owner="an\nn")
    with pytest.raises(InvalidRequestError):
        await operated.desk.installation.create("Not A Name")
    assert name not in [tenant.slug for tenant in await operated.desk.installation.tenants()]
    with pytest.raises(ConflictError):
        await operated.desk.installation.create(_OPS)


def _acts(client: AsyncClient) -> list[Any]:
    return [
        client.tenants.list(),
        client.tenants.get(_OPS),
        client.tenants.create("stolen"),
        client.tenants.erase("acme", "acme"),
        client.installation.list_acts(),
        client.installation.list_closed_accounts(),
    ]
