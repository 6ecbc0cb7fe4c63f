DROP FUNCTION workflows_due();
DROP POLICY agent_runs_due ON agent_runs;
REVOKE SELECT (tenant_id, state, wake_at) ON agent_runs FROM <prefix>_system;
DROP INDEX synced_records_promised;
DROP INDEX synced_records_lately;
DROP TABLE workflow_firings;
DROP TABLE workflow_schedules;
