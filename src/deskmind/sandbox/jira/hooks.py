"""Webhooks: registered by an administrator or an app, signed, and handed to whoever delivers them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

LIFETIME = timedelta(days=30)
EVENTS = (
    "jira:issue_created",
    "jira:issue_updated",
    "jira:issue_deleted",
    "comment_created",
    "comment_updated",
    "comment_deleted",
    "worklog_created",
    "attachment_created",
    "user_created",
    "user_updated",
    "user_deleted",
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One POST to be made; the sender repeats it with `X-Atlassian-Webhook-Retry` counted up."""

    url: str
    headers: dict[str, str]
    body: bytes


Send = Callable[[Delivery], None]


@dataclass(frozen=True, slots=True)
class Hook:
    """A registration. With a `client` it was made by an app: it expires and is signed with a token."""

    id: int
    url: str
    name: str
    events: tuple[str, ...]
    jql: str = ""
    secret: str = ""
    client: str = ""
    expires: datetime | None = None
    enabled: bool = True
    exclude_body: bool = False


@dataclass
class Hooks:
    """The site's webhooks. `send` takes a delivery away and returns at once."""

    clock: Callable[[], datetime]
    send: Send
    registered: dict[int, Hook] = field(default_factory=dict[int, Hook])
    _last: int = 0

    def add(self, **given: Any) -> Hook:
        """Registers a webhook."""
        self._last += 1
        hook = Hook(id=self._last, **given)
        self.registered[hook.id] = hook
        return hook

    def alive(self) -> list[Hook]:
        """The webhooks that have not expired."""
        now = self.clock()
        return [
            hook
            for hook in self.registered.values()
            if hook.enabled and (hook.expires is None or hook.expires > now)
        ]

    def fire(self, event: str, body: dict[str, Any], matches: Callable[[str], bool]) -> None:
        """Sends an event to each webhook that asked for it and whose JQL finds the issue."""
        moment = int(self.clock().timestamp() * 1000)
        by_address: dict[tuple[str, str], list[Hook]] = {}
        for hook in self.alive():
            if event in hook.events and (not hook.jql or matches(hook.jql)):
                by_address.setdefault((hook.url, hook.client), []).append(hook)
        for hooks in by_address.values():
            self.send(_delivery(hooks, {"timestamp": moment, "webhookEvent": event} | body))


def _delivery(hooks: list[Hook], body: dict[str, Any]) -> Delivery:
    first = hooks[0]
    if first.client:
        body |= {"matchedWebhookIds": [hook.id for hook in hooks]}
    content = b"" if first.exclude_body else json.dumps(body).encode()
    headers = {
        "Content-Type": "application/json; charset=UTF-8",
        "User-Agent": "Atlassian Webhook HTTP Client",
        "X-Atlassian-Webhook-Identifier": str(uuid.uuid4()),
        "X-Atlassian-Webhook-Flow": "Primary",
    }
    if first.client:
        headers["Authorization"] = "Bearer " + _token(first.client, first.secret)
    elif first.secret:
        signature = hmac.new(first.secret.encode(), content, hashlib.sha256).hexdigest()
        headers["X-Hub-Signature"] = f"sha256={signature}"
    return Delivery(first.url, headers, content)


def _token(client: str, secret: str) -> str:
    """A JSON web token, HS256, as apps verify it with their client secret."""
    head = _encoded(b'{"typ":"JWT","alg":"HS256"}')
    claims = _encoded(json.dumps({"iss": client}).encode())
    signature = hmac.new(secret.encode(), f"{head}.{claims}".encode(), hashlib.sha256).digest()
    return f"{head}.{claims}.{_encoded(signature)}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
