"""Webhooks and deliveries as they are shown."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

__all__ = ["Delivery", "DeliveryState", "NewWebhook", "Webhook"]

DeliveryState = Literal["pending", "delivered", "dead"]
"""``dead``: it was not taken in ``webhooks.give_up_hours``; it is kept, and can be replayed."""

Disabled = Literal["", "person", "failing", "gone"]


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that is told of events, without its secret.

    Attributes:
        webhook_id: its id.
        url: where events are sent.
        types: what it wants: types of events, ``run.*``, ``*``.
        description: for people.
        active: whether anything is sent.
        disabled_because: ``person``; ``failing`` for ``webhooks.disable_days``; ``gone``: the target answered 410.
        old_secret_until: until then the secret before signs too.
        failing_since: the first attempt that failed since one was accepted; None where nothing waits.
        created_at, changed_at: when.
    """

    webhook_id: UUID
    url: str
    types: list[str]
    description: str
    active: bool
    disabled_because: Disabled
    old_secret_until: datetime | None
    failing_since: datetime | None
    created_at: datetime
    changed_at: datetime

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {name: _json(value) for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """A webhook with a secret that is shown this once."""

    webhook: Webhook
    secret: str

    def __repr__(self) -> str:
        return f"NewWebhook({self.webhook!r}, secret=…)"

    def as_dict(self) -> dict[str, Any]:
        """As JSON values, the secret included."""
        return {**self.webhook.as_dict(), "secret": self.secret}


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way to a webhook.

    Attributes:
        delivery_id: its id.
        webhook_id: where it goes.
        event_id: what the receiver knows it by; the same in each attempt and replay.
        type: of the event.
        state: where it stands.
        attempts: how many were begun.
        due_at: of the next attempt; of one that is under way, when it is given up.
        status: HTTP's, of the last attempt; None without an answer.
        problem: what came of the last attempt, where it was not accepted.
        milliseconds: of the last attempt.
        attempted_at, settled_at, created_at: when.
    """

    delivery_id: UUID
    webhook_id: UUID
    event_id: UUID
    type: str
    state: DeliveryState
    attempts: int
    due_at: datetime | None
    status: int | None
    problem: str
    milliseconds: int | None
    attempted_at: datetime | None
    settled_at: datetime | None
    created_at: datetime

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {name: _json(value) for name, value in asdict(self).items()}


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value
