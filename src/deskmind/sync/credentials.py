"""Credentials at rest: a key of their own each, which the keyring's key wraps."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from deskmind.errors import KeyringError
from deskmind.keyring import Keyring

__all__ = ["open_credentials", "seal_credentials"]

_PURPOSE = "content-encryption"
_NONCE = 12
_WRAPPED = _NONCE + 32 + 16


def seal_credentials(
    keyring: Keyring, tenant_id: UUID, connection_id: UUID, values: Mapping[str, str]
) -> bytes:
    """Key version (4 bytes), the data key wrapped (60), nonce (12), AES-256-GCM of the JSON."""
    about = tenant_id.bytes + connection_id.bytes
    version = keyring.current(_PURPOSE).version
    key = AESGCM.generate_key(256)
    outer, inner = os.urandom(_NONCE), os.urandom(_NONCE)
    wrapped = outer + _wrapper(keyring, version, about).encrypt(outer, key, about)
    return (
        version.to_bytes(4)
        + wrapped
        + inner
        + AESGCM(key).encrypt(inner, json.dumps(dict(values)).encode(), about)
    )


def open_credentials(keyring: Keyring, tenant_id: UUID, connection_id: UUID, sealed: bytes) -> dict[str, str]:
    """What ``seal_credentials`` sealed.

    Raises:
        KeyringError: the key was retired, or the sealed value belongs to another connection or was changed.
    """
    about = tenant_id.bytes + connection_id.bytes
    wrapped, content = sealed[4 : 4 + _WRAPPED], sealed[4 + _WRAPPED :]
    try:
        wrapper = _wrapper(keyring, int.from_bytes(sealed[:4]), about)
        key = wrapper.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], about)
        return json.loads(AESGCM(key).decrypt(content[:_NONCE], content[_NONCE:], about))
    except (InvalidTag, ValueError) as error:
        raise KeyringError(
            "The credentials of the connection cannot be opened.",
            why="They were sealed with another keyring, for another connection, or were changed.",
            remedy="Give them again with `deskmind connect add --replace`.",
        ) from error


def _wrapper(keyring: Keyring, version: int, about: bytes) -> AESGCM:
    return AESGCM(keyring.get(_PURPOSE, version).derive(b"connection:" + about))
