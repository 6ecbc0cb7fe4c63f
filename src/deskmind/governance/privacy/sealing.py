"""Who an erasure is about, encrypted while it runs, so that another worker can go on with it."""

from __future__ import annotations

import json
import os
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from deskmind.governance.privacy.identifiers import Identifier
from deskmind.governance.privacy.stores import Owned, Subject
from deskmind.keyring import Keyring
from deskmind.scope import Scope

__all__ = ["open_subject", "seal_subject"]

_PURPOSE = "content-encryption"
_NONCE = 12


def seal_subject(keyring: Keyring, erasure_id: UUID, subject: Subject) -> bytes:
    """The subject under the keyring's key: key version (4 bytes), nonce (12), AES-256-GCM."""
    content = {
        "principal_id": str(subject.principal_id) if subject.principal_id is not None else None,
        "name": subject.name,
        "identifiers": [[identifier.value, identifier.kind] for identifier in subject.identifiers],
        "alias": str(subject.alias),
        "spoken": sorted(subject.spoken),
    }
    version = keyring.current(_PURPOSE).version
    nonce = os.urandom(_NONCE)
    cipher = _cipher(keyring, version, erasure_id)
    return version.to_bytes(4) + nonce + cipher.encrypt(nonce, json.dumps(content).encode(), erasure_id.bytes)


def open_subject(keyring: Keyring, scope: Scope, erasure_id: UUID, sealed: bytes, owned: Owned) -> Subject:
    """What ``seal_subject`` sealed.

    Raises:
        KeyringError: the key was retired meanwhile.
    """
    nonce = sealed[4 : 4 + _NONCE]
    cipher = _cipher(keyring, int.from_bytes(sealed[:4]), erasure_id)
    content = json.loads(cipher.decrypt(nonce, sealed[4 + _NONCE :], erasure_id.bytes))
    return Subject(
        scope,
        UUID(content["principal_id"]) if content["principal_id"] else None,
        content["name"],
        tuple(Identifier(value, kind) for value, kind in content["identifiers"]),
        UUID(content["alias"]),
        owned,
        frozenset(content["spoken"]),
    )


def _cipher(keyring: Keyring, version: int, erasure_id: UUID) -> AESGCM:
    return AESGCM(keyring.get(_PURPOSE, version).derive(b"privacy.erasure:" + erasure_id.bytes))
