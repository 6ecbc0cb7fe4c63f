"""Signatures after Standard Webhooks: HMAC-SHA256 over the id, the time and the body, in base64."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import secrets as randomness
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from deskmind.errors import AuthenticationError, ConfigurationError

__all__ = ["ReceivedEvent", "key_of", "new_secret", "sign", "signed_headers", "verify"]

_PREFIX: Final = "whsec_"
_KEY_BYTES = 32
_MOST_SIGNATURES = 20
TOLERANCE_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """An event that was verified.

    Attributes:
        id: the same each time the event is sent: what has been seen before can be left out.
        type: such as ``run.failed``.
        sent_at: when this attempt was signed, in seconds since 1970.
        body: all of it.
    """

    id: str
    type: str
    sent_at: int
    body: Mapping[str, Any]

    @property
    def data(self) -> Mapping[str, Any]:
        """Identifiers, kinds, counts and a link."""
        return self.body.get("data", {})


def verify(
    body: bytes,
    headers: Mapping[str, str],
    secrets: str | Sequence[str],
    *,
    tolerance: float = TOLERANCE_SECONDS,
    now: float | None = None,
) -> ReceivedEvent:
    """Accept an event that was sent here and now by who has the secret, and no other.

    >>> event = verify(await request.body(), request.headers, "whsec_…")

    Args:
        body: as it was received, byte for byte.
        headers: of the request; the case of names does not matter.
        secrets: the webhook's, or several while it is rotated.
        tolerance: seconds that the sender's clock may differ from this one's, transport included.
        now: seconds since 1970; the clock's when left out.

    Raises:
        AuthenticationError: it was not signed with one of the secrets, was changed, or is too old or from the future.
        ConfigurationError: a secret is not of the form ``whsec_`` and base64.
    """
    found = {name.lower(): value for name, value in headers.items()}
    identity, moment, given = (found.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    keys = [key_of(one) for one in ([secrets] if isinstance(secrets, str) else secrets)]
    if not identity or not given or not (moment.isascii() and moment.isdigit()) or len(moment) > 12:
        raise _refused("It lacks webhook-id, webhook-timestamp or webhook-signature.")
    if abs((time.time() if now is None else now) - int(moment)) > tolerance:
        raise _refused(f"It was signed more than {tolerance:g} seconds ago, or ahead.")
    expected = [sign(key, identity, int(moment), body).encode() for key in keys]
    shown = [one.encode("utf-8", "backslashreplace") for one in given.split()[:_MOST_SIGNATURES]]
    if not any(hmac.compare_digest(one, right) for one in shown for right in expected):
        raise _refused("No signature is that of the secret over this body.")
    return _received(identity, int(moment), body)


def sign(key: bytes, identity: str, moment: int, body: bytes) -> str:
    """``v1,`` and the signature.

    Args:
        key: as ``key_of`` a secret gives it.
        identity: of the event.
        moment: seconds since 1970.
        body: as it is sent.
    """
    signed = hmac.digest(key, f"{identity}.{moment}.".encode("utf-8", "backslashreplace") + body, "sha256")
    return f"v1,{base64.b64encode(signed).decode()}"


def signed_headers(keys: Sequence[bytes], identity: str, moment: int, body: bytes) -> dict[str, str]:
    """The three headers; each key signs."""
    return {
        "webhook-id": identity,
        "webhook-timestamp": str(moment),
        "webhook-signature": " ".join(sign(key, identity, moment, body) for key in keys),
    }


def new_secret() -> str:
    """``whsec_`` and 32 random bytes in base64."""
    return _PREFIX + base64.b64encode(randomness.token_bytes(_KEY_BYTES)).decode()


def key_of(secret: str) -> bytes:
    """The key that a secret stands for.

    Raises:
        ConfigurationError: it is not of the form ``whsec_`` and base64.
    """
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise ConfigurationError(
            "The webhook's secret cannot be used.", why="It is not of the form whsec_ and base64."
        )
    return key


def _received(identity: str, moment: int, body: bytes) -> ReceivedEvent:
    try:
        read: Any = json.loads(body)
        return ReceivedEvent(identity, str(read["type"]), moment, read)
    except (ValueError, KeyError, TypeError):
        raise _refused("It was signed rightly, and is no event.") from None


def _refused(why: str) -> AuthenticationError:
    return AuthenticationError("The webhook was not accepted.", why=why, remedy="Answer with status 401.")
