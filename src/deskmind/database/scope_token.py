"""Signing scopes so that SQL cannot forge them.

A token is ten fields joined by dots: ``v1``, key version, tenant, principal, groups, act, backend pid,
expiry (epoch seconds), nonce, HMAC-SHA-256 of all before it. The pid ties it to one server process, so that a
token overheard elsewhere is of no use. ``scope_claims()`` in the database verifies it.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable

from deskmind.keyring import Key
from deskmind.scope import Scope

__all__ = ["ScopeSigner", "hmac_pads"]

_LIFETIME_SECONDS = 3600


def hmac_pads(secret: bytes) -> tuple[bytes, bytes]:
    """The inner and outer key blocks of HMAC (RFC 2104), 64 bytes each, for a verifier that has only SHA-256."""
    block = (hashlib.sha256(secret).digest() if len(secret) > 64 else secret).ljust(64, b"\0")
    return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)


class ScopeSigner:
    """Signs a scope for one server process.

    Args:
        key: the key, or what tells the current one at each signature, so that a rotated key is used at once.
        lifetime: seconds a token is accepted.
    """

    def __init__(self, key: Key | Callable[[], Key], *, lifetime: int = _LIFETIME_SECONDS) -> None:
        self._key = key
        self._lifetime = lifetime

    def sign(self, scope: Scope, backend_pid: int) -> str:
        """The token for ``scope`` in the server process ``backend_pid``."""
        key = self._key if isinstance(self._key, Key) else self._key()
        body = ".".join(
            (
                "v1",
                str(key.version),
                scope.tenant_id.hex,
                scope.principal_id.hex,
                ",".join(group.hex for group in scope.groups),
                scope.act,
                str(backend_pid),
                str(int(time.time()) + self._lifetime),
                secrets.token_hex(8),
            )
        )
        return f"{body}.{key.mac(body.encode()).hex()}"
