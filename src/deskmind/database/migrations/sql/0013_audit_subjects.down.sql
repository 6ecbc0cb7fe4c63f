-- Events of the second form stay as they were sealed; the older release finds their columns unlike their bytes.
SET LOCAL ROLE <prefix>_system;
DROP FUNCTION audit_append(uuid, uuid, json);
SET LOCAL ROLE <prefix>_owner;
DROP POLICY audit_append ON audit_events;
REVOKE INSERT ON audit_events FROM <prefix>_system;
DROP POLICY tenants_append ON tenants;
REVOKE SELECT (tenant_id) ON tenants FROM <prefix>_system;
REVOKE EXECUTE ON FUNCTION audit_canonical(audit_events) FROM <prefix>_system;

CREATE OR REPLACE FUNCTION audit_canonical(e audit_events) RETURNS bytea
LANGUAGE sql STABLE SET search_path = pg_catalog, <schema>, pg_temp
AS $$
    SELECT convert_to('{"audit":1,"tenant":"' || e.tenant_id || '","event":"' || e.event_id
        || '","at":"' || to_char(e.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        || '","principal_id":"' || e.principal_id || '","principal":' || to_json(e.principal)
        || ',"action":' || to_json(e.action) || ',"resource":' || to_json(e.resource)
        || ',"outcome":' || to_json(e.outcome) || ',"correlation":' || to_json(e.correlation_id)
        || ',"details":' || e.details || '}', 'UTF8') $$;

ALTER TABLE audit_events NO FORCE ROW LEVEL SECURITY;
UPDATE audit_events SET principal_id = subject, principal = 'encrypted' WHERE principal_id IS NULL;
ALTER TABLE audit_events FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_events
    DROP COLUMN decision, DROP COLUMN about_personal, DROP COLUMN about, DROP COLUMN personal, DROP COLUMN subject,
    DROP COLUMN form, ALTER COLUMN principal_id SET NOT NULL;
DROP TABLE audit_subjects;
