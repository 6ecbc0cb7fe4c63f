SET LOCAL ROLE <prefix>_search;
DROP FUNCTION sync_referring(uuid, text[], text[]);
SET LOCAL ROLE <prefix>_owner;
REVOKE SELECT (tenant_id, connection_id, kind, external_id, record) ON synced_records FROM <prefix>_search;
DROP POLICY synced_records_refer ON synced_records;
DROP INDEX synced_records_references;
DROP FUNCTION sync_references(uuid, text, jsonb);
DROP FUNCTION sync_reference(uuid, text, text);
DROP TABLE sync_follow_ups;
