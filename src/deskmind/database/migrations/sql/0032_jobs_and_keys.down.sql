REVOKE UPDATE (mac, mac_version) ON api_keys FROM <prefix>_app;
ALTER TABLE api_keys DROP COLUMN rotated_at, DROP COLUMN previous_mac, DROP COLUMN previous_mac_version, DROP COLUMN previous_until;
SET LOCAL ROLE <prefix>_system;
DROP FUNCTION tenant_jobs(bigint, text, text, bigint, integer);
DROP FUNCTION cancel_job(bigint);
SET LOCAL ROLE <prefix>_owner;
DROP INDEX procrastinate_jobs_tenant;
