"""``/v1/tenants`` and ``/v1/installation``: the installation's tenants, for owners of a tenant that operates it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from deskmind.api.cursors import Before, Next, next_of, place_of
from deskmind.api.schemas import Amount, Problem
from deskmind.api.strictness import Body
from deskmind.desk import Desk

__all__ = ["add_tenants"]

_SLUG = r"^[a-z0-9][a-z0-9-]{0,62}$"
Slug = Annotated[str, Path(pattern=_SLUG)]
_UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"model": Problem, "description": "no such tenant"}}
_TAKEN: dict[int | str, dict[str, Any]] = {409: {"model": Problem, "description": "the name is taken"}}
_KEPT: dict[int | str, dict[str, Any]] = {
    409: {"model": Problem, "description": "a legal hold stands in it, or it operates the installation"}
}


class TenantBody(BaseModel):
    """A customer."""

    tenant_id: UUID
    slug: str = Field(examples=["acme"])
    name: str = Field(description="for people", examples=["Acme Ltd"])
    created_at: datetime


class TenantList(BaseModel):
    """Tenants, by their short names."""

    tenants: list[TenantBody]


class NewTenantRequest(Body):
    """A tenant to be added."""

    slug: str = Field(pattern=_SLUG, description="its short name, for good")
    name: str = Field("", max_length=200, description="for people")
    owner: str = Field("", max_length=200, description="a user to begin it with, its owner")


class NewTenantBody(BaseModel):
    """A tenant just made."""

    tenant: TenantBody
    owner: str = Field(examples=["ann"])
    secret: str = Field(
        description="the owner's API key, shown this once; empty without one", examples=["dk_…"]
    )


class ErasedBody(BaseModel):
    """What went with a tenant."""

    slug: str = Field(examples=["acme"])
    account_id: UUID = Field(description="the number under which its usage is kept")
    rows: int = Field(examples=[4800])
    jobs: int


class ActBody(BaseModel):
    """An act on the installation; it names no person."""

    at: datetime
    action: str = Field(examples=["tenants.write"])
    tenant: str
    outcome: str = Field(examples=["done"])
    request_id: str
    details: dict[str, Any]


class ActList(BaseModel):
    """Acts, newest first."""

    acts: list[ActBody]
    next: Next


class AccountBody(BaseModel):
    """What an erased tenant spent in a month on one deployment of a model."""

    account_id: UUID
    month: str = Field(description="year and month", examples=["2026-03"])
    model: str
    deployment: str = Field(examples=["fast-1"])
    calls: int
    input_tokens: int
    output_tokens: int
    cost: Amount = Field(description="US dollars")
    unpriced_calls: int


class AccountList(BaseModel):
    """By account, month and model."""

    accounts: list[AccountBody]


def add_tenants(routes: APIRouter, asker: Any) -> None:
    """Add the resources to a router; ``asker`` is the dependency that gives the desk."""
    _add_reading(routes, asker)
    _add_changing(routes, asker)


def _add_reading(routes: APIRouter, asker: Any) -> None:
    tags: list[Any] = ["tenants"]

    @routes.get(
        "/tenants",
        operation_id="listTenants",
        tags=tags,
        summary="Tenants, by name; for owners of an operating tenant",
    )
    async def tenants(desk: Desk = asker) -> TenantList:
        found = await desk.installation.tenants()
        return TenantList(tenants=[TenantBody.model_validate(one, from_attributes=True) for one in found])

    @routes.get(
        "/installation/acts",
        operation_id="listInstallationActs",
        tags=tags,
        summary="The newest acts on the installation: tenants created and erased; for owners of an operating tenant",
    )
    async def acts(
        desk: Desk = asker, limit: Annotated[int, Query(ge=1, le=1000)] = 100, before: Before = None
    ) -> ActList:
        found = await desk.installation.acts(limit=limit, before=place_of(before))
        return ActList(
            acts=[
                ActBody(
                    at=event.occurred_at,
                    action=event.action,
                    tenant=event.resource,
                    outcome=event.outcome,
                    request_id=event.correlation_id,
                    details=dict(event.details),
                )
                for event in found
            ],
            next=next_of(found, limit),
        )

    @routes.get(
        "/installation/accounts",
        operation_id="listClosedAccounts",
        tags=tags,
        summary="What erased tenants spent, by month and model; for owners of an operating tenant",
    )
    async def accounts(desk: Desk = asker) -> AccountList:
        found = [asdict(one) for one in await desk.installation.closed_accounts()]
        told = [AccountBody.model_validate({**one, "month": f"{one['month']:%Y-%m}"}) for one in found]
        return AccountList(accounts=told)

    @routes.get(
        "/tenants/{slug}",
        operation_id="getTenant",
        tags=tags,
        responses=_UNKNOWN,
        summary="One tenant; for owners of an operating tenant",
    )
    async def tenant(slug: Slug, desk: Desk = asker) -> TenantBody:
        return TenantBody.model_validate(await desk.installation.tenant(slug), from_attributes=True)


def _add_changing(routes: APIRouter, asker: Any) -> None:
    tags: list[Any] = ["tenants"]

    @routes.post(
        "/tenants",
        operation_id="createTenant",
        tags=tags,
        status_code=201,
        responses=_TAKEN,
        summary="Add a tenant, with its first owner where one is named; for owners of an operating tenant",
    )
    async def create(body: NewTenantRequest, desk: Desk = asker) -> NewTenantBody:
        made = await desk.installation.create(body.slug, name=body.name, owner=body.owner)
        return NewTenantBody.model_validate(made, from_attributes=True)

    @routes.delete(
        "/tenants/{slug}",
        operation_id="eraseTenant",
        tags=tags,
        responses={**_UNKNOWN, **_KEPT},
        summary="Erase a tenant with everything in it, which cannot be undone; for owners of an operating tenant",
    )
    async def erase(
        slug: Slug,
        confirm: Annotated[str, Query(max_length=63, description="its name again")],
        desk: Desk = asker,
    ) -> ErasedBody:
        gone = await desk.installation.erase(slug, confirm=confirm)
        return ErasedBody.model_validate(gone, from_attributes=True)
