SET LOCAL ROLE <prefix>_system;
DROP FUNCTION sync_health();
SET LOCAL ROLE <prefix>_owner;
REVOKE SELECT (tenant_id, connection_id) ON sync_problems FROM <prefix>_system;
REVOKE SELECT (tenant_id, connection_id, kind, finished_at, complete_at, notes) ON sync_passes FROM <prefix>_system;
REVOKE SELECT (vendor, kinds, error, created_at) ON connections FROM <prefix>_system;
DROP POLICY sync_problems_health ON sync_problems;
DROP POLICY sync_passes_health ON sync_passes;
ALTER TABLE connections DROP COLUMN paced_until, DROP COLUMN held_until;
