"""Users, groups and API keys under ``/v1``."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Response
from pydantic import AwareDatetime, BaseModel, Field

from deskmind.api.schemas import Problem
from deskmind.api.strictness import Body
from deskmind.desk import Desk

__all__ = ["add_groups", "add_keys", "add_users"]

PrincipalName = Annotated[str, Field(min_length=1, max_length=200, description="printable", examples=["ann"])]
GroupNames = Annotated[list[PrincipalName], Field(max_length=100, examples=[["hr"]])]
_UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"model": Problem, "description": "no such user"}}
_TAKEN: dict[int | str, dict[str, Any]] = {409: {"model": Problem, "description": "the name is taken"}}


class UserBody(BaseModel):
    """A person or service that can act."""

    principal_id: UUID
    name: str
    display_name: str
    kind: Literal["user", "service"]
    role: Literal["operator", "member"] = Field(description="operator: oversees the tenant")
    groups: list[str]


class UserList(BaseModel):
    """Users, by name."""

    users: list[UserBody]


class NewUser(Body):
    """A user to be added."""

    name: PrincipalName
    display_name: str = Field("", max_length=200)
    kind: Literal["user", "service"] = "user"
    groups: GroupNames = Field(default_factory=list)
    role: Literal["operator", "member"] = Field(
        "member", description="operator: an admin, which only who is one may add"
    )


class Memberships(Body):
    """The groups of a user, all of them."""

    groups: GroupNames


class GroupBody(BaseModel):
    """A set of users that access is granted to."""

    principal_id: UUID
    name: str
    members: int


class GroupList(BaseModel):
    """Groups, by name."""

    groups: list[GroupBody]


class KeyBody(BaseModel):
    """An API key, without its secret."""

    key_id: UUID
    name: str
    user: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="to the minute")
    rotated_at: datetime | None = Field(description="when it got its secret, where not when it was made")
    previous_until: datetime | None = Field(description="until when the secret before is taken, too")


class KeyList(BaseModel):
    """API keys, oldest first."""

    keys: list[KeyBody]


class NewKey(Body):
    """A key to be made."""

    user: PrincipalName
    name: str = Field("", max_length=200, description="for people")
    expires_at: AwareDatetime | None = Field(None, examples=["2100-01-01T00:00:00Z"])


class MadeKey(BaseModel):
    """A key just made."""

    key_id: UUID
    user: str
    secret: str = Field(description="the whole key; it is never shown again", examples=["dk_…"])
    expires_at: datetime | None


class RotateKey(Body):
    """How long the old secret is taken."""

    overlap_hours: float = Field(24.0, ge=0, le=720, description="0 where it has leaked")


def add_users(routes: APIRouter, asker: Any) -> None:
    """Add the resources to a router; ``asker`` is the dependency that gives the desk."""
    tags: list[Any] = ["directory"]

    @routes.get("/users", operation_id="listUsers", tags=tags, summary="Users, by name; for operators")
    async def users(desk: Desk = asker) -> UserList:
        found = await desk.principals.users()
        return UserList(users=[UserBody.model_validate(one, from_attributes=True) for one in found])

    @routes.post(
        "/users",
        operation_id="addUser",
        tags=tags,
        status_code=201,
        responses=_TAKEN,
        summary="Add a user; groups that do not exist are made; for operators",
    )
    async def add(body: NewUser, desk: Desk = asker) -> UserBody:
        made = await desk.principals.add_user(
            body.name, groups=body.groups, display_name=body.display_name, kind=body.kind, role=body.role
        )
        return UserBody.model_validate(made, from_attributes=True)

    @routes.put(
        "/users/{name}/groups",
        operation_id="setUserGroups",
        tags=tags,
        responses={
            **_UNKNOWN,
            409: {"model": Problem, "description": "the tenant would be without an owner"},
        },
        summary="Replace a user's memberships; for operators",
    )
    async def set_groups(
        name: Annotated[str, Path(min_length=1, max_length=200)], body: Memberships, desk: Desk = asker
    ) -> UserBody:
        found = await desk.principals.set_groups(name, body.groups)
        return UserBody.model_validate(found, from_attributes=True)


def add_groups(routes: APIRouter, asker: Any) -> None:
    """Add the resources to a router; ``asker`` is the dependency that gives the desk."""
    tags: list[Any] = ["directory"]

    @routes.get("/groups", operation_id="listGroups", tags=tags, summary="Groups, by name; for operators")
    async def groups(desk: Desk = asker) -> GroupList:
        found = await desk.principals.groups()
        return GroupList(groups=[GroupBody.model_validate(one, from_attributes=True) for one in found])

    @routes.put(
        "/groups/{name}",
        operation_id="addGroup",
        tags=tags,
        status_code=204,
        summary="Make a group; nothing happens where it is; for operators",
    )
    async def add_group(
        name: Annotated[str, Path(min_length=1, max_length=200)], desk: Desk = asker
    ) -> Response:
        await desk.principals.add_group(name)
        return Response(status_code=204)


def add_keys(routes: APIRouter, asker: Any) -> None:
    """Add the resources to a router; ``asker`` is the dependency that gives the desk."""
    tags: list[Any] = ["directory"]

    @routes.get("/keys", operation_id="listKeys", tags=tags, summary="API keys, oldest first; for operators")
    async def keys(desk: Desk = asker) -> KeyList:
        found = await desk.keys.all()
        return KeyList(keys=[KeyBody.model_validate(one, from_attributes=True) for one in found])

    @routes.post(
        "/keys",
        operation_id="createKey",
        tags=tags,
        status_code=201,
        responses=_UNKNOWN,
        summary="Make an API key with which a user acts; its secret is shown this once; for operators",
    )
    async def create(body: NewKey, desk: Desk = asker) -> MadeKey:
        made = await desk.keys.create(body.user, name=body.name, expires_at=body.expires_at)
        return MadeKey.model_validate(made, from_attributes=True)

    @routes.post(
        "/keys/{key_id}/rotate",
        operation_id="rotateKey",
        tags=tags,
        responses={404: {"model": Problem, "description": "no such live key"}},
        summary="A new secret for an API key, shown this once; the old one is taken until the overlap is over; for operators",
    )
    async def rotate(key_id: UUID, body: RotateKey, desk: Desk = asker) -> MadeKey:
        made = await desk.keys.rotate(key_id, overlap_hours=body.overlap_hours)
        return MadeKey.model_validate(made, from_attributes=True)

    @routes.delete(
        "/keys/{key_id}",
        operation_id="revokeKey",
        tags=tags,
        status_code=204,
        responses={404: {"model": Problem, "description": "no such live key"}},
        summary="End an API key: here at once, on other replicas within a second; for operators",
    )
    async def revoke(key_id: UUID, desk: Desk = asker) -> Response:
        await desk.keys.revoke(key_id)
        return Response(status_code=204)
