-- ---------------------------------------------------------------- approvers edit, proposals escalate, blocks outlast runs

-- An edit makes a new revision: approvals count for the revision they were given to.
ALTER TABLE agent_proposals
    ADD COLUMN revision integer NOT NULL DEFAULT 0,
    ADD COLUMN edits jsonb NOT NULL DEFAULT '[]', -- who changed which values when, before and after
    ADD COLUMN escalates_at timestamptz,
    ADD COLUMN escalated_at timestamptz;
CREATE INDEX agent_proposals_escalating ON agent_proposals (tenant_id, escalates_at) WHERE state = 'open' AND escalated_at IS NULL;
ALTER TABLE agent_votes ADD COLUMN revision integer NOT NULL DEFAULT 0;
ALTER TABLE agent_votes DROP CONSTRAINT agent_votes_pkey;
ALTER TABLE agent_votes ADD CONSTRAINT agent_votes_pkey PRIMARY KEY (tenant_id, proposal_id, revision, approver_id);

-- Row-level security lets only who decides for the tenant update (agent_proposals_decided).
GRANT UPDATE (arguments, changes, prepared, reason, needed, revision, edits, escalated_at) ON agent_proposals TO <prefix>_app;
GRANT SELECT (edits), UPDATE (edits) ON agent_proposals TO <prefix>_privacy;

-- What stays forbidden beyond a run: a call with the same arguments, or what an agent of one user writes and sends.
CREATE TABLE agent_blocks (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('call', 'agent')),
    subject text NOT NULL, -- a digest
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    principal_id uuid, -- whose agent; NULL is the operator's, or everybody's
    tool text NOT NULL,
    agent text NOT NULL,
    reason text NOT NULL DEFAULT '',
    until timestamptz, -- NULL is for good
    PRIMARY KEY (tenant_id, kind, subject, at),
    FOREIGN KEY (tenant_id, principal_id) REFERENCES principals ON DELETE CASCADE
);
CREATE INDEX agent_blocks_principal ON agent_blocks (tenant_id, principal_id);
ALTER TABLE agent_blocks ENABLE ROW LEVEL SECURITY;
ALTER TABLE agent_blocks FORCE ROW LEVEL SECURITY;
SELECT let_erase('agent_blocks');

CREATE POLICY agent_blocks_read ON agent_blocks FOR SELECT TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()));
-- A run may block itself. It can neither block others nor lift anything.
CREATE POLICY agent_blocks_add ON agent_blocks FOR INSERT TO <prefix>_app
    WITH CHECK (tenant_id = (SELECT scope_tenant())
        AND ((SELECT scope_act()) = 'operate' OR kind = 'agent' AND principal_id = (SELECT scope_principal())));
CREATE POLICY agent_blocks_lift ON agent_blocks FOR DELETE TO <prefix>_app
    USING (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = 'operate');
GRANT SELECT, INSERT, DELETE ON agent_blocks TO <prefix>_app;

CREATE POLICY privacy ON agent_blocks FOR ALL TO <prefix>_privacy
    USING (tenant_id = (SELECT scope_tenant()) AND (SELECT scope_act()) = 'operate');
GRANT SELECT (tenant_id, principal_id, reason), UPDATE (reason) ON agent_blocks TO <prefix>_privacy;
