"""Spans as the bytes of OTLP's protobuf messages, written directly.

Building the messages object by object costs some 16 microseconds a span, which at full sampling is the larger part of
what tracing costs at all; the bytes of an attribute that was seen before, or a name, are joined for a few.
Source: opentelemetry-proto 1.x, ``trace/v1/trace.proto`` and ``common/v1/common.proto``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from struct import Struct

from opentelemetry.util.types import AttributeValue

from deskmind.observability.telemetry._spans import LightSpan

__all__ = ["SpanEncoder"]

_LONGEST_VALUE = 20_000
_LONGEST_REMEMBERED = 128
_ONE_BYTE = [bytes((number,)) for number in range(128)]
_MOST_VARINT = (1 << 64) - 1
_FIXED64 = Struct("<Q").pack
_DOUBLE = Struct("<cd").pack
_TIMES = Struct("<BQBQ").pack
_TRACE_ID, _SPAN_ID, _STATE, _PARENT_ID = b"\x0a\x10", b"\x12\x08", b"\x1a", b"\x22\x08"
_STARTED, _ENDED = 0x39, 0x41
_ATTRIBUTE, _EVENT = b"\x4a", b"\x5a"
_EVENT_ATTRIBUTE = b"\x1a"
_FAILED = b"\x7a\x02\x18\x02"
_KINDS = [b"\x30" + bytes((number + 1,)) for number in range(5)]
_HAS_REMOTE, _IS_REMOTE = 0x100, 0x200


class SpanEncoder:
    """Writes batches of spans as one ``ExportTraceServiceRequest``.

    Args:
        resource: who sends them, as attributes.
        scope: name of the instrumentation.
        version: of the instrumentation.
    """

    def __init__(self, resource: Mapping[str, str], scope: str, version: str) -> None:
        self._resource = _field(b"\x0a", b"".join(_attributes(b"\x0a", resource)))
        self._scope = _field(b"\x0a", _text(b"\x0a", scope) + _text(b"\x12", version))

    def encode(self, spans: Iterable[LightSpan]) -> bytes:
        """The request's bytes."""
        scoped = [self._scope]
        scoped.extend(_field(b"\x12", _span(span)) for span in spans)
        return _field(b"\x0a", self._resource + _field(b"\x12", b"".join(scoped)))


def _span(span: LightSpan) -> bytes:
    parts = [_TRACE_ID, span.trace_id.to_bytes(16, "big"), _SPAN_ID, span.span_id.to_bytes(8, "big")]
    if span.trace_state:
        parts.append(_text(_STATE, span.trace_state.to_header()))
    if span.parent_id:
        parts += (_PARENT_ID, span.parent_id.to_bytes(8, "big"))
    parts += (_name(span.name), _KINDS[span.kind.value], _TIMES(_STARTED, span.started, _ENDED, span.ended))
    parts += _attributes(_ATTRIBUTE, span.attributes)
    parts += [_field(_EVENT, _event(*event)) for event in span.events]
    if span.failed:
        parts.append(_FAILED)
    parts.append(_flags(span.sampled, bool(span.local_root and span.parent_id)))
    return b"".join(parts)


def _event(name: str, attributes: Mapping[str, AttributeValue], at: int) -> bytes:
    return b"".join((b"\x09", _FIXED64(at), _text(b"\x12", name), *_attributes(_EVENT_ATTRIBUTE, attributes)))


@lru_cache
def _flags(sampled: bool, remote: bool) -> bytes:
    flags = _HAS_REMOTE | (_IS_REMOTE if remote else 0) | (1 if sampled else 0)
    return b"\x85\x01" + flags.to_bytes(4, "little")


@lru_cache(maxsize=512)
def _name(name: str) -> bytes:
    return _text(b"\x2a", name)


def _attributes(tag: bytes, attributes: Mapping[str, AttributeValue]) -> list[bytes]:
    written: list[bytes] = []
    for key, value in attributes.items():
        if type(value) is str and len(value) <= _LONGEST_REMEMBERED:
            written.append(_remembered(tag, key, value))
        else:
            written.append(_field(tag, _key(key) + _field(b"\x12", _any(value))))
    return written


@lru_cache(maxsize=4_096)
def _remembered(tag: bytes, key: str, value: str) -> bytes:
    return _field(tag, _key(key) + _field(b"\x12", _text(b"\x0a", value)))


@lru_cache(maxsize=1_024)
def _key(key: str) -> bytes:
    return _text(b"\x0a", key)


def _any(value: AttributeValue) -> bytes:
    """The ``AnyValue``; a value of a kind that OTLP does not have is written as text."""
    if isinstance(value, str):
        return _text(b"\x0a", value[:_LONGEST_VALUE])
    if isinstance(value, bool):
        return b"\x10\x01" if value else b"\x10\x00"
    if isinstance(value, int):
        return b"\x18" + _varint(value & _MOST_VARINT)
    if isinstance(value, float):
        return _DOUBLE(b"\x21", value)
    if isinstance(value, Sequence):  # pyright: ignore[reportUnnecessaryIsInstance]
        return _field(b"\x2a", b"".join(_field(b"\x0a", _any(item)) for item in value))
    return _text(b"\x0a", str(value)[:_LONGEST_VALUE])


def _text(tag: bytes, text: str) -> bytes:
    return _field(tag, text.encode("utf-8", "replace"))


def _field(tag: bytes, content: bytes) -> bytes:
    return tag + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    if number < 128:
        return _ONE_BYTE[number]
    written = bytearray()
    while number >= 128:
        written.append(number & 127 | 128)
        number >>= 7
    written.append(number)
    return bytes(written)
