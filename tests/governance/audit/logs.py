"""A log to check: events, keys and checkpoints, made without a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from deskmind.governance.audit import (
    BundleHead,
    Checkpoint,
    RecordedEvent,
    SigningKey,
    Tree,
    canonical_bytes,
    leaf_hash,
    write_bundle,
)
from deskmind.governance.audit.checkpoint import origin_of

TENANT = UUID("5e1c0000-0000-4000-8000-000000000001")
STRANGER = UUID("5e1c0000-0000-4000-8000-000000000002")
AT = datetime(2026, 1, 31, 9, 15, tzinfo=UTC)
KEY = SigningKey(bytes(range(32)))
NEXT_KEY = SigningKey(bytes(range(1, 33)))


def event(number: int, *, tenant: UUID = TENANT, action: str = "documents.delete") -> bytes:
    return canonical_bytes(
        RecordedEvent(
            tenant, UUID(int=number), AT + timedelta(seconds=number), UUID(int=7), "ana", action,
            f"document-{number}", "done", f"request-{number}", '{"chunks": 3}',
        )
    )  # fmt: skip


def events(count: int) -> list[bytes]:
    return [event(number) for number in range(count)]


def sealed(
    content: list[bytes], size: int | None = None, *, key: SigningKey = KEY, tenant: UUID = TENANT
) -> Checkpoint:
    tree = Tree(map(leaf_hash, content))
    size = tree.size if size is None else size
    return key.sign(origin_of(tenant), size, tree.root(size), AT)


def bundle(content: list[bytes], *checkpoints: Checkpoint, announced: int | None = None) -> list[bytes]:
    count = len(content) if announced is None else announced
    return list(write_bundle(BundleHead(TENANT, count, (KEY.public,), checkpoints), content))
