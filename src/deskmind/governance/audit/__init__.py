"""The audit log: append-only events, written in the transaction of their act."""

from deskmind.governance.audit.log import AuditEvent, audit_events, record

__all__ = ["AuditEvent", "audit_events", "record"]
