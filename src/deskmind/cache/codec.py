"""How values become bytes and come back; never pickle, so reading bytes runs nothing."""

from __future__ import annotations

import hashlib
import json
import struct
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import PydanticInvalidForJsonSchema, TypeAdapter

from deskmind.errors import UncacheableValueError

__all__ = ["Codec", "Float32Codec", "JsonCodec"]

T = TypeVar("T")
_OBJECT_BYTES = {b"{": 256, b"[": 64, b",": 64, b'"': 24}
"""Bytes in memory for each mark in JSON, besides the text (measured on models, dataclasses, lists and dicts)."""


@runtime_checkable
class Codec(Protocol[T]):
    """Turns values of one type into bytes and back.

    Attributes:
        format: tells this codec's bytes from those of other codecs and other shapes of the type. What was
            written in another format is a miss, so releases with different types may share a server.
    """

    @property
    def format(self) -> str: ...

    def encode(self, value: T) -> bytes:
        """The bytes. Raises ``UncacheableValueError`` for what is not of the type."""
        ...

    def decode(self, data: bytes) -> T:
        """The value. May raise anything for bytes that ``encode`` did not make: it counts as a miss."""
        ...

    def memory(self, data: bytes) -> int:
        """Bytes that the decoded value takes in memory, about."""
        ...


class JsonCodec(Generic[T]):
    """JSON by pydantic: models, dataclasses, typed dicts, and what the standard library knows.

    Fields go by their names, not their aliases; computed fields are left out. The format contains a hash of the
    type's schema.

    Args:
        kind: the type, such as ``list[Passage]``.
    """

    __slots__ = ("_adapter", "format")

    def __init__(self, kind: type[T] | Any) -> None:
        self._adapter: TypeAdapter[T] = TypeAdapter(kind)
        try:
            shape = json.dumps(self._adapter.json_schema(by_alias=False), sort_keys=True)
        except PydanticInvalidForJsonSchema:
            shape = repr(kind)
        self.format = "json:" + hashlib.blake2b(shape.encode(), digest_size=8).hexdigest()

    def encode(self, value: T) -> bytes:
        """The value as UTF-8 JSON."""
        try:
            return self._adapter.dump_json(value, round_trip=True, by_alias=False, warnings="error")
        except ValueError as error:
            raise _uncacheable(value, error) from error

    def decode(self, data: bytes) -> T:
        """The value, validated."""
        return self._adapter.validate_json(data, by_alias=False, by_name=True)

    def memory(self, data: bytes) -> int:
        """The text, and the objects that its marks stand for."""
        return len(data) + sum(data.count(mark) * size for mark, size in _OBJECT_BYTES.items())


class Float32Codec:
    """float32 arrays as their little-endian bytes after their shape; they come back read-only, bit for bit."""

    __slots__ = ()

    format = "float32:1"

    def encode(self, value: NDArray[np.float32]) -> bytes:
        """Number of dimensions (1 byte), each dimension (4 bytes), then the numbers in row order."""
        if value.dtype != np.float32 or value.ndim > 32:
            raise _uncacheable(value, TypeError(f"dtype {value.dtype}, {value.ndim} dimensions"))
        shape = struct.pack(f"<B{value.ndim}I", value.ndim, *value.shape)
        return shape + value.astype("<f4", copy=False).tobytes()

    def decode(self, data: bytes) -> NDArray[np.float32]:
        """A read-only array over the bytes."""
        (dimensions,) = struct.unpack_from("<B", data)
        shape = struct.unpack_from(f"<{dimensions}I", data, 1)
        flat: NDArray[np.float32] = np.frombuffer(data, "<f4", offset=1 + 4 * dimensions)
        return flat.reshape(shape)

    def memory(self, data: bytes) -> int:
        """The bytes and the array object."""
        return len(data) + 200


def _uncacheable(value: object, why: Exception) -> UncacheableValueError:
    return UncacheableValueError(
        f"A value of type {type(value).__name__} cannot be cached.",
        why=f"Its codec refuses it ({type(why).__name__}).",
        remedy="Give the cache the codec for the type that its loader returns.",
    )
