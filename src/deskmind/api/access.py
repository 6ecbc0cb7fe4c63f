"""Roles, grants and the policy under ``/v1``."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from pydantic import AwareDatetime, BaseModel, Field

from deskmind.api.schemas import Problem
from deskmind.api.strictness import Body
from deskmind.desk import Desk
from deskmind.governance.access import Permission
from deskmind.governance.access.service import SavedPolicy

__all__ = ["add_access"]


class DecisionBody(BaseModel):
    """Whether somebody may do something, and why."""

    allowed: bool
    permission: str = Field(examples=["knowledge:ask"])
    because: list[str] = Field(examples=[["role requester granted to user ann"]])


class RoleBody(Body):
    """What a role of the tenant's own permits."""

    permissions: list[Annotated[str, Field(max_length=100)]] = Field(
        min_length=1, max_length=200, examples=[["audit:read", "budgets:*"]]
    )
    description: str = Field("", max_length=500)


class RoleState(BaseModel):
    """A role."""

    name: str
    built_in: bool
    permissions: list[str]
    description: str


class RoleList(BaseModel):
    """The built-in roles and the tenant's own."""

    roles: list[RoleState]


class GrantBody(Body):
    """A role for one of a user, a group and an API key."""

    role: str = Field(max_length=63, examples=["technician"])
    user: str | None = Field(None, max_length=200)
    group: str | None = Field(None, max_length=200)
    key: UUID | None = None
    until: AwareDatetime | None = Field(None, description="when it ends")
    reason: str = Field("", max_length=500)


class GrantState(BaseModel):
    """A grant just made."""

    grant_id: UUID
    role: str
    kind: str = Field(examples=["user"])
    holder: str
    granted_at: datetime
    until: datetime | None


class ReviewBody(BaseModel):
    """One role of one holder."""

    kind: str = Field(description="user, service, group or key")
    holder: str
    role: str
    via: str = Field(description="the group that has the role; of a key, its user")
    permissions: list[str]
    since: datetime
    until: datetime | None
    granted_by: str
    reason: str
    last_used: datetime | None = Field(description="of the holder's API keys, where known")
    disabled: bool


class Review(BaseModel):
    """Who may do what."""

    grants: list[ReviewBody]


class PolicyBody(Body):
    """Policies in Cedar; an empty text switches them off."""

    text: str = Field(max_length=200_000)


class PolicyState(BaseModel):
    """The tenant's policy."""

    version: int
    text: str
    saved_at: datetime | None
    policies: list[str]


class PolicySchema(BaseModel):
    """What policies may go by."""

    cedar: str


Name = Annotated[str, Path(min_length=1, max_length=63)]
Holder = Annotated[str | None, Query(min_length=1, max_length=200)]


def add_access(routes: APIRouter, asker: Any) -> None:
    """Add the resources to a router; ``asker`` is the dependency that gives the desk."""
    _add_decisions(routes, asker)
    _add_roles(routes, asker)
    _add_grants(routes, asker)
    _add_policy(routes, asker)


def _add_decisions(routes: APIRouter, asker: Any) -> None:
    @routes.get(
        "/access/check",
        operation_id="checkAccess",
        tags=["access"],
        summary="Whether one, or a user, may do something, and why",
        responses={404: {"model": Problem, "description": "no such user"}},
    )
    async def check_access(
        permission: Annotated[
            str,
            Query(min_length=3, max_length=100, json_schema_extra={"enum": [one.code for one in Permission]}),
        ],
        desk: Desk = asker,
        user: Holder = None,
    ) -> DecisionBody:
        found = await (
            desk.access.check(permission) if user is None else desk.access.check_of(user, permission)
        )
        return DecisionBody(allowed=found.allowed, permission=found.permission, because=found.because)

    @routes.get(
        "/access/review", operation_id="reviewAccess", tags=["access"], summary="Who may do what, and why"
    )
    async def review_access(desk: Desk = asker) -> Review:
        return Review(grants=[ReviewBody(**line.as_dict()) for line in await desk.access.review()])


def _add_roles(routes: APIRouter, asker: Any) -> None:
    @routes.get("/roles", operation_id="listRoles", tags=["access"], summary="List roles")
    async def list_roles(desk: Desk = asker) -> RoleList:
        return RoleList(
            roles=[
                RoleState(
                    name=role.name,
                    built_in=role.built_in,
                    permissions=list(role.permissions),
                    description=role.description,
                )
                for role in await desk.access.roles()
            ]
        )

    @routes.put(
        "/roles/{name}",
        operation_id="defineRole",
        tags=["access"],
        status_code=204,
        summary="Make or replace a role of the tenant's own",
    )
    async def define_role(name: Name, body: RoleBody, desk: Desk = asker) -> Response:
        await desk.access.define_role(name, body.permissions, description=body.description)
        return Response(status_code=204)

    @routes.delete(
        "/roles/{name}",
        operation_id="deleteRole",
        tags=["access"],
        status_code=204,
        summary="Remove a role that nobody has",
        responses={
            404: {"model": Problem, "description": "no such role of the tenant's own"},
            409: {"model": Problem, "description": "somebody has it"},
        },
    )
    async def delete_role(name: Name, desk: Desk = asker) -> Response:
        await desk.access.delete_role(name)
        return Response(status_code=204)


def _add_grants(routes: APIRouter, asker: Any) -> None:
    unknown: dict[int | str, dict[str, Any]] = {
        404: {"model": Problem, "description": "no such role, user, group or key"},
        409: {"model": Problem, "description": "the tenant would be without an owner"},
    }

    @routes.post(
        "/grants",
        operation_id="grantRole",
        tags=["access"],
        status_code=201,
        responses=unknown,
        summary="Give a role",
    )
    async def grant_role(body: GrantBody, desk: Desk = asker) -> GrantState:
        given = await desk.access.grant(**body.model_dump())
        return GrantState(
            grant_id=given.grant_id,
            role=given.role,
            kind=given.kind,
            holder=given.holder,
            granted_at=given.granted_at,
            until=given.until,
        )

    @routes.delete(
        "/grants",
        operation_id="revokeRole",
        tags=["access"],
        status_code=204,
        summary="Take a role from one of a user, a group and an API key",
        responses=unknown,
    )
    async def revoke_role(
        role: Annotated[str, Query(min_length=1, max_length=63)],
        desk: Desk = asker,
        user: Holder = None,
        group: Holder = None,
        key: UUID | None = None,
    ) -> Response:
        await desk.access.revoke(role, user=user, group=group, key=key)
        return Response(status_code=204)


def _add_policy(routes: APIRouter, asker: Any) -> None:
    @routes.get("/access/policy", operation_id="getPolicy", tags=["access"], summary="The tenant's policy")
    async def get_policy(desk: Desk = asker) -> PolicyState:
        return _state(await desk.access.policy())

    @routes.put(
        "/access/policy", operation_id="setPolicy", tags=["access"], summary="Check and save a policy"
    )
    async def set_policy(body: PolicyBody, desk: Desk = asker) -> PolicyState:
        return _state(await desk.access.set_policy(body.text))

    @routes.get(
        "/access/policy/schema",
        operation_id="getPolicySchema",
        tags=["access"],
        summary="What policies may go by",
    )
    async def get_policy_schema(desk: Desk = asker) -> PolicySchema:
        return PolicySchema(cedar=await desk.access.policy_schema())


def _state(saved: SavedPolicy) -> PolicyState:
    return PolicyState(
        version=saved.version, text=saved.text, saved_at=saved.saved_at, policies=list(saved.names)
    )
