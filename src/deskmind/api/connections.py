"""``/v1/connectors``: connecting systems, seeing whether they answer, disconnecting them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from deskmind.api.addresses import place
from deskmind.api.connectors import ConnectionBody
from deskmind.api.schemas import Problem
from deskmind.api.strictness import Body
from deskmind.connectors.model import Kind
from deskmind.desk import Desk
from deskmind.errors import ForbiddenAddressError, InvalidRequestError

__all__ = ["add_connections"]

_TAGS: list[Any] = ["connectors"]
_UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"model": Problem, "description": "no such connection"}}
_VENDOR: dict[int | str, dict[str, Any]] = {
    **_UNKNOWN,
    502: {"model": Problem, "description": "the vendor refuses, or its answer cannot be used"},
}
_LONGEST = 20_000
"""Characters of a credential; one may be a private key."""


class ConnectRequest(Body):
    """A system to be connected."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_.-]{0,62}$", description="unique in the tenant")
    vendor: Literal["servicenow", "jira", "freshservice"]
    url: str = Field(min_length=1, max_length=2000, description="of the instance")
    credentials: dict[str, Annotated[str, Field(max_length=_LONGEST)]] = Field(
        max_length=20, description="by name, see the vendor's page; kept encrypted and never shown"
    )
    kinds: list[Kind] = Field(
        default_factory=list, max_length=20, description="read only these; empty for all"
    )
    every_seconds: int = Field(900, ge=0, le=31_536_000, description="between runs; 0 for only when asked")
    networks: Literal["any", "public"] | None = Field(
        None, description="public refuses private addresses; any where the installation allows it"
    )
    replace: bool = Field(False, description="change the connection of this name, and keep what was read")


class HealthBody(BaseModel):
    """Whether the vendor answers, and how its limit stands."""

    ok: bool
    detail: str = Field(examples=["answers"])
    milliseconds: float
    remaining: int | None = Field(description="requests that the vendor's limit leaves")
    limit: int | None


class RightBody(BaseModel):
    """One right that the credentials need."""

    name: str = Field(examples=["read incident"])
    needed_for: str = Field(examples=["reading tickets"])
    granted: bool | None = Field(description="null where the vendor gives no way to find out")
    remedy: str


class TestBody(BaseModel):
    """What reaching the system showed."""

    health: HealthBody
    rights: list[RightBody] = Field(description="none where it does not answer")


class CountedBody(BaseModel):
    """What a run would bring of one kind."""

    added: int
    changed: int
    unchanged: int
    gone: int
    failed: int


class PreviewBody(BaseModel):
    """What a run would bring, by kind."""

    kinds: dict[str, CountedBody]


class SecretBody(BaseModel):
    """Where the vendor may call, and what it signs its calls with."""

    path: str = Field(examples=["/v1/connectors/6f1d7c52-3b0a-4c64-9d0e-2f6f3a1b8c11/webhook"])
    secret: str = Field(description="give it to the vendor and nobody else")


def add_connections(routes: APIRouter, asker: Any, *, private: bool, called: bool) -> None:
    """Add the resources to a router.

    Args:
        routes: the router.
        asker: the dependency that gives the desk.
        private: whether a connection that is added here may reach private addresses.
        called: whether vendors may call; else nobody is told where.
    """
    _add_connecting(routes, asker, private=private)
    if called:
        _add_secret(routes, asker)
    _add_looking(routes, asker)


def _add_connecting(routes: APIRouter, asker: Any, *, private: bool) -> None:
    @routes.post(
        "/connectors",
        operation_id="addConnector",
        tags=_TAGS,
        status_code=201,
        responses={409: {"model": Problem, "description": "the name is taken"}},
        summary="Connect a system; nothing is read yet; for operators",
    )
    async def add(
        body: ConnectRequest, request: Request, response: Response, desk: Desk = asker
    ) -> ConnectionBody:
        networks = body.networks or ("any" if private else "public")
        if networks == "any" and not private:
            raise _not_public()
        try:
            made = await desk.connections.add(
                body.name,
                body.vendor,
                body.url,
                body.credentials,
                kinds=body.kinds,
                every_seconds=body.every_seconds,
                networks=networks,
                replace=body.replace,
            )
        except ForbiddenAddressError as error:
            if private:
                raise
            raise _not_public() from error
        response.headers["Location"] = place(request, f"/connectors/{quote(made.name, safe='')}")
        return ConnectionBody.model_validate(made.as_dict())

    @routes.delete(
        "/connectors/{name}",
        operation_id="removeConnector",
        tags=_TAGS,
        status_code=204,
        responses=_UNKNOWN,
        summary="Disconnect a system and remove all that was read from it; for operators",
    )
    async def remove(name: str, desk: Desk = asker) -> Response:
        await desk.connections.remove(name)
        return Response(status_code=204)


def _add_secret(routes: APIRouter, asker: Any) -> None:
    @routes.post(
        "/connectors/{name}/webhook-secret",
        operation_id="showConnectorSecret",
        tags=_TAGS,
        responses=_UNKNOWN,
        summary="Where the vendor may call, and the secret that it signs calls with; it is recorded; for operators",
    )
    async def secret(name: str, request: Request, desk: Desk = asker) -> SecretBody:
        found = await desk.connections.get(name)
        path = place(request, f"/connectors/{found.connection_id}/webhook")
        return SecretBody(path=path, secret=await desk.connections.webhook_secret(name))


def _not_public() -> InvalidRequestError:
    return InvalidRequestError(
        "A connection that is added over HTTP reaches public addresses alone.",
        why="Whoever holds a key could look into the service's own network otherwise.",
        remedy="Add it on the service's own machine, or have its operator set api.private_connections.",
    )


def _add_looking(routes: APIRouter, asker: Any) -> None:
    @routes.post(
        "/connectors/{name}/test",
        operation_id="testConnector",
        tags=_TAGS,
        responses=_VENDOR,
        summary="Reach a connected system and name each right that the credentials need; for operators",
    )
    async def test(name: str, desk: Desk = asker) -> TestBody:
        health, rights = await desk.connections.test(name)
        return TestBody.model_validate({"health": asdict(health), "rights": [asdict(one) for one in rights]})

    @routes.post(
        "/connectors/{name}/preview",
        operation_id="previewSync",
        tags=_TAGS,
        responses=_VENDOR,
        summary="What reading a connected system now would bring; nothing is stored; for operators",
    )
    async def preview(
        name: str,
        full: Annotated[bool, Query(description="of everything, not only of what has changed")] = False,
        desk: Desk = asker,
    ) -> PreviewBody:
        return PreviewBody.model_validate((await desk.sync.preview(name, full=full)).as_dict())

    @routes.post(
        "/connectors/{name}/reset",
        operation_id="resetSync",
        tags=_TAGS,
        status_code=204,
        responses=_UNKNOWN,
        summary="Have the next run read everything; what was read stays until then; for operators",
    )
    async def reset(name: str, desk: Desk = asker) -> Response:
        await desk.sync.reset(name)
        return Response(status_code=204)
