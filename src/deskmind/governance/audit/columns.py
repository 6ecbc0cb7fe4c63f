"""The canonical bytes of an event written in SQL, of the columns of a row ``s`` of ``audit_events``."""

from __future__ import annotations

__all__ = ["CANONICAL"]

CANONICAL = """convert_to('{"audit":' || s.form || ',"tenant":"' || s.tenant_id || '","event":"' || s.event_id
    || '","at":"' || to_char(s.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    || CASE WHEN s.form = 1 THEN '","principal_id":"' || s.principal_id || '","principal":' || to_json(s.principal)
            WHEN s.subject IS NULL THEN '","by":["' || s.principal_id || '",' || to_json(s.principal) || ']'
            ELSE '","by_person":["' || s.subject || '","' || encode(s.personal, 'hex') || '"]' END
    || CASE WHEN s.about IS NULL THEN ''
            ELSE ',"about_person":["' || s.about || '","' || encode(s.about_personal, 'hex') || '"]' END
    || ',"action":' || to_json(s.action) || ',"resource":' || to_json(s.resource) || ',"outcome":' || to_json(s.outcome)
    || CASE WHEN s.form = 1 THEN '' ELSE ',"decision":' || to_json(s.decision) END
    || ',"correlation":' || to_json(s.correlation_id) || ',"details":' || s.details || '}', 'UTF8')"""
