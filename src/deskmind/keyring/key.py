"""One key, and what keys are for."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NoReturn

__all__ = ["PURPOSES", "SECRET_BYTES", "Key"]

PURPOSES = frozenset(
    {
        *(
            "scope-token",
            "api-key",
            "database-role",
            "pseudonym",
            "content-encryption",
            "audit-signing",
            "audit-subjects",
            "webhook",
        ),
        *("privacy-mark", "privacy-receipt", "evidence"),
    }
)
"""What keys are for. A key serves one purpose only."""

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Key:
    """One version of the key of a purpose; its secret never prints and is not pickled.

    Attributes:
        purpose: one of ``PURPOSES``.
        version: from 1, never used twice for a purpose.
        secret: 32 random bytes.
        created_at: when it was made, with time zone.
    """

    purpose: str
    version: int
    secret: bytes = field(repr=False)
    created_at: datetime

    @classmethod
    def generate(cls, purpose: str, version: int) -> Key:
        """A new random key, made now."""
        return cls(purpose, version, secrets.token_bytes(SECRET_BYTES), datetime.now(UTC))

    def derive(self, info: bytes, length: int = 32) -> bytes:
        """A subkey of ``length`` bytes (1 to 8160) bound to ``info``, by HKDF-SHA-256 (RFC 5869).

        Raises:
            ValueError: ``length`` is out of range.
        """
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        return HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(self.secret)

    def mac(self, message: bytes) -> bytes:
        """HMAC-SHA-256 of a message, 32 bytes."""
        return hmac.digest(self.secret, message, hashlib.sha256)

    def verifies(self, message: bytes, mac: bytes) -> bool:
        """Whether ``mac`` is this key's for the message, compared in constant time."""
        return hmac.compare_digest(self.mac(message), mac)

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied.

        Raises:
            TypeError: always.
        """
        raise TypeError("keys are not pickled")
