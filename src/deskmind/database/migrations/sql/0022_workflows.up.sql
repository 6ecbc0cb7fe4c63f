-- ---------------------------------------------------------------- runs of workflows

-- A workflow's run is a run: the same lease, approvals and claims of effects. Its steps are rows of their own, by their place.
ALTER TABLE agent_runs
    ADD COLUMN kind text NOT NULL DEFAULT 'agent' CHECK (kind IN ('agent', 'workflow')),
    ADD COLUMN workflow_version integer NOT NULL DEFAULT 0, -- of a workflow: a run ends under the version it began with
    ADD COLUMN parent_id uuid, -- the workflow's run whose step this run is
    ADD COLUMN forked_from uuid, -- the run whose first steps were taken over
    ADD COLUMN wake_at timestamptz, -- of one that waits for a time
    ADD COLUMN pausing boolean NOT NULL DEFAULT false, -- pause before the next step
    DROP CONSTRAINT agent_runs_state_check,
    ADD CONSTRAINT agent_runs_state_check
        CHECK (state IN ('queued', 'running', 'waiting', 'paused', 'done', 'failed', 'cancelled'));
CREATE INDEX agent_runs_children ON agent_runs (tenant_id, parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX agent_runs_waking ON agent_runs (tenant_id, wake_at) WHERE wake_at IS NOT NULL;

CREATE TABLE workflow_steps (
    tenant_id uuid NOT NULL,
    run_id uuid NOT NULL,
    path text COLLATE "C" NOT NULL, -- the place: 3, or 3.net.1 for the first step of the branch net at 3
    principal_id uuid,
    epoch integer NOT NULL,
    name text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('step', 'tool', 'agent', 'workflow', 'sleep', 'undo')),
    state text NOT NULL CHECK (state IN ('running', 'done', 'failed')),
    attempts integer NOT NULL DEFAULT 1,
    child_id uuid, -- the run that this step is
    value jsonb, -- what it gave
    problem text NOT NULL DEFAULT '', -- code of the error
    reason text NOT NULL DEFAULT '', -- of the error, without content
    began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    PRIMARY KEY (tenant_id, run_id, path),
    FOREIGN KEY (tenant_id, run_id) REFERENCES agent_runs ON DELETE CASCADE
);

ALTER TABLE workflow_steps ENABLE ROW LEVEL SECURITY;
ALTER TABLE workflow_steps FORCE ROW LEVEL SECURITY;
SELECT let_erase('workflow_steps');
CREATE POLICY workflow_steps_own ON workflow_steps FOR ALL TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant())
           AND ((SELECT scope_act()) = 'operate' OR principal_id = (SELECT scope_principal())))
    WITH CHECK (tenant_id = (SELECT scope_tenant())
           AND ((SELECT scope_act()) = 'operate' OR principal_id = (SELECT scope_principal())));
GRANT UPDATE (wake_at, pausing) ON agent_runs TO <prefix>_app;
GRANT SELECT, INSERT, UPDATE (epoch, state, attempts, child_id, value, problem, reason, ended_at) ON workflow_steps TO <prefix>_app;

-- Mentions of who is erased are masked in everybody's runs; own rows go with the account.
CREATE POLICY privacy ON workflow_steps FOR ALL TO <prefix>_privacy
    USING (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = 'operate');
GRANT SELECT (tenant_id, principal_id, value), UPDATE (value) ON workflow_steps TO <prefix>_privacy;
