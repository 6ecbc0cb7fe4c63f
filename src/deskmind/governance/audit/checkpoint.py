"""Signed checkpoints: the size and root of a tenant's log at a time, under a key that no database holds.

The form is the signed note of transparency logs (C2SP *signed-note* and *tlog-checkpoint*), so that their witnesses
can read it::

    deskmind.audit/5e1c…             the origin: the log's name and its tenant
    1207                             events
    3UyQ…=                           root, base64
    2026-01-31T09:15:00.000000Z      when it was signed

    — deskmind.audit qs1pDk…=        the key's name; key id (4 bytes) and Ed25519 signature, base64

A key is published as one word, ``name+id+base64``: keep those outside of the database, and the checkpoints too.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from deskmind.governance.audit.tree import HASH_BYTES

__all__ = ["LOG_NAME", "Checkpoint", "SigningKey", "VerifyKey", "origin_of"]

LOG_NAME = "deskmind.audit"
_ED25519 = b"\x01"
_DASH = "\N{EM DASH} "


def origin_of(tenant_id: UUID) -> str:
    """The name of a tenant's log."""
    return f"{LOG_NAME}/{tenant_id}"


@dataclass(frozen=True, slots=True)
class VerifyKey:
    """The public half of a signing key.

    Attributes:
        name: of the key, without spaces and ``+``.
        public: 32 bytes.
    """

    name: str
    public: bytes

    def __post_init__(self) -> None:
        if not self.name or "+" in self.name or self.name.split() != [self.name] or len(self.public) != 32:
            raise ValueError("a key has a name without spaces or plus signs, and 32 bytes")

    @property
    def key_id(self) -> bytes:
        """4 bytes that tell keys apart; which key it is, the signature shows."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    @classmethod
    def parse(cls, text: str) -> VerifyKey:
        """Read what ``str`` writes.

        Raises:
            ValueError: it is not such a key, or its id is another key's.
        """
        name, _, rest = text.strip().partition("+")
        stated, _, encoded = rest.partition("+")
        content = _decoded(encoded)
        if content[:1] != _ED25519:
            raise ValueError("this is not an Ed25519 key")
        key = cls(name, content[1:])
        if stated != key.key_id.hex():
            raise ValueError("the key's id does not belong to it")
        return key

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Whether the signature is this key's for the message."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def __str__(self) -> str:
        encoded = base64.b64encode(_ED25519 + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"


class SigningKey:
    """Signs checkpoints; its secret never prints.

    Args:
        secret: 32 bytes, such as a subkey of the keyring's ``audit-signing``.
        name: of the key.
    """

    __slots__ = ("_private", "public")

    def __init__(self, secret: bytes, name: str = LOG_NAME) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(secret)
        self.public = VerifyKey(name, self._private.public_key().public_bytes_raw())

    def sign(self, origin: str, size: int, root: bytes, at: datetime) -> Checkpoint:
        """A checkpoint of a log.

        Raises:
            ValueError: a part of it cannot be written.
        """
        if at.tzinfo is None:
            raise ValueError("a checkpoint's time has a time zone")
        time = f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
        body = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n{time}\n"
        signature = base64.b64encode(self.public.key_id + self._private.sign(body.encode())).decode()
        return Checkpoint.parse(f"{body}\n{_DASH}{self.public.name} {signature}\n")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log at one time, as a signed note states it.

    Attributes:
        origin: which log.
        size: its events.
        root: the Merkle tree's, 32 bytes.
        at: when it was signed.
        note: the text, signatures included.
    """

    origin: str
    size: int
    root: bytes
    at: datetime
    note: str

    @classmethod
    def parse(cls, note: str) -> Checkpoint:
        """Read a note. What it states is not to be believed before ``signed_by``.

        Raises:
            ValueError: it is not a checkpoint.
        """
        body, gap, signatures = note.partition("\n\n")
        lines = body.split("\n")
        if not gap or not signatures.endswith("\n") or len(lines) != 4 or not lines[0]:
            raise ValueError("this is not the note of a checkpoint")
        size, root = lines[1], _decoded(lines[2])
        if not (size.isascii() and size.isdecimal()) or str(int(size)) != size or len(root) != HASH_BYTES:
            raise ValueError("a checkpoint states a size and a root of 32 bytes")
        return cls(lines[0], int(size), root, datetime.fromisoformat(lines[3]), note)

    def signed_by(self, keys: Iterable[VerifyKey]) -> VerifyKey | None:
        """The first of these keys that signed it; None when none did."""
        body, _, signatures = self.note.partition("\n\n")
        message = f"{body}\n".encode()
        given = [line for line in map(_signature, signatures.split("\n")) if line is not None]
        for key in keys:
            for name, key_id, signature in given:
                if (name, key_id) == (key.name, key.key_id) and key.verifies(message, signature):
                    return key
        return None


def _signature(line: str) -> tuple[str, bytes, bytes] | None:
    """Key name, key id and signature of a line of a note; None where it is none."""
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH):
        return None
    try:
        content = _decoded(encoded)
    except ValueError:
        return None
    return name, content[:4], content[4:]


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("this is not base64") from None
