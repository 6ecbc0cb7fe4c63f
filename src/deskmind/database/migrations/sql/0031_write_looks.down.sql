SET LOCAL ROLE <prefix>_system;
DROP FUNCTION writes_unknown();
DROP FUNCTION writes_due();
SET LOCAL ROLE <prefix>_owner;
REVOKE SELECT (tenant_id, write_id, connection_id, vendor, state, lease_until, made_at, claimed_at, look_at, handed_at)
    ON writes FROM <prefix>_system;
DROP POLICY writes_looked_for ON writes;
ALTER TABLE sync_passes DROP COLUMN unmapped;
DROP INDEX writes_unsettled;
ALTER TABLE writes DROP COLUMN looks, DROP COLUMN look_at, DROP COLUMN handed_at;
