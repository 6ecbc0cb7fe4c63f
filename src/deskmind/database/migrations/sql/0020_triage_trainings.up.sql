-- Trainings of triage by workers: what was asked for and what came of it. They name nobody; who asked is in the audit log.
CREATE TABLE triage_trainings (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    training_id uuid NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    scheduled boolean NOT NULL, -- by the schedule, not by a person
    threshold real NOT NULL CHECK (threshold BETWEEN 0 AND 1),
    embed boolean NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    started_at timestamptz,
    finished_at timestamptz,
    tickets integer NOT NULL DEFAULT 0, -- learned from
    version integer, -- of the model that came of it
    problem text NOT NULL DEFAULT '', -- what went wrong, without content
    PRIMARY KEY (tenant_id, training_id)
);
CREATE INDEX triage_trainings_newest ON triage_trainings (tenant_id, asked_at DESC);
CREATE UNIQUE INDEX triage_trainings_waiting ON triage_trainings (tenant_id) WHERE state = 'waiting';
ALTER TABLE triage_trainings ENABLE ROW LEVEL SECURITY;
ALTER TABLE triage_trainings FORCE ROW LEVEL SECURITY;

CREATE POLICY triage_trainings_operate ON triage_trainings FOR ALL TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = 'operate')
    WITH CHECK (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = 'operate');
GRANT SELECT, INSERT, UPDATE, DELETE ON triage_trainings TO <prefix>_app;
SELECT let_erase('triage_trainings');
