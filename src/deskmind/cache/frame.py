"""How a value lies in the shared server.

A frame is: a token of 9 bytes that begins with its kind, a checksum of 16 bytes, then the body. The token is drawn anew for each
frame and is what a conditional write compares. The checksum is a BLAKE2b of name and body, so that a damaged
frame, or one under a name that it was not written for, is a miss. A claim is the kind ``L`` and a token alone.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import struct
from dataclasses import dataclass

from deskmind.cache.tier import Record

__all__ = ["TOKEN_BYTES", "Frame", "claim", "pack", "token_of", "unpack"]

TOKEN_BYTES = 9
_CHECKSUM_BYTES = 16
_HEAD = TOKEN_BYTES + _CHECKSUM_BYTES
_BODY = struct.Struct("<BdHH8s")
_TAG = struct.Struct("<20s8s")
_ABSENT, _PRESENT = 0, 1


@dataclass(frozen=True, slots=True)
class Frame:
    """What a frame says.

    Attributes:
        record: the value, its tags named as in the namespace.
        generations: of the namespace and of each tag when it was written.
    """

    record: Record
    generations: tuple[bytes, ...]


def claim() -> bytes:
    """A mark that stands for a value being loaded."""
    return b"L" + secrets.token_bytes(TOKEN_BYTES - 1)


def token_of(data: bytes) -> bytes:
    """What a conditional write compares: the first 9 bytes, also of bytes that are no frame."""
    return data[:TOKEN_BYTES]


def pack(name: bytes, record: Record, generations: tuple[bytes, ...]) -> bytes:
    """The frame of a record."""
    written = record.format.encode()
    body = b"".join(
        (
            _BODY.pack(
                _ABSENT if record.payload is None else _PRESENT,
                record.ttl,
                len(written),
                len(record.tags),
                generations[0],
            ),
            written,
            *(
                _TAG.pack(tag[-20:], generation)
                for tag, generation in zip(record.tags, generations[1:], strict=True)
            ),
            record.payload or b"",
        )
    )
    return b"V" + secrets.token_bytes(TOKEN_BYTES - 1) + _checksum(name, body) + body


def unpack(name: bytes, root: bytes, data: bytes) -> Frame | None:
    """What a frame says, or ``None`` for bytes that are no frame of this name."""
    body = data[_HEAD:]
    if data[:1] != b"V" or not hmac.compare_digest(data[TOKEN_BYTES:_HEAD], _checksum(name, body)):
        return None
    presence, ttl, format_bytes, tags, generation = _BODY.unpack_from(body)
    tags_at = _BODY.size + format_bytes
    payload_at = tags_at + tags * _TAG.size
    pairs = list(_TAG.iter_unpack(body[tags_at:payload_at]))
    tag_prefix = root[:-1] + b"t"
    record = Record(
        payload=body[payload_at:] if presence == _PRESENT else None,
        format=body[_BODY.size : tags_at].decode(),
        ttl=ttl,
        tags=tuple(tag_prefix + digest for digest, _ in pairs),
    )
    return Frame(record, (generation, *(each for _, each in pairs)))


def _checksum(name: bytes, body: bytes) -> bytes:
    state = hashlib.blake2b(name, digest_size=_CHECKSUM_BYTES)
    state.update(body)
    return state.digest()
