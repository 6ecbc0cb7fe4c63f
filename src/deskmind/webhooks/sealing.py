"""Secrets at rest: encrypted under a key that is not in the database, for one webhook alone."""

from __future__ import annotations

import os
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from deskmind.errors import KeyringError
from deskmind.keyring import Keyring

__all__ = ["open_secret", "seal_secret"]

_PURPOSE = "content-encryption"
_VERSION = 4
_NONCE = 12


def seal_secret(keyring: Keyring, tenant_id: UUID, webhook_id: UUID, secret: str) -> bytes:
    """Key version (4 bytes), nonce (12), AES-256-GCM of the secret."""
    version = keyring.current(_PURPOSE).version
    about, nonce = tenant_id.bytes + webhook_id.bytes, os.urandom(_NONCE)
    return (
        version.to_bytes(_VERSION) + nonce + _cipher(keyring, version).encrypt(nonce, secret.encode(), about)
    )


def open_secret(keyring: Keyring, tenant_id: UUID, webhook_id: UUID, sealed: bytes) -> str:
    """What ``seal_secret`` sealed.

    Raises:
        KeyringError: the key was retired, or the value was sealed for another webhook or changed.
    """
    nonce, content = sealed[_VERSION : _VERSION + _NONCE], sealed[_VERSION + _NONCE :]
    about = tenant_id.bytes + webhook_id.bytes
    try:
        cipher = _cipher(keyring, int.from_bytes(sealed[:_VERSION]))
        return cipher.decrypt(nonce, content, about).decode()
    except (InvalidTag, ValueError) as error:
        raise KeyringError(
            "The secret of the webhook cannot be opened.",
            why="It was sealed with another keyring, for another webhook, or was changed.",
            remedy="Make a new one with `deskmind webhooks rotate`, and give it to the receiver.",
        ) from error


def _cipher(keyring: Keyring, version: int) -> AESGCM:
    return AESGCM(keyring.get(_PURPOSE, version).derive(b"webhook"))
