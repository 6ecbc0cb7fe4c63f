"""The export bundle: a tenant's sealed events with the checkpoints over them, one JSON object a line.

First the head, then public keys, checkpoints, and at last the canonical bytes of each event in the order of their
positions::

    {"bundle":1,"origin":"deskmind.audit/…","tenant":"…","events":1207}
    {"key":"deskmind.audit+b2cd690f+AbC…="}
    {"checkpoint":"deskmind.audit/…\\n1207\\n…"}
    {"audit":1,"tenant":"…","event":"…",…}

The keys in it are for information: a verifier believes only those that it is given from elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from deskmind.governance.audit.checkpoint import Checkpoint, VerifyKey, origin_of

__all__ = ["BundleHead", "read_head", "write_bundle"]

_VERSION = 1
_EVENT = b'{"audit":'


@dataclass(frozen=True, slots=True)
class BundleHead:
    """What stands before the events.

    Attributes:
        tenant_id: whose log.
        events: how many follow.
        keys: that the writer says it signs with.
        checkpoints: as they were stored; not yet believed.
    """

    tenant_id: UUID
    events: int
    keys: tuple[VerifyKey, ...]
    checkpoints: tuple[Checkpoint, ...]


def write_bundle(head: BundleHead, events: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a bundle, line ends included.

    Args:
        head: what stands before the events.
        events: canonical bytes, in the order of their positions from 0.
    """
    origin, tenant = origin_of(head.tenant_id), str(head.tenant_id)
    yield _line({"bundle": _VERSION, "origin": origin, "tenant": tenant, "events": head.events})
    for key in head.keys:
        yield _line({"key": str(key)})
    for checkpoint in head.checkpoints:
        yield _line({"checkpoint": checkpoint.note})
    for event in events:
        yield event + b"\n"


def read_head(lines: Iterator[bytes]) -> tuple[BundleHead, Iterator[bytes]]:
    """The head of a bundle, and its events' canonical bytes as they come.

    Args:
        lines: of the bundle, with or without their ends; read no further than needed.

    Raises:
        ValueError: this is not a bundle that this release can read.
    """
    first = _read(next(lines, b""))
    if first.get("bundle") != _VERSION:
        raise ValueError("this is not an audit bundle of a form that is known here")
    keys: list[VerifyKey] = []
    checkpoints: list[Checkpoint] = []
    for line in lines:
        if line.startswith(_EVENT):
            return _head(first, keys, checkpoints), _events(line, lines)
        member = _read(line)
        if "key" in member:
            keys.append(VerifyKey.parse(str(member["key"])))
        elif "checkpoint" in member:
            checkpoints.append(Checkpoint.parse(str(member["checkpoint"])))
        else:
            raise ValueError("a line before the events is neither a key nor a checkpoint")
    return _head(first, keys, checkpoints), iter(())


def _head(first: dict[str, Any], keys: list[VerifyKey], checkpoints: list[Checkpoint]) -> BundleHead:
    tenant, events = UUID(str(first.get("tenant"))), first.get("events")
    if type(events) is not int or first.get("origin") != origin_of(tenant):
        raise ValueError("the first line does not say how many events of which tenant follow")
    return BundleHead(tenant, events, tuple(keys), tuple(checkpoints))


def _events(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first.removesuffix(b"\n")
    for line in rest:
        yield line.removesuffix(b"\n")


def _line(content: dict[str, str | int]) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _read(line: bytes) -> dict[str, Any]:
    try:
        content: object = json.loads(line)
    except ValueError:
        content = None
    match content:
        case dict():
            return cast("dict[str, Any]", content)
        case _:
            raise ValueError("a line of the bundle is not a JSON object")
