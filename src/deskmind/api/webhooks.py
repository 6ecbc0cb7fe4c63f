"""``/v1/webhooks``: who is told of what happens, and what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, BaseModel, Field

from deskmind.api.cursors import Before, cursor_of, place_of
from deskmind.api.schemas import Problem
from deskmind.api.strictness import Body
from deskmind.desk import Desk
from deskmind.governance.access import Permission, authorize
from deskmind.webhooks import EVENT_TYPES

__all__ = ["add_webhooks"]

_State = Literal["pending", "delivered", "dead"]
_Pattern = Annotated[str, Field(max_length=100)]
_NO_WEBHOOK: dict[int | str, dict[str, Any]] = {404: {"model": Problem, "description": "no such webhook"}}
_NO_DELIVERY: dict[int | str, dict[str, Any]] = {404: {"model": Problem, "description": "no such delivery"}}
_DISABLED: dict[int | str, dict[str, Any]] = {
    409: {"model": Problem, "description": "the webhook is disabled"}
}


class AddWebhook(Body):
    """An address that is to be told of events."""

    url: str = Field(
        max_length=2000, description="of https, in public networks, or a host the installation allows"
    )
    types: list[_Pattern] = Field(
        default=["*"],
        min_length=1,
        max_length=100,
        description="of events; run.* for all that begin so, * for all",
    )
    description: str = Field("", max_length=500)


class ChangeWebhook(Body):
    """What is to be different; what is left out stays."""

    url: str | None = Field(None, max_length=2000)
    types: list[_Pattern] | None = Field(None, min_length=1, max_length=100)
    description: str | None = Field(None, max_length=500)


class RotateSecret(Body):
    """For how long both secrets sign."""

    overlap_hours: float = Field(24.0, ge=0, le=720, description="0 where the old one has leaked")


class ReplayDead(Body):
    """Which dead letters are to be sent again."""

    since: AwareDatetime = Field(description="those that were given up from then on")


class WebhookBody(BaseModel):
    """A webhook, without its secret."""

    webhook_id: UUID
    url: str
    types: list[str]
    description: str
    active: bool
    disabled_because: Literal["", "person", "failing", "gone"]
    old_secret_until: datetime | None = Field(description="until then the secret before signs too")
    failing_since: datetime | None = Field(
        description="the first attempt that failed since one was accepted; none where nothing waits"
    )
    created_at: datetime
    changed_at: datetime


class NewWebhookBody(WebhookBody):
    """A webhook with its secret, which is not shown again."""

    secret: str = Field(description="whsec_ and base64, as Standard Webhooks has it")


class WebhookList(BaseModel):
    """Webhooks, the oldest first."""

    webhooks: list[WebhookBody]


class EventTypeBody(BaseModel):
    """A type of event."""

    type: str
    says: str


class EventTypeList(BaseModel):
    """The types there are."""

    types: list[EventTypeBody]


class DeliveryBody(BaseModel):
    """An event on its way to a webhook."""

    delivery_id: UUID
    webhook_id: UUID
    event_id: UUID = Field(description="the webhook-id header; the same in each attempt and replay")
    type: str
    state: _State
    attempts: int
    due_at: datetime | None = Field(description="of the next attempt")
    status: int | None = Field(description="HTTP's, of the last attempt")
    problem: str
    milliseconds: int | None
    attempted_at: datetime | None
    settled_at: datetime | None
    created_at: datetime


class DeliveryList(BaseModel):
    """One page, the newest first; ``next`` continues it as ``before``."""

    deliveries: list[DeliveryBody]
    next: str | None = None


class ReplayedBody(BaseModel):
    """How many are sent again; 10,000 at most, then ask again."""

    replayed: int


def add_webhooks(routes: APIRouter, asker: Any) -> None:
    """Add the resources to a router; ``asker`` is the dependency that gives the desk."""
    _add_reading(routes, asker)
    _add_changing(routes, asker)
    _add_switching(routes, asker)
    _add_deliveries(routes, asker)


def _add_reading(routes: APIRouter, asker: Any) -> None:
    tags: list[Any] = ["webhooks"]

    @routes.get("/webhooks", operation_id="listWebhooks", tags=tags, summary="Webhooks; for operators")
    async def webhooks(desk: Desk = asker) -> WebhookList:
        found = await desk.webhooks.all()
        return WebhookList.model_validate({"webhooks": [one.as_dict() for one in found]})

    @routes.get(
        "/webhooks/types",
        operation_id="listEventTypes",
        tags=tags,
        summary="The types of events that webhooks can be told of",
    )
    async def types(desk: Desk = asker) -> EventTypeList:
        authorize(desk.scope, Permission.WEBHOOKS_READ)  # the list is the same for all who may have a webhook
        return EventTypeList(
            types=[EventTypeBody(type=name, says=text) for name, text in EVENT_TYPES.items()]
        )

    @routes.get(
        "/webhooks/{webhook_id:uuid}",
        operation_id="getWebhook",
        tags=tags,
        responses=_NO_WEBHOOK,
        summary="A webhook, without its secret",
    )
    async def webhook(webhook_id: UUID, desk: Desk = asker) -> WebhookBody:
        return WebhookBody.model_validate((await desk.webhooks.get(webhook_id)).as_dict())


def _add_changing(routes: APIRouter, asker: Any) -> None:
    tags: list[Any] = ["webhooks"]

    @routes.post(
        "/webhooks",
        operation_id="addWebhook",
        tags=tags,
        status_code=201,
        responses={409: {"model": Problem, "description": "the tenant has as many as it may"}},
        summary="Have an address be told of events; the secret is shown this once",
    )
    async def add(body: AddWebhook, desk: Desk = asker) -> NewWebhookBody:
        made = await desk.webhooks.add(body.url, body.types, description=body.description)
        return NewWebhookBody.model_validate(made.as_dict())

    @routes.patch(
        "/webhooks/{webhook_id:uuid}",
        operation_id="changeWebhook",
        tags=tags,
        responses=_NO_WEBHOOK,
        summary="Change the address, the types or the description",
    )
    async def change(webhook_id: UUID, body: ChangeWebhook, desk: Desk = asker) -> WebhookBody:
        found = await desk.webhooks.change(
            webhook_id, url=body.url, types=body.types, description=body.description
        )
        return WebhookBody.model_validate(found.as_dict())

    @routes.delete(
        "/webhooks/{webhook_id:uuid}",
        operation_id="deleteWebhook",
        tags=tags,
        status_code=204,
        responses=_NO_WEBHOOK,
        summary="Delete a webhook with its deliveries",
    )
    async def delete(webhook_id: UUID, desk: Desk = asker) -> Response:
        await desk.webhooks.remove(webhook_id)
        return Response(status_code=204)

    @routes.post(
        "/webhooks/{webhook_id:uuid}/rotate",
        operation_id="rotateWebhookSecret",
        tags=tags,
        responses=_NO_WEBHOOK,
        summary="A new secret, shown this once; both sign until the overlap is over",
    )
    async def rotate(webhook_id: UUID, body: RotateSecret, desk: Desk = asker) -> NewWebhookBody:
        made = await desk.webhooks.rotate(webhook_id, overlap_hours=body.overlap_hours)
        return NewWebhookBody.model_validate(made.as_dict())


def _add_switching(routes: APIRouter, asker: Any) -> None:
    tags: list[Any] = ["webhooks"]

    @routes.post(
        "/webhooks/{webhook_id:uuid}/enable",
        operation_id="enableWebhook",
        tags=tags,
        responses=_NO_WEBHOOK,
        summary="Send again, what waits first",
    )
    async def enable(webhook_id: UUID, desk: Desk = asker) -> WebhookBody:
        return WebhookBody.model_validate((await desk.webhooks.enable(webhook_id)).as_dict())

    @routes.post(
        "/webhooks/{webhook_id:uuid}/disable",
        operation_id="disableWebhook",
        tags=tags,
        responses=_NO_WEBHOOK,
        summary="Send nothing more",
    )
    async def disable(webhook_id: UUID, desk: Desk = asker) -> WebhookBody:
        return WebhookBody.model_validate((await desk.webhooks.disable(webhook_id)).as_dict())

    @routes.post(
        "/webhooks/{webhook_id:uuid}/test",
        operation_id="testWebhook",
        tags=tags,
        status_code=202,
        responses={**_NO_WEBHOOK, **_DISABLED},
        summary="Have a worker send a test event; its delivery",
    )
    async def test(webhook_id: UUID, desk: Desk = asker) -> DeliveryBody:
        return DeliveryBody.model_validate((await desk.webhooks.test(webhook_id)).as_dict())


def _add_deliveries(routes: APIRouter, asker: Any) -> None:
    tags: list[Any] = ["webhooks"]

    @routes.get(
        "/webhooks/{webhook_id:uuid}/deliveries",
        operation_id="listDeliveries",
        tags=tags,
        responses=_NO_WEBHOOK,
        summary="What was sent to a webhook or waits, newest first",
    )
    async def deliveries(
        webhook_id: UUID,
        state: _State | None = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        before: Before = None,
        desk: Desk = asker,
    ) -> DeliveryList:
        found = await desk.webhooks.deliveries(webhook_id, state=state, before=place_of(before), limit=limit)
        more = cursor_of((found[-1].created_at, found[-1].delivery_id)) if len(found) == limit else None
        return DeliveryList.model_validate({"deliveries": [one.as_dict() for one in found], "next": more})

    @routes.get(
        "/deliveries/{delivery_id}",
        operation_id="getDelivery",
        tags=tags,
        responses=_NO_DELIVERY,
        summary="What became of an event on its way to a webhook",
    )
    async def delivery(delivery_id: UUID, desk: Desk = asker) -> DeliveryBody:
        return DeliveryBody.model_validate((await desk.webhooks.delivery(delivery_id)).as_dict())

    @routes.post(
        "/deliveries/{delivery_id}/replay",
        operation_id="replayDelivery",
        tags=tags,
        status_code=202,
        responses={**_NO_DELIVERY, **_DISABLED},
        summary="Have an event be sent again, with the id it has",
    )
    async def replay(delivery_id: UUID, desk: Desk = asker) -> DeliveryBody:
        return DeliveryBody.model_validate((await desk.webhooks.replay(delivery_id)).as_dict())

    @routes.post(
        "/webhooks/{webhook_id:uuid}/replay",
        operation_id="replayDeadLetters",
        tags=tags,
        status_code=202,
        responses={**_NO_WEBHOOK, **_DISABLED},
        summary="Have the dead letters of a webhook be sent again, the oldest first",
    )
    async def replay_dead(webhook_id: UUID, body: ReplayDead, desk: Desk = asker) -> ReplayedBody:
        count = await desk.webhooks.replay_dead(body.since, webhook_id=webhook_id)
        return ReplayedBody(replayed=count)
