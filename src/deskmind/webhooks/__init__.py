"""Webhooks out: what happens in Deskmind, told to other systems, signed, and tried again until it is taken.

``publish`` stores an event in the transaction of its act; jobs deliver it at least once, with one id; ``desk.webhooks``
(``deskmind.webhooks.service``) is where operators say who is told of what. ``verify`` is for the receiver, and needs nothing
else of Deskmind. The form is that of Standard Webhooks: ``webhook-id``, ``webhook-timestamp``, ``webhook-signature``.
"""

from deskmind.webhooks.events import EVENT_TYPES
from deskmind.webhooks.publishing import publish
from deskmind.webhooks.signing import ReceivedEvent, verify

__all__ = ["EVENT_TYPES", "ReceivedEvent", "publish", "verify"]
