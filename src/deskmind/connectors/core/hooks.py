"""Webhooks: whose call it is, and what it says has changed."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any, cast

from deskmind.connectors.model import Kind
from deskmind.connectors.protocol import Event
from deskmind.errors import AuthenticationError, InvalidRequestError

__all__ = ["payload", "signed_events", "verified"]

_HEADERS = ("x-hub-signature", "x-hub-signature-256", "x-deskmind-signature")


def verified(headers: Mapping[str, str], body: bytes, secret: str | None) -> None:
    """Check the HMAC-SHA-256 of the body; nothing is checked where no secret was agreed.

    Raises:
        AuthenticationError: it is missing or wrong.
    """
    if secret is None:
        return
    lowered = {name.lower(): value for name, value in headers.items()}
    given = next((lowered[name] for name in _HEADERS if name in lowered), "")
    wanted = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(given.removeprefix("sha256=").encode(), wanted.encode()):
        raise AuthenticationError(
            "The call is not signed as agreed.",
            why="Its signature is missing or does not fit its body.",
            remedy="Set the same secret here and at the vendor.",
        )


def payload(body: bytes) -> Mapping[str, Any]:
    """The JSON object of a call."""
    import orjson

    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidRequestError("The call holds no JSON.", remedy="Send a JSON object.") from error
    if not isinstance(value, dict):
        raise InvalidRequestError("The call holds no JSON object.", remedy="Send a JSON object.")
    return cast("dict[str, Any]", value)


def signed_events(headers: Mapping[str, str], body: bytes, secret: str | None) -> Sequence[Event]:
    """Events of the form ``{"kind": "ticket", "id": "…", "deleted": false}``, for vendors that send what they are told."""
    verified(headers, body, secret)
    value = payload(body)
    try:
        return [Event(Kind(value.get("kind", "ticket")), str(value["id"]), bool(value.get("deleted")))]
    except (KeyError, ValueError) as error:
        raise InvalidRequestError(
            "The call does not say what has changed.",
            remedy="Send 'kind' and 'id'; the vendor's page has the form.",
        ) from error
