"""What a server keeps of a password: the SCRAM verifier (RFC 5803), made here so that it stays the same.

A server that is given the password itself chooses a new salt each time, and a pooler that logged in with the old
verifier is locked out until all its clients have come again. Nor does the password appear in the server's log.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

__all__ = ["scram_verifier"]

_ITERATIONS = 4096


def scram_verifier(password: str, salt: bytes) -> str:
    """``SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`` as PostgreSQL takes it for a password.

    Args:
        password: ASCII, so that there is nothing to prepare.
        salt: 16 bytes.
    """
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, _ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    salt_text, stored_text, server_text = (
        base64.b64encode(part).decode("ascii") for part in (salt, stored, server)
    )
    return f"SCRAM-SHA-256${_ITERATIONS}:{salt_text}${stored_text}:{server_text}"
