"""The audit log: append-only events, written in the transaction of their act, and the parts that make it prove itself.

``record`` and ``audit_events`` need the database. ``tree`` (Merkle tree of RFC 9162), ``canonical`` (an event's bytes),
``checkpoint`` (signed checkpoints), ``bundle`` and ``verify`` need nothing but ``cryptography``, so that who checks a
log needs no other part of Deskmind: names load what they need on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deskmind.governance.audit.bundle import BundleHead, read_head, write_bundle
    from deskmind.governance.audit.canonical import RecordedEvent, canonical_bytes
    from deskmind.governance.audit.checkpoint import Checkpoint, SigningKey, VerifyKey
    from deskmind.governance.audit.log import AuditEvent, audit_events, record, record_alone
    from deskmind.governance.audit.proof import Proof
    from deskmind.governance.audit.subjects import Person, SubjectKeys, SubjectRing
    from deskmind.governance.audit.tree import Frontier, Tree, leaf_hash, verify_consistency, verify_inclusion
    from deskmind.governance.audit.verify import Finding, Report, verify_bundle

__all__ = [
    "AuditEvent",
    "BundleHead",
    "Checkpoint",
    "Finding",
    "Frontier",
    "Person",
    "Proof",
    "RecordedEvent",
    "Report",
    "SigningKey",
    "SubjectKeys",
    "SubjectRing",
    "Tree",
    "VerifyKey",
    "audit_events",
    "canonical_bytes",
    "leaf_hash",
    "read_head",
    "record",
    "record_alone",
    "verify_bundle",
    "verify_consistency",
    "verify_inclusion",
    "write_bundle",
]

_MODULES = {
    "bundle": ("BundleHead", "read_head", "write_bundle"),
    "canonical": ("RecordedEvent", "canonical_bytes"),
    "checkpoint": ("Checkpoint", "SigningKey", "VerifyKey"),
    "log": ("AuditEvent", "audit_events", "record", "record_alone"),
    "proof": ("Proof",),
    "subjects": ("Person", "SubjectKeys", "SubjectRing"),
    "tree": ("Frontier", "Tree", "leaf_hash", "verify_consistency", "verify_inclusion"),
    "verify": ("Finding", "Report", "verify_bundle"),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
