"""The audit log's proofs alone: seal events, cut and rewrite the log, and see it found out. No database, no settings.

Run it: python examples/parts/audit.py
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from uuid import uuid4

from deskmind.governance.audit import (
    BundleHead,
    RecordedEvent,
    SigningKey,
    Tree,
    canonical_bytes,
    leaf_hash,
    verify_bundle,
    write_bundle,
)
from deskmind.governance.audit.checkpoint import origin_of

tenant = uuid4()
now = datetime(2026, 1, 31, 9, 15, tzinfo=UTC)


def event(action: str, resource: str) -> bytes:
    return canonical_bytes(
        RecordedEvent(tenant, uuid4(), now, uuid4(), "ana", action, resource, "done", "request-1", "{}")
    )


def main() -> None:
    key = SigningKey(secrets.token_bytes(32))
    log = [event("documents.delete", f"document-{number}") for number in range(5)]
    tree = Tree(map(leaf_hash, log))
    checkpoint = key.sign(origin_of(tenant), tree.size, tree.root(), now)
    print(f"kept elsewhere: {checkpoint.size} events under one signature")

    for told, changed in (
        ("untouched", log),
        ("one event edited", [*log[:2], event("documents.read", "document-2"), *log[3:]]),
        ("two events swapped", [log[1], log[0], *log[2:]]),
        ("the end cut off", log[:3]),
    ):
        head = BundleHead(tenant, len(changed), (key.public,), ())
        report = verify_bundle(write_bundle(head, changed), [key.public], kept=[checkpoint])
        print(f"{told}: {'holds' if report.holds else report.findings[0].message}")


if __name__ == "__main__":
    main()
