-- Writes to connected systems, whoever proposed them: a person, or an agent's tool. The row is the proposal and the claim of its
-- effect: it is claimed under a new epoch before anything is sent, and only who holds that epoch writes down what became of it.

CREATE TABLE writes (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    write_id uuid NOT NULL, -- the proposal's id; the mark in the vendor's record derives from it
    connection_id uuid, -- NULL for a connector that the application made itself
    run_id uuid, -- of the agent that proposed it
    principal_id uuid, -- who proposed it; NULL is the operator
    decided_by uuid, -- who sent, rejected or settled it
    vendor text NOT NULL,
    act text NOT NULL,
    target text NOT NULL, -- the vendor's id of the record to change
    target_key text NOT NULL,
    proposal jsonb NOT NULL, -- the difference in the vendor's terms, and how it is sent
    state text NOT NULL CHECK (state IN ('proposed', 'sending', 'applied', 'absent', 'uncertain', 'rejected')),
    epoch integer NOT NULL DEFAULT 0, -- counts the claims; who was claimed over can settle nothing
    lease_until timestamptz, -- until then whoever claimed it is at work
    written_id text NOT NULL DEFAULT '', -- the vendor's id of what was written
    url text NOT NULL DEFAULT '',
    version text NOT NULL DEFAULT '', -- of the record afterwards
    differing text[] NOT NULL DEFAULT '{}', -- fields that the vendor holds otherwise
    problem text NOT NULL DEFAULT '', -- code of the last error
    made_at timestamptz NOT NULL DEFAULT now(),
    claimed_at timestamptz,
    settled_at timestamptz,
    PRIMARY KEY (tenant_id, write_id),
    FOREIGN KEY (tenant_id, connection_id) REFERENCES connections ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, run_id) REFERENCES agent_runs ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, principal_id) REFERENCES principals ON DELETE CASCADE
);
CREATE INDEX writes_newest ON writes (tenant_id, made_at DESC);
CREATE INDEX writes_connection ON writes (tenant_id, connection_id);
CREATE INDEX writes_run ON writes (tenant_id, run_id);
CREATE INDEX writes_principal ON writes (tenant_id, principal_id);

ALTER TABLE writes ENABLE ROW LEVEL SECURITY;
ALTER TABLE writes FORCE ROW LEVEL SECURITY;
SELECT let_erase('writes');
CREATE POLICY writes_own ON writes FOR ALL TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant())
           AND ((SELECT scope_act()) = 'operate' OR principal_id = (SELECT scope_principal())))
    WITH CHECK (tenant_id = (SELECT scope_tenant())
           AND ((SELECT scope_act()) = 'operate' OR principal_id = (SELECT scope_principal())));
-- A desk that does not concern the whole tenant claims what its agents' runs write, and has no connection.
CREATE POLICY writes_of_runs ON writes AS RESTRICTIVE FOR INSERT TO <prefix>_app
    WITH CHECK ((SELECT scope_act()) = 'operate' OR connection_id IS NULL AND run_id IS NOT NULL);
GRANT SELECT, INSERT ON writes TO <prefix>_app;
GRANT UPDATE (decided_by, state, epoch, lease_until, written_id, url, version, differing, problem, claimed_at, settled_at)
    ON writes TO <prefix>_app;

-- Mentions of who is erased are masked in everybody's writes; own rows go with the account.
CREATE POLICY privacy ON writes FOR ALL TO <prefix>_privacy
    USING (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = 'operate');
GRANT SELECT (tenant_id, principal_id, proposal, target_key), UPDATE (proposal, target_key) ON writes TO <prefix>_privacy;
