DROP TABLE workflow_steps;
-- Runs of workflows cannot be understood by the release before; those that were paused end.
DELETE FROM agent_runs WHERE kind = 'workflow';
UPDATE agent_runs SET state = 'cancelled', ended_at = now() WHERE state = 'paused';
ALTER TABLE agent_runs
    DROP CONSTRAINT agent_runs_state_check,
    ADD CONSTRAINT agent_runs_state_check CHECK (state IN ('queued', 'running', 'waiting', 'done', 'failed', 'cancelled')),
    DROP COLUMN kind,
    DROP COLUMN workflow_version,
    DROP COLUMN parent_id,
    DROP COLUMN forked_from,
    DROP COLUMN wake_at,
    DROP COLUMN pausing;
